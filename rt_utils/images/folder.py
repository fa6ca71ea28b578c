"""Your own images: a folder with one sub-folder a class, or images without labels, as uint8 at the encoder's size."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from rt_utils.images import listing
from rt_utils.images.places import folder
from rt_utils.runtime import large_arrays, pointers, processes
from rt_utils.runtime.errors import InputError

# Images and labels, and their files. A function that returns two parts names the number in the second m.
Part = tuple[UInt8[np.ndarray, "n 3 s s"], Int64[np.ndarray, " n"] | None]
TestPart = tuple[UInt8[np.ndarray, "m 3 s s"], Int64[np.ndarray, " m"] | None]
Files = tuple[list[Path], Int64[np.ndarray, " n"] | None]
TestFiles = tuple[list[Path], Int64[np.ndarray, " m"] | None]
HEAVY = 50 * 2**20  # bytes of files, from which on processes decode them
AT_ONCE = 128  # files that a process decodes at a time
# What EXIF's orientation (2 to 8) says how to turn.
_TURNS: dict[object, Image.Transpose] = dict(
    zip(range(2, 9), (Image.Transpose(kind) for kind in (0, 3, 1, 5, 4, 6, 2)), strict=True)
)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The opened image. Pillow's warnings are not shown; whatever it raises becomes an InputError that names the file.

    Its plugins meet damaged files with errors of many classes, struct.error, IndexError and zlib.error among them.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                yield opened
    except MemoryError:
        raise
    except Exception as error:
        if pointer := pointers.said(path):
            raise InputError(f"{str(path)!r} {pointer}") from None
        line = next(iter(str(error).splitlines()), "") or type(error).__name__
        what = "no format that Pillow reads" if isinstance(error, UnidentifiedImageError) else line
        raise InputError(
            f"{str(path)!r} cannot be read as an image ({what}): remove it, or put a PNG or JPEG in its place"
        ) from None


def decode(path: Path, size: int) -> UInt8[np.ndarray, "3 s s"]:
    """One image: turned as its EXIF says, in RGB, its shorter side scaled to `size`, the centre cut out.

    Grey, CMYK, palette, transparent (on white) and 16-bit images are converted. Raises InputError for a file that is
    no image or is broken, naming it.
    """
    with _opened(path) as opened:
        turn = _TURNS.get(opened.getexif().get(ExifTags.Base.Orientation))
        image = opened if turn is None else opened.transpose(turn)
        if image.mode.startswith("I;16"):  # 0..65535 to 0..255
            image = Image.fromarray((np.asarray(image, np.float64) / 257).round().astype(np.uint8))
        if image.mode in ("I", "F"):
            raise ValueError("32 bits a pixel, whose range is unknown: save it with 8 or 16")
        if image.has_transparency_data:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BICUBIC)
    return np.asarray(fitted).transpose(2, 0, 1)


def smaller_than(size: int, paths: list[Path]) -> int:
    """How many of the images have a side below `size` pixels, so that `decode` enlarges them."""
    small = 0
    for path in paths:
        with _opened(path) as opened:
            small += min(opened.size) < size
    return small


def _some(paths: list[Path], labels: list[int] | None, chosen: np.ndarray) -> Files:
    return [paths[i] for i in chosen], None if labels is None else np.asarray(labels, np.int64)[chosen]


def _decode_all(paths: list[Path], size: int) -> UInt8[np.ndarray, "n 3 s s"]:
    return np.stack([decode(path, size) for path in paths])


def _size(path: Path) -> int:
    """In bytes; 0 for a file that has gone, which is refused when it is opened."""
    return path.stat().st_size if path.exists() else 0


def _read(files: Files, size: int) -> Part:
    """Many files are decoded in processes, a few at a time."""
    paths, images = files[0], large_arrays.zeros((len(files[0]), 3, size, size))
    parts = [paths[first : first + AT_ONCE] for first in range(0, len(paths), AT_ONCE)]
    workers = processes.ready(0) if sum(map(_size, paths)) > HEAVY else 1
    first = 0
    for decoded in processes.run(((_decode_all, (part, size)) for part in parts), workers):
        images[first : first + len(decoded)] = decoded
        first += len(decoded)
    return images, files[1]


def _keeping_one(labels: list[int], n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` indices and the others, in a random order; the first of each class in it is chosen last."""
    order = np.random.default_rng(seed).permutation(len(labels))
    first = np.unique(np.asarray(labels)[order], return_index=True)[1]
    order = np.concatenate([np.delete(order, first), order[first]])
    return order[:n], order[n:]


def pick(labels: list[int] | None, total: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` of `total` indices and the others, in a random order, stratified by label where `n` allows it.

    A class with a single image goes to the others, and the rest is stratified all the same. What is not stratified
    leaves an image of each class to the others, where `n` allows that.
    """
    from sklearn.model_selection import train_test_split  # here: it costs 50 MB in every process that attacks

    everything = np.arange(total)
    if n >= total:
        return np.random.default_rng(seed).permutation(total), everything[:0]
    counts = None if labels is None else np.bincount(labels)
    several = everything if counts is None else np.flatnonzero(counts[labels] > 1)
    classes = 0 if counts is None else int((counts > 1).sum())
    if 0 < classes <= min(n, len(several) - n):
        stratify = np.asarray(labels)[several]
    else:
        several, stratify = everything, None
    rest, chosen = train_test_split(several, test_size=n, random_state=seed, stratify=stratify)
    if len(single := np.setdiff1d(everything, several)):
        rest = np.random.default_rng(seed).permutation(np.concatenate([rest, single]))
    if labels is not None and len({labels[i] for i in rest}) < len({*labels}):
        return _keeping_one(labels, n, seed)
    return chosen, rest


def first(labels: list[int] | None, order: np.ndarray, n: int) -> np.ndarray:
    """The first `n` of an order; one of each class that these lack takes the place of the last one not alone in its.

    So every class is there that the order has, where `n` allows it, and the usual choice stays as it is.
    """
    chosen, others = order[:n].copy(), order[n:]
    if labels is None or not len(others):
        return chosen
    of = np.asarray(labels)
    counts = np.bincount(of[chosen], minlength=of.max() + 1)
    for label in np.setdiff1d(of[others], of[chosen]):
        spare = np.flatnonzero(counts[of[chosen]] > 1)
        if not len(spare):
            break
        counts[of[chosen[spare[-1]]]] -= 1
        chosen[spare[-1]], counts[label] = others[of[others] == label][0], 1
    return chosen


def _training(labels: list[int] | None, total: int, n: int, seed: int) -> np.ndarray:
    """`n` of the images of a training split: a class with a single image is among them, where there is room."""
    if labels is not None and total - n > 0 and np.bincount(labels).min() < 2:
        return pick(labels, total, total - n, seed)[1]
    return pick(labels, total, n, seed)[0]


def split(path: str, *, n_train: int, n_test: int, seed: int) -> tuple[Files, TestFiles, tuple[str, ...]]:
    """Files and labels of the training part and of the test part, and the class names of a folder.

    With sub-folders `train` and `test`, or others that `listing` knows, those are the splits. Else a labelled folder is
    split at random, at most half of it for the test; a folder without labels is all test. No image is decoded.
    """
    whole, test = listing.parts(folder(path))
    paths, labels, classes = whole.paths, whole.labels, whole.classes
    if test is not None:
        chosen = _training(labels, len(paths), n_train, seed)
        test_chosen, _ = pick(test.labels, len(test.paths), n_test, seed)
        return _some(paths, labels, chosen), _some(test.paths, test.labels, test_chosen), classes
    if labels is None:
        chosen, _ = pick(None, len(paths), n_test, seed)
        return _some(paths, None, chosen[:0]), _some(paths, None, chosen), classes
    if len(paths) < 2:
        raise InputError(f"{path!r} holds one image: a probe needs at least two, one to fit and one to test")
    test_chosen, rest = pick(labels, len(paths), min(n_test, len(paths) // 2), seed)
    return _some(paths, labels, first(labels, rest, n_train)), _some(paths, labels, test_chosen), classes


def load(path: str, *, size: int, n_train: int, n_test: int, seed: int) -> tuple[Part, TestPart, tuple[str, ...]]:
    """Training part, test part and class names of a folder, as `split` divides it; only those images are decoded."""
    train, test, classes = split(path, n_train=n_train, n_test=n_test, seed=seed)
    return _read(train, size), _read(test, size), classes
