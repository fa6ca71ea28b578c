"""Your own images: a folder with one sub-folder a class, or images without labels, as uint8 at the encoder's size."""

from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image, ImageOps

from rt_utils.images.places import folder
from rt_utils.runtime import large_arrays, processes
from rt_utils.runtime.errors import InputError

# Images and labels, and their files. A function that returns two parts names the number in the second m.
Part = tuple[UInt8[np.ndarray, "n 3 s s"], Int64[np.ndarray, " n"] | None]
TestPart = tuple[UInt8[np.ndarray, "m 3 s s"], Int64[np.ndarray, " m"] | None]
Files = tuple[list[Path], Int64[np.ndarray, " n"] | None]
TestFiles = tuple[list[Path], Int64[np.ndarray, " m"] | None]
HEAVY = 50 * 2**20  # bytes of files, from which on processes decode them
AT_ONCE = 128  # files that a process decodes at a time
_IGNORED = {"thumbs.db", "desktop.ini"}
# Kaggle's archive of Intel Image has a folder in a folder of the same name.
_TRAIN_NAMES = ("train", "seg_train/seg_train", "seg_train")
_TEST_NAMES = ("test", "val", "seg_test/seg_test", "seg_test")


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name.lower() not in _IGNORED)


def _listing(parent: Path) -> tuple[list[Path], list[int] | None, tuple[str, ...]]:
    """The files of a folder, their labels (None without sub-folders), and the class names."""
    entries = _visible(parent)
    classes = [p for p in entries if p.is_dir()]
    loose = [p for p in entries if p.is_file()]
    if classes and loose:
        raise InputError(
            f"{str(parent)!r} holds both sub-folders and files ({loose[0].name!r}): "
            "use one sub-folder a class, or only images for a set without labels"
        )
    if not classes:
        if not loose:
            raise InputError(f"{str(parent)!r} holds no image: put images there, or one sub-folder a class")
        return loose, None, ()
    paths: list[Path] = []
    labels: list[int] = []
    for label, sub in enumerate(classes):
        found = _visible(sub)
        if nested := [p for p in found if p.is_dir()]:
            raise InputError(
                f"class {sub.name!r} in {str(parent)!r} holds the folder {nested[0].name!r}: put images there"
            )
        if not found:
            raise InputError(f"class {sub.name!r} in {str(parent)!r} holds no image")
        paths += found
        labels += [label] * len(found)
    return paths, labels, tuple(p.name for p in classes)


def decode(path: Path, size: int) -> UInt8[np.ndarray, "3 s s"]:
    """One image: turned as its EXIF says, in RGB, its shorter side scaled to `size`, the centre cut out.

    Grey, CMYK, palette, transparent (on white) and 16-bit images are converted. Raises InputError for a file that is
    no image or is broken, naming it.
    """
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I;16"):  # 0..65535 to 0..255
                image = Image.fromarray((np.asarray(image, np.float64) / 257).round().astype(np.uint8))
            if image.mode in ("I", "F"):
                raise ValueError("32 bits a pixel, whose range is unknown: save it with 8 or 16")
            if image.has_transparency_data:
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
            fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BICUBIC)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{str(path)!r} cannot be read as an image ({error}): remove or replace it") from None
    return np.asarray(fitted).transpose(2, 0, 1)


def smaller_than(size: int, paths: list[Path]) -> int:
    """How many of the images have a side below `size` pixels, so that `decode` enlarges them."""
    small = 0
    for path in paths:
        with Image.open(path) as opened:
            small += min(opened.size) < size
    return small


def _some(paths: list[Path], labels: list[int] | None, chosen: np.ndarray) -> Files:
    return [paths[i] for i in chosen], None if labels is None else np.asarray(labels, np.int64)[chosen]


def _decode_all(paths: list[Path], size: int) -> UInt8[np.ndarray, "n 3 s s"]:
    return np.stack([decode(path, size) for path in paths])


def _read(files: Files, size: int) -> Part:
    """Many files are decoded in processes, a few at a time."""
    paths, images = files[0], large_arrays.zeros((len(files[0]), 3, size, size))
    parts = [paths[first : first + AT_ONCE] for first in range(0, len(paths), AT_ONCE)]
    workers = processes.ready(0) if sum(path.stat().st_size for path in paths) > HEAVY else 1
    first = 0
    for decoded in processes.run(((_decode_all, (part, size)) for part in parts), workers):
        images[first : first + len(decoded)] = decoded
        first += len(decoded)
    return images, files[1]


def pick(labels: list[int] | None, total: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` of `total` indices and the others, in a random order, stratified by label where every class allows it."""
    from sklearn.model_selection import train_test_split  # here: it costs 50 MB in every process that attacks

    everything = np.arange(total)
    if n >= total:
        return np.random.default_rng(seed).permutation(total), everything[:0]
    counts = None if labels is None else np.bincount(labels)
    stratify = labels if counts is not None and counts.min() >= 2 and min(n, total - n) >= len(counts) else None
    rest, chosen = train_test_split(everything, test_size=n, random_state=seed, stratify=stratify)
    return chosen, rest


def split(path: str, *, n_train: int, n_test: int, seed: int) -> tuple[Files, TestFiles, tuple[str, ...]]:
    """Files and labels of the training part and of the test part, and the class names of a folder.

    With sub-folders `train` and `test` (or `val`), or Kaggle's `seg_train` and `seg_test`, those are the splits. Else a
    labelled folder is split at random, at most half of it for the test; a folder without labels is all test. No image
    is decoded.
    """
    root = folder(path)
    trains, tests = ([root / n for n in names if (root / n).is_dir()] for names in (_TRAIN_NAMES, _TEST_NAMES))
    if trains and tests:
        paths, labels, classes = _listing(trains[0])
        test_paths, test_labels, test_classes = _listing(tests[0])
        if classes != test_classes:
            odd = sorted(set(classes) ^ set(test_classes))
            raise InputError(
                f"{tests[0].name!r} and {trains[0].name!r} in {path!r} differ in their classes: {', '.join(odd[:5])}"
            )
        chosen, _ = pick(labels, len(paths), n_train, seed)
        test_chosen, _ = pick(test_labels, len(test_paths), n_test, seed)
        return _some(paths, labels, chosen), _some(test_paths, test_labels, test_chosen), classes
    paths, labels, classes = _listing(root)
    if labels is None:
        chosen, _ = pick(None, len(paths), n_test, seed)
        return _some(paths, None, chosen[:0]), _some(paths, None, chosen), classes
    if len(paths) < 2:
        raise InputError(f"{path!r} holds one image: a probe needs at least two, one to fit and one to test")
    test_chosen, rest = pick(labels, len(paths), min(n_test, len(paths) // 2), seed)
    return _some(paths, labels, rest[:n_train]), _some(paths, labels, test_chosen), classes


def load(path: str, *, size: int, n_train: int, n_test: int, seed: int) -> tuple[Part, TestPart, tuple[str, ...]]:
    """Training part, test part and class names of a folder, as `split` divides it; only those images are decoded."""
    train, test, classes = split(path, n_train=n_train, n_test=n_test, seed=seed)
    return _read(train, size), _read(test, size), classes
