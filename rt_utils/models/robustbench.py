"""RobustBench's models by name, robustbench/DATASET/THREAT/NAME (Croce et al. 2021), built by its own loader.

Its checkpoints lie where it looks for them, MODELS/DATASET/THREAT/NAME.pt; one that is not there is downloaded. The
loader takes some files that do not fit, so what it loads is compared with what the file holds.
"""

import contextlib
import sys
import warnings
from pathlib import Path
from typing import Any

import pyautoattack
import pyautoattack.state
from torch import Tensor, nn

from rt_utils.models import checkpoints
from rt_utils.models.weights import check_finite, content
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError, unknown

# RobustBench 1.1.1 imports `autoattack`; the package that it depends on has that code under the name `pyautoattack`.
# Here, at the top: a worker process that unpickles a RobustBench network imports this module before RobustBench.
sys.modules.setdefault("autoattack", pyautoattack)
sys.modules.setdefault("autoattack.state", pyautoattack.state)
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)  # RobustBench imports that too


DOUBLED = ":2x-1"


def _entries() -> dict[str, dict[str, Any]]:
    """RobustBench's own description of each model, by full name."""
    try:
        from robustbench.model_zoo import model_dicts
    except ModuleNotFoundError as error:
        raise InputError(
            f"robustbench/... needs the package RobustBench (no module {error.name!r}): "
            "install it with pip install -e '.[paper]' in the book's folder"
        ) from None
    return {
        f"robustbench/{data.value}/{threat.value}/{name}": entry
        for data, threats in model_dicts.items()
        for threat, models in threats.items()
        for name, entry in models.items()
    }


def parse(name: str) -> tuple[str, int]:
    """RobustBench's name and the input size: what follows a colon, else 32 for CIFAR and RobustBench's for ImageNet.

    DOUBLED at the end says that the network gets 2x - 1 where it expects x, as in the paper's released code.
    Raises InputError for an unknown name, or a size that is not a whole number from 32 to 1024.
    """
    bare, colon, size = name.removesuffix(DOUBLED).partition(":")
    entries = _entries()
    if bare not in entries:
        raise unknown("encoder", name, entries)
    if colon and not (size.isdecimal() and 32 <= int(size) <= 1024):
        raise InputError(f"{name!r} ends in no image size: give a whole number from 32 to 1024, as in {bare}:256")
    default = 288 if entries[bare].get("preprocessing") == "Crop288" else 224 if "/imagenet/" in bare else 32
    return bare, int(size or default)


def _fetch(source: str, page: str, path: Path) -> None:
    """Download what is not there. Raises InputError where that fails, with what to put where."""
    from robustbench.utils import download_gdrive_new

    failure = ""
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download_gdrive_new(source, path)
    except Exception as error:  # gdown, requests and urllib3 each have their own
        failure = f" ({type(error).__name__})"
    if not path.is_file():
        with contextlib.suppress(OSError):  # a folder that holds something stays
            for folder in made:
                folder.rmdir()
        raise InputError(f"cannot download {page}{failure}: put that file at {str(path)!r}, or set RT_MODELS")


def _check(network: nn.Module, weights: dict[str, Tensor], refusal: str) -> None:
    """Raises InputError where a layer did not get its values from the file: the loader leaves some random, unasked."""
    held = {hash(value.float().numpy().tobytes()) for value in weights.values()}
    for key, value in network.named_parameters():
        if value.ndim > 1 and value.numel() > 3 and hash(value.detach().float().numpy().tobytes()) not in held:
            raise InputError(refusal.format(f"{key!r} is not in the file"))


def architecture(name: str) -> tuple[nn.Module, int]:
    """The untrained classifier of that name, for a file's weights, and its input size.

    Raises InputError for a name that RobustBench does not know, and where it keeps no architecture of its own.
    """
    bare, size = parse(name)
    entry = _entries()[bare]
    if isinstance(entry["gdrive_id"], list) or not entry["gdrive_id"]:
        raise InputError(
            f"{bare} has no architecture of RobustBench's own, or is an ensemble: give file:PATH@timm/NAME, or "
            "python:FILE.py:FACTORY"
        )
    made: nn.Module = entry["model"]()
    return made, size


def build(name: str) -> tuple[nn.Module, int]:
    """The classifier of that name with its own preprocessing inside, for pixels in [0, 1], and its input size.

    Raises InputError for a name that RobustBench does not know, an ensemble, and weights that cannot be had, are
    damaged or do not fit.
    """
    bare, size = parse(name)
    source = _entries()[bare]["gdrive_id"]
    if isinstance(source, list):
        raise InputError(f"{bare} is an ensemble and does not end in a linear layer: choose a single network")
    from robustbench.utils import load_model

    _, data, threat, model = bare.split("/")
    path = paths.models() / data / threat / f"{model}.pt"
    if not source:  # timm's or torchvision's weights, which they keep and check themselves
        return load_model(model, paths.models(), data, threat), size
    page = f"https://drive.google.com/file/d/{source}/view"
    remedy = f"replace it by what {page} gives you in a browser"
    if not path.is_file():
        _fetch(source, page, path)
    weights, _ = checkpoints.state(content(str(path), remedy), str(path), remedy)
    check_finite(weights, str(path), remedy)
    refusal = f"{str(path)!r} does not fit {bare} ({{}}): {remedy}"
    try:
        network = load_model(model, paths.models(), data, threat)
    except RuntimeError as error:  # a line of its own for each key
        raise InputError(refusal.format(str(error).splitlines()[-1].strip())) from None
    _check(network, weights, refusal)
    return network, size
