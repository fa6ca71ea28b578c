"""Where a user's data sets lie, and whether they are there. Imports nothing heavy.

The known ones lie below $RT_DATA, else data in the book's folder, as they are unpacked; others are named by their path.
"""

import functools
import os
from pathlib import Path

from rt_utils.images import listing
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError

TORCHVISION = {  # torchvision's class; the folder below the data; what to download, to be unpacked there
    "cifar10": (
        "CIFAR10",
        "cifar-10-batches-py",
        "cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    "cifar100": (
        "CIFAR100",
        "cifar-100-python",
        "cifar-100-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    "fashion-mnist": (
        "FashionMNIST",
        "FashionMNIST/raw",
        "its four .gz files from https://github.com/zalandoresearch/fashion-mnist",
    ),
}
_FOLDERS = {  # the folder below the data; how many classes; what to put there
    "cifar10-jpeg": ("cifar10_jpeg", 10, "CIFAR-10's images as files"),
    "tinyimagenet100": (
        "tinyimagenet100_32",
        100,
        "the 100 classes of Tiny ImageNet that the card of natural/robust names (http://cs231n.stanford.edu)",
    ),
    "imagenet": (
        "imagenet",
        1000,
        "ILSVRC2012 from https://image-net.org as torchvision's ImageNet unpacks it (classes: their WordNet numbers)",
    ),
}
_INTEL = ("buildings", "forest", "glacier", "mountain", "sea", "street")
_INTEL_PAGE = "https://www.kaggle.com/datasets/puneet6060/intel-image-classification"
DSPRITES_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
DSPRITES_PAGE = "https://github.com/google-deepmind/dsprites-dataset"


def folder(path: str) -> Path:
    """The folder of that name. Raises InputError where there is none."""
    root = os.path.expanduser(path)  # which, as os.path.isdir, does not raise for what no path can be
    if not os.path.isdir(root):
        what = f"{path!r} is a file (unpack an archive first)" if os.path.isfile(root) else f"no folder {path!r}"
        raise InputError(f"{what}: give 'folder:PATH' with one sub-folder a class, or images without labels")
    return Path(root)


def path_of(name: str) -> Path:
    """The folder of 'intel:PATH' or the file of 'dsprites:PATH'; without a path, its place among the data."""
    given = os.path.expanduser(name.partition(":")[2])
    return Path(given) if given else paths.data() / {"intel": "intel", "dsprites": DSPRITES_FILE}[name]


def folder_of(name: str) -> Path:
    """The folder of images that 'folder:PATH', 'intel:PATH' or a known name stands for."""
    return paths.data() / _FOLDERS[name][0] if name in _FOLDERS else path_of(name)


@functools.lru_cache(maxsize=64)
def _checked(root: Path, changed: int) -> None:
    listing.parts(root)


def check_folder(name: str) -> None:
    """Of 'folder:PATH'. This and the others raise InputError, with what to put where, for what is not there."""
    root = folder(name.partition(":")[2])
    _checked(root.resolve(), root.stat().st_mtime_ns)  # once: a command checks a name several times


def check_intel(name: str) -> None:
    """Of 'intel' or 'intel:PATH': Kaggle's archive, unpacked."""
    path = path_of(name)
    for part in ("seg_train", "seg_test"):
        found = [f for f in (path / part / part, path / part) if os.path.isdir(f)]
        if not found:
            raise InputError(f"no folder {part!r} in {str(path)!r}: unpack the archive of {_INTEL_PAGE} there")
        missing = [name for name in _INTEL if not (found[0] / name).is_dir()]
        if missing:
            raise InputError(f"{str(found[0])!r} lacks {', '.join(missing)}: unpack all of {_INTEL_PAGE}")


def check_dsprites(name: str) -> None:
    """Of 'dsprites' or 'dsprites:PATH.npz'."""
    path = path_of(name)
    if not os.path.isfile(path):
        raise InputError(f"no file {str(path)!r}: download {DSPRITES_FILE} from {DSPRITES_PAGE} and name it")


def check_known_folder(name: str) -> None:
    """Of a set whose images lie in a folder of their own."""
    below, classes, what = _FOLDERS[name]
    root = paths.data() / below
    if not root.is_dir():
        raise InputError(
            f"no {name}: there is no folder {str(root)!r}; put {what} there, "
            "as train/CLASS/FILE and test/CLASS/FILE (or val for test), or set RT_DATA"
        )
    found = sum(path.is_dir() for path in root.glob("train/*"))
    if found != classes:
        raise InputError(f"{str(root / 'train')!r} has {found} classes, {name} has {classes}: put all of {what} there")


def check_torchvision(name: str) -> None:
    """Of a set of torchvision's."""
    _, below, source = TORCHVISION[name]
    if not (paths.data() / below).is_dir():
        raise InputError(
            f"no {name}: there is no folder {str(paths.data() / below)!r}; "
            f"download {source} and unpack it so that there is, or set RT_DATA"
        )
