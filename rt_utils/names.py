"""The names of encoders and data sets, so that they can be checked before anything heavy is imported."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rt_utils.errors import InputError, unknown

EMBEDDED = ("robust", "standard", "random", "sprites-robust", "sprites-standard", "sprites-random")
_SHIPPED = ("robust", "standard", "random")
_TRAINED = {Path(file.name) for file in (files("natural_world") / "weights").iterdir()}  # some perhaps by the user
NATURAL = (*_SHIPPED, *sorted({path.stem for path in _TRAINED if path.suffix == ".json"} - {*_SHIPPED}))
ENCODERS = (*(f"embedded/{name}" for name in EMBEDDED), *(f"natural/{name}" for name in NATURAL))
ROBUSTBENCH = "robustbench/"
OTHER_ENCODERS = (
    "torchvision/NAME",
    "timm/NAME",
    "file:PATH@torchvision/NAME",
    f"{ROBUSTBENCH}DATASET/THREAT/NAME",
)
DATA_SETS = ("glyphs", "digits", "digits:stretched", "textures", "sprites")
DOWNLOADED = (  # in the folder of data
    "cifar10",
    "cifar100",
    "cifar10-jpeg",
    "fashion-mnist",
    "tinyimagenet100",
    "intel",
    "dsprites",
)
FOLDER = "folder:"
INTEL = "intel:"
DSPRITES = "dsprites:"
FILE = "file:"


def short_name(encoder: str) -> str:
    """An encoder's name as tables and figures show it: without the world that a shipped one comes from."""
    return encoder.removeprefix("embedded/").removeprefix("natural/")


def _torchvision_names(name: str) -> Sequence[str]:
    """What `name` may be in torchvision: itself if its architecture is known there, else all that are."""
    import torchvision

    known = [f"torchvision/{arch}" for arch in torchvision.models.list_models(module=torchvision.models)]
    return [name] if name.partition(":")[0] in known else known


def _timm_names(name: str) -> Sequence[str]:
    import timm

    arch = name.removeprefix("timm/")
    known = timm.list_models() if "." not in arch else timm.list_pretrained()
    return [name] if arch in known else [f"timm/{other}" for other in known]


def split_file(name: str) -> tuple[str, str]:
    """The path and the architecture in 'file:PATH@torchvision/NAME'. Raises InputError."""
    path, _, architecture = name.removeprefix(FILE).rpartition("@")
    if not path or not architecture.startswith(("torchvision/", "timm/")):
        raise InputError(f"encoder {name!r} names no architecture: write file:PATH@torchvision/NAME")
    return str(Path(path).expanduser()), architecture


def check_encoder(name: str) -> None:
    """Raises InputError for a name that `encoders.load` does not know, or a file that is not there."""
    if name.startswith(FILE):
        path, architecture = split_file(name)
        if not Path(path).is_file():
            raise InputError(f"no file {path!r}: give file:PATH@{architecture} with safetensors or a state_dict")
        check_encoder(architecture)
        return
    if name.startswith(ROBUSTBENCH):
        from rt_utils import robustbench_models

        robustbench_models.parse(name)
        return
    known: Sequence[str] = (*ENCODERS, *OTHER_ENCODERS)
    if name.startswith("torchvision/"):
        known = _torchvision_names(name)
    elif name.startswith("timm/"):
        known = _timm_names(name)
    if name not in known or name in OTHER_ENCODERS:
        raise unknown("encoder", name, known)


def folder(path: str) -> Path:
    """The folder of that name. Raises InputError where there is none, or no file in it."""
    root = Path(path).expanduser()
    if not root.is_dir():
        raise InputError(
            f"no folder {path!r}: give 'folder:PATH' with one sub-folder a class, or images without labels"
        )
    if not any(file.is_file() and not file.name.startswith(".") for file in root.rglob("*")):
        raise InputError(f"{path!r} holds no image: put images there, or one sub-folder a class")
    return root


def check_data_set(name: str) -> None:
    """Raises InputError for a name that `datasets.load` does not know, or data that are not there."""
    if name.startswith(FOLDER):
        folder(name.removeprefix(FOLDER))
    elif name in DOWNLOADED or name.startswith((INTEL, DSPRITES)):
        from rt_utils import downloaded

        downloaded.check(name)
    elif name not in DATA_SETS:
        raise unknown("data set", name, (*DATA_SETS, *DOWNLOADED, "folder:PATH"))
