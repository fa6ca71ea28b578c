"""Data sets that a user downloads: CIFAR and Fashion-MNIST through torchvision, Intel Image, dSprites.

Nothing here downloads. torchvision's sets lie below $RT_DATA, else data in the book's folder, as torchvision unpacks
them; the others are named by their path. torchvision compares CIFAR's files with their checksums before it unpickles
them, and dSprites' pickled entry is never read.
"""

import math
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from rt_utils.errors import InputError
from rt_utils.image_folder import Part, pick
from rt_utils.names import DSPRITES, INTEL

_TORCHVISION = {  # torchvision's class; the folder below the root; what to download, to be unpacked there
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
_FOLDERS = {  # the folder below the root; how many classes; what to put there
    "cifar10-jpeg": ("cifar10_jpeg", 10, "CIFAR-10's images as files"),
    "tinyimagenet100": (
        "tinyimagenet100_32",
        100,
        "the 100 classes of Tiny ImageNet that the card of natural/robust names (http://cs231n.stanford.edu)",
    ),
}
_INTEL = ("buildings", "forest", "glacier", "mountain", "sea", "street")
_INTEL_PAGE = "https://www.kaggle.com/datasets/puneet6060/intel-image-classification"
_DSPRITES_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
_DSPRITES_PAGE = "https://github.com/google-deepmind/dsprites-dataset"
SHAPES = ("square", "ellipse", "heart")
Drawn = tuple[UInt8[np.ndarray, "n 3 64 64"], Int64[np.ndarray, " n"], Float32[np.ndarray, "n 4"]]


def root() -> Path:
    """Where torchvision's data sets lie: $RT_DATA, else data in the book's folder."""
    return Path(os.environ.get("RT_DATA") or Path(__file__).resolve().parent.parent / "data").expanduser()


def is_a(prefix: str, name: str) -> bool:
    """Whether `name` is that data set's, with or without a path."""
    return f"{name}:".startswith(prefix)


def path_of(name: str) -> Path:
    """The folder of 'intel:PATH' or the file of 'dsprites:PATH'; without a path, its place in the root."""
    given = name.partition(":")[2]
    return Path(given).expanduser() if given else root() / {"intel": "intel", "dsprites": _DSPRITES_FILE}[name]


def folder_of(name: str) -> Path | None:
    """The folder of images behind that name, where it stands for one."""
    if is_a(INTEL, name):
        return path_of(name)
    return root() / _FOLDERS[name][0] if name in _FOLDERS else None


def _intel(path: Path) -> None:
    for part in ("seg_train", "seg_test"):
        found = [f for f in (path / part / part, path / part) if f.is_dir()]
        if not found:
            raise InputError(f"no folder {part!r} in {str(path)!r}: unpack the archive of {_INTEL_PAGE} there")
        missing = [name for name in _INTEL if not (found[0] / name).is_dir()]
        if missing:
            raise InputError(f"{str(found[0])!r} lacks {', '.join(missing)}: unpack all of {_INTEL_PAGE}")


def check(name: str) -> None:
    """Raises InputError, with what to download and where to put it, where the data set is not there."""
    if is_a(INTEL, name):
        _intel(path_of(name))
    elif is_a(DSPRITES, name):
        if not path_of(name).is_file():
            raise InputError(
                f"no file {str(path_of(name))!r}: download {_DSPRITES_FILE} from {_DSPRITES_PAGE} and name it"
            )
    elif name in _FOLDERS:
        below, classes, what = _FOLDERS[name]
        if not (root() / below).is_dir():
            raise InputError(
                f"no {name}: there is no folder {str(root() / below)!r}; put {what} there, "
                "as train/CLASS/FILE and test/CLASS/FILE, or set RT_DATA"
            )
        found = sum(path.is_dir() for path in (root() / below).glob("train/*"))
        if found != classes:
            raise InputError(
                f"{str(root() / below / 'train')!r} has {found} classes, {name} has {classes}: put all of {what} there"
            )
    else:
        _, below, source = _TORCHVISION[name]
        if not (root() / below).is_dir():
            raise InputError(
                f"no {name}: there is no folder {str(root() / below)!r}; "
                f"download {source} and unpack it so that there is, or set RT_DATA"
            )


def load(name: str, *, n_train: int, n_test: int, seed: int) -> tuple[Part, Part, tuple[str, ...]]:
    """Training part, test part and class names of a set of torchvision's; its own split, random parts of each.

    Images are uint8 of shape (n, 3, h, w), grey ones with three equal channels. Raises InputError for files that are
    incomplete or altered.
    """
    import torchvision  # here: it costs a second in every process that attacks

    kind, below, source = _TORCHVISION[name]
    parts = []
    for train, n in ((True, n_train), (False, n_test)):
        try:
            data = getattr(torchvision.datasets, kind)(root(), train=train, download=False)
        except (RuntimeError, OSError, ValueError, AssertionError) as error:
            line = next(iter(str(error).splitlines()), "").partition(". You can")[0]
            place = str(root() / below)
            raise InputError(f"{name} in {place!r} is incomplete or altered ({line}): unpack {source} again") from None
        labels = np.asarray(data.targets, np.int64)
        chosen, _ = pick(labels.tolist(), len(labels), n, seed)
        images = np.asarray(data.data)[chosen]
        rgb = images.transpose(0, 3, 1, 2) if images.ndim == 4 else np.repeat(images[:, None], 3, axis=1)
        parts.append((np.ascontiguousarray(rgb), labels[chosen]))
    return parts[0], parts[1], tuple(data.classes)


def _rows(archive: np.lib.npyio.NpzFile, key: str, chosen: Int64[np.ndarray, " n"]) -> np.ndarray:
    """Some rows of an array of an .npz, which is read as a stream: dSprites' images are 3 GB."""
    with archive.zip.open(f"{key}.npy") as stream:  # type: ignore[union-attr]
        np.lib.format.read_magic(stream)
        (total, *shape), _, dtype = np.lib.format.read_array_header_1_0(stream)
        rows = np.zeros((len(chosen), *shape), dtype)
        for first in range(0, total, 4096):
            raw = stream.read(min(4096, total - first) * math.prod(shape) * dtype.itemsize)
            block = np.frombuffer(raw, dtype).reshape(-1, *shape)
            here = (chosen >= first) & (chosen < first + 4096)
            rows[here] = block[chosen[here] - first]
    return rows


def dsprites(path: Path, *, n_train: int, n_test: int, seed: int) -> tuple[Drawn, Drawn]:
    """Training and test part: images, shapes, and scale, orientation, posX, posY, each scaled to [0, 1].

    A random fifth of the file, by `seed`, is for tests, as in the paper. Raises InputError for another file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            values = archive["latents_values"]
            order = np.random.default_rng(seed).permutation(len(values))
            fifth = len(values) // 5
            parts = (order[fifth:][:n_train], order[:fifth][:n_test])
            images = _rows(archive, "imgs", np.concatenate(parts))
    except (
        OSError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        line = next(iter(str(error).splitlines()), "")
        raise InputError(
            f"{str(path)!r} cannot be read as dSprites ({line}): download it from {_DSPRITES_PAGE}"
        ) from None
    if values.ndim != 2 or values.shape[1] != 6 or images.shape[1:] != (64, 64) or images.max(initial=0) > 1:
        raise InputError(f"{str(path)!r} is not dSprites: download {_DSPRITES_FILE} from {_DSPRITES_PAGE}")
    low, high = values[:, 2:].min(0), values[:, 2:].max(0)
    factors = ((values[:, 2:] - low) / np.maximum(high - low, 1e-12)).astype(np.float32)
    labels = values[:, 1].astype(np.int64) - 1
    rgb = np.repeat(255 * images[:, None], 3, axis=1)
    n = len(parts[0])
    return (rgb[:n], labels[parts[0]], factors[parts[0]]), (rgb[n:], labels[parts[1]], factors[parts[1]])
