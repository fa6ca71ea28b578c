"""Data sets that a user downloads: CIFAR and Fashion-MNIST through torchvision, Intel Image, dSprites.

Nothing here downloads. torchvision's sets lie below $RT_DATA, else data in the book's folder, as torchvision unpacks
them; the others are named by their path. torchvision compares CIFAR's files with their checksums before it unpickles
them, and dSprites' pickled entry is never read.
"""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from rt_utils.images.folder import Part, TestPart, pick
from rt_utils.images.places import DSPRITES_FILE, DSPRITES_PAGE, TORCHVISION
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError

SHAPES = ("square", "ellipse", "heart")
Drawn = tuple[UInt8[np.ndarray, "n 3 64 64"], Int64[np.ndarray, " n"], Float32[np.ndarray, "n 4"]]
TestDrawn = tuple[UInt8[np.ndarray, "m 3 64 64"], Int64[np.ndarray, " m"], Float32[np.ndarray, "m 4"]]


def load(name: str, *, n_train: int, n_test: int, seed: int) -> tuple[Part, TestPart, tuple[str, ...]]:
    """Training part, test part and class names of a set of torchvision's; its own split, random parts of each.

    Images are uint8 of shape (n, 3, h, w), grey ones with three equal channels. Raises InputError for files that are
    incomplete or altered.
    """
    import torchvision  # here: it costs a second in every process that attacks

    kind, below, source = TORCHVISION[name]
    parts = []
    for train, n in ((True, n_train), (False, n_test)):
        try:
            data = getattr(torchvision.datasets, kind)(paths.data(), train=train, download=False)
        except (RuntimeError, OSError, ValueError, AssertionError) as error:
            line = next(iter(str(error).splitlines()), "").partition(". You can")[0]
            place = str(paths.data() / below)
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


def dsprites(path: Path, *, n_train: int, n_test: int, seed: int) -> tuple[Drawn, TestDrawn]:
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
            f"{str(path)!r} cannot be read as dSprites ({line}): download it from {DSPRITES_PAGE}"
        ) from None
    if values.ndim != 2 or values.shape[1] != 6 or images.shape[1:] != (64, 64) or images.max(initial=0) > 1:
        raise InputError(f"{str(path)!r} is not dSprites: download {DSPRITES_FILE} from {DSPRITES_PAGE}")
    low, high = values[:, 2:].min(0), values[:, 2:].max(0)
    factors = ((values[:, 2:] - low) / np.maximum(high - low, 1e-12)).astype(np.float32)
    labels = values[:, 1].astype(np.int64) - 1
    rgb = np.repeat(255 * images[:, None], 3, axis=1)
    n = len(parts[0])
    return (rgb[:n], labels[parts[0]], factors[parts[0]]), (rgb[n:], labels[parts[1]], factors[parts[1]])
