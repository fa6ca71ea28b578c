"""The names of encoders and data sets, so that they can be checked before anything heavy is imported."""

from pathlib import Path

from rt_utils.errors import InputError, unknown

EMBEDDED = ("robust", "standard", "random")
ENCODERS = tuple(f"embedded/{name}" for name in EMBEDDED)
DATA_SETS = ("glyphs", "digits", "digits:stretched", "textures", "sprites")
FOLDER = "folder:"


def check_encoder(name: str) -> None:
    """Raises InputError for a name that `encoders.load` does not know."""
    if name not in ENCODERS:
        raise unknown("encoder", name, ENCODERS)


def folder(path: str) -> Path:
    """The folder of that name. Raises InputError where there is none."""
    root = Path(path).expanduser()
    if not root.is_dir():
        raise InputError(
            f"no folder {path!r}: give 'folder:PATH' with one sub-folder a class, or images without labels"
        )
    return root


def check_data_set(name: str) -> None:
    """Raises InputError for a name that `datasets.load` does not know, or a folder that is not there."""
    if name.startswith(FOLDER):
        folder(name.removeprefix(FOLDER))
    elif name not in DATA_SETS:
        raise unknown("data set", name, (*DATA_SETS, "folder:PATH"))
