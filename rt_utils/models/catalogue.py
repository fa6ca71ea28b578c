"""From a name to a frozen encoder. One registry: what names begin with, how they are checked, what loads them.

Checking imports nothing heavy for the names that come with the book, so that a wrong one is refused at once.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rt_utils.models import name_options, public_files
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError, unknown
from rt_utils.runtime.lazy import lazily
from rt_utils.runtime.paths import SHIPPED

if TYPE_CHECKING:
    from rt_utils.models.frozen_encoder import Encoder
    from rt_utils.models.head import Head

EMBEDDED = ("robust", "standard", "random", "certified", "sprites-robust", "sprites-standard", "sprites-random")
_NATURAL = ("robust", "standard", "random")
# The user may have trained further ones.
NATURAL = (*_NATURAL, *sorted({path.stem for path in (SHIPPED / "natural").glob("*.json")} - {*_NATURAL}))
PUBLIC = public_files.NAMES  # by others; a user fetches their weights
ENCODERS = (*(f"embedded/{name}" for name in EMBEDDED), *(f"natural/{name}" for name in NATURAL))
NO_REPRESENTATION = ("pixels", "blocks")  # the control: grey pixels, or an 8 x 8 grid of their means, as features


def split_file(name: str) -> tuple[str, str]:
    """The path and the architecture in 'file:PATH@torchvision/NAME'. Raises InputError."""
    path, _, architecture = name.removeprefix("file:").rpartition("@")
    if not path or not architecture.startswith(("torchvision/", "timm/", "open_clip/", "robustbench/")):
        raise InputError(
            f"encoder {name!r} names no architecture: write file:PATH@torchvision/NAME, @timm/NAME, or, for a class of "
            "your own, python:FILE.py:FACTORY (also @open_clip/NAME, @robustbench/DATASET/THREAT/NAME)"
        )
    return os.path.expanduser(path), architecture


def _check_shipped(name: str) -> None:
    if name not in ENCODERS:
        raise unknown("encoder", name, _forms())


def _check_public(name: str) -> None:
    if name not in PUBLIC:
        raise unknown("encoder", name, _forms())
    public_files.check(name)


def _check_whole(name: str) -> None:
    if name not in NO_REPRESENTATION:
        raise unknown("encoder", name, _forms())


def _check_torchvision(name: str) -> None:
    import torchvision

    known = [f"torchvision/{arch}" for arch in torchvision.models.list_models(module=torchvision.models)]
    if name_options.split(name)[0].partition(":")[0] not in known:
        raise unknown("encoder", name, known)


def _check_timm(name: str) -> None:
    import timm

    arch = name_options.split(name)[0].removeprefix("timm/")
    known = timm.list_models() if "." not in arch else timm.list_pretrained()
    if arch not in known:
        raise unknown("encoder", name, [f"timm/{other}" for other in known])


def _check_file(name: str) -> None:
    path, architecture = split_file(name)
    if not os.path.isfile(path):  # which does not raise for what no path can be
        what = f"{path!r} is a folder" if os.path.isdir(path) else f"no file {path!r}"
        raise InputError(f"{what}: give file:PATH@{architecture} with safetensors or a state_dict")
    _source(architecture).check(architecture)


def _no_head(name: str, data: str, classes: Sequence[str]) -> None:
    return None


@dataclass(frozen=True)
class Source:
    """Encoders whose names begin alike. `form`: how such a name is written, where it is not one of ENCODERS."""

    form: str
    check: Callable[[str], None]
    load: Callable[..., "Encoder"]
    head: Callable[[str, str, Sequence[str]], "Head | None"] = _no_head


SOURCES: dict[str, Source] = {
    "embedded/": Source("", _check_shipped, lazily("rt_utils.models.shipped", "load")),
    "natural/": Source(
        "",
        _check_shipped,
        lazily("rt_utils.models.shipped", "load"),
        lazily("rt_utils.models.shipped", "pretrained_head"),
    ),
    "public/": Source(
        "",
        _check_public,
        lazily("rt_utils.models.public", "load"),
        lazily("rt_utils.models.public", "pretrained_head"),
    ),
    **dict.fromkeys(NO_REPRESENTATION, Source("", _check_whole, lazily("rt_utils.models.no_representation", "load"))),
    "torchvision/": Source("torchvision/NAME", _check_torchvision, lazily("rt_utils.models.libraries", "load")),
    "timm/": Source("timm/NAME", _check_timm, lazily("rt_utils.models.libraries", "load")),
    "file:": Source("file:PATH@torchvision/NAME", _check_file, lazily("rt_utils.models.libraries", "load")),
    "python:": Source(
        "python:FILE.py:FACTORY",
        lazily("rt_utils.models.factory_names", "check"),
        lazily("rt_utils.models.user_code", "load"),
    ),
    "robustbench/": Source(
        "robustbench/DATASET/THREAT/NAME",
        lazily("rt_utils.models.robustbench", "parse"),
        lazily("rt_utils.models.libraries", "load"),
        lazily("rt_utils.models.libraries", "pretrained_head"),
    ),
    "open_clip/": Source(
        "open_clip/NAME",
        lazily("rt_utils.models.open_clip_names", "check"),
        lazily("rt_utils.models.libraries", "load"),
    ),
}


def _forms() -> tuple[str, ...]:
    return (*(source.form for source in SOURCES.values() if source.form), *ENCODERS, *PUBLIC, *NO_REPRESENTATION)


def _source(name: str) -> Source:
    source = next((source for prefix, source in SOURCES.items() if name.startswith(prefix)), None)
    if source is None and os.path.isfile(os.path.expanduser(name.rpartition("@")[0])):
        raise InputError(f"unknown encoder {name!r}: for weights in a file write 'file:{name}'")
    if source is None and (path := paths.existing(name)) is not None and path.is_file():
        raise InputError(
            f"unknown encoder {name!r}: for weights in a file write 'file:{name}@torchvision/NAME' or @timm/NAME, "
            "for code python:FILE.py:FACTORY"
        )
    if source is None or name == source.form:
        raise unknown("encoder", name, _forms())
    return source


def check_encoder(name: str) -> None:
    """Raises InputError for a name that `load_encoder` does not know, or a file that is not there."""
    if not name.startswith("file:") and ":key=" in name:
        raise InputError(
            f"{name!r} gives a key, which says where in a file the weights lie: write file:PATH@...:key=..."
        )
    _source(name).check(name)


def load_encoder(name: str, *, fold: bool = True) -> "Encoder":
    """The encoder of that name, frozen: pixels in [0, 1], (n, 3, input_size, input_size), to features (n, width).

    Args:
        name: `embedded/robust`, `natural/robust`, `public/cifar_small_8px`, `pixels`, `blocks`, `torchvision/NAME`,
            `file:PATH@timm/NAME`, `python:FILE.py:FACTORY`, which runs the code in that file, ...
        fold: Merge the BatchNorm layers of those that come with the book into the convolutions before them: the same
            function, a fifth faster. Without it they are there, to be trained.

    Raises:
        InputError: for a name that does not exist, and for weights that are not there, do not match their hash, do not
            fit the architecture or are not finite.

    Example:
        >>> import torch
        >>> encoder = load_encoder("embedded/robust")
        >>> encoder.features(torch.zeros(2, 3, encoder.input_size, encoder.input_size)).shape
        torch.Size([2, 64])
    """
    check_encoder(name)
    return _source(name).load(name, fold=fold)


def pretrained_head(name: str, data: str, classes: Sequence[str]) -> "Head | None":
    """The head that an encoder was pretrained with, where the data set `data`, with these classes, is that of then.

    Known for the natural encoders that were trained, and for RobustBench's; else None. Table 4's first rows have it.
    """
    return _source(name).head(name, data, classes)
