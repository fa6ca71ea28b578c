"""From a name to images: pixels as uint8 at the encoder's size, labels, a training and a test split, a fingerprint."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from PIL import Image
from torch import Tensor

from embedded_world import glyphs, sprites, textures
from rt_utils import cache, downloaded, image_folder, large_arrays
from rt_utils.errors import InputError
from rt_utils.names import DSPRITES, FOLDER, check_data_set

DIGITS_HELD_OUT = 500  # of 1,797


@dataclass(frozen=True)
class Split:
    """Images as they are stored, uint8 of shape (n, 3, s, s); labels, and factors for regression, where there are any.

    `factors`: one column for each of the data set's `factors`, scaled to [0, 1].
    """

    images: UInt8[Tensor, "n 3 s s"]
    labels: Int64[Tensor, " n"] | None
    factors: Float[Tensor, "n k"] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self) -> Float[Tensor, "n 3 s s"]:
        """The images as float32 in [0, 1]."""
        return self.images.float() / 255

    def required_labels(self) -> Int64[Tensor, " n"]:
        """The labels. Raises InputError where the data set has none."""
        if self.labels is None:
            raise InputError("this data set has no labels: a probe needs a folder with one sub-folder a class")
        return self.labels


@dataclass(frozen=True)
class DataSet:
    """A named data set at one image size: class names, factors to regress, splits; `fingerprint` covers all of it."""

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    fingerprint: str
    factors: tuple[str, ...] = ()

    def first(self, n: int) -> "DataSet":
        """The data set with its first n test images alone. They are in random order."""
        images, labels, factors = self.test.images, self.test.labels, self.test.factors
        test = Split(images[:n], None if labels is None else labels[:n], None if factors is None else factors[:n])
        return replace(self, test=test, fingerprint=fingerprint(self.train, test))


def fingerprint(*splits: Split) -> str:
    """The first 16 hex digits of the SHA-256 over shapes, pixels, labels and factors."""
    digest = hashlib.sha256()
    for split in splits:
        digest.update(repr(tuple(split.images.shape)).encode())
        digest.update(np.ascontiguousarray(split.images.numpy()).data)
        digest.update(b"unlabelled" if split.labels is None else split.labels.numpy().tobytes())
        digest.update(b"" if split.factors is None else split.factors.numpy().tobytes())
    return digest.hexdigest()[:16]


def _split(images: np.ndarray, labels: np.ndarray | None) -> Split:
    return Split(torch.from_numpy(images), None if labels is None else torch.from_numpy(labels))


def _resized(images: UInt8[np.ndarray, "n 3 h w"], size: int) -> UInt8[np.ndarray, "n 3 s s"]:
    if images.shape[-1] == size:
        return images
    resized = large_arrays.zeros((*images.shape[:2], size, size))
    for first in range(0, len(images), 1024):  # as float32 all of them would take four times the memory
        part = torch.from_numpy(images[first : first + 1024]).float()
        pixels = torch.nn.functional.interpolate(part, size=(size, size), mode="bilinear", antialias=True)
        resized[first : first + 1024] = pixels.round().clamp(0, 255).byte().numpy()
    return resized


def _drawn(module: ModuleType, size: int, n_train: int, n_test: int, seed: int) -> tuple[Split, Split, tuple[str, ...]]:
    # Stream 0 of the glyphs is what the encoders were pretrained on (their model cards name its seed).
    splits = []
    for n, stream in ((n_train, 1), (min(n_test, getattr(module, "MAX_TEST", n_test)), 2)):
        # Drawing takes seconds, and every chapter needs the same images.
        draw = partial(module.draw_many, n, seed=seed, stream=stream)
        images, labels, *factors = cache.kept("images", (module.__name__, n, seed, stream), draw)
        split = _split(_resized(images, size), labels)
        splits.append(replace(split, factors=torch.from_numpy(factors[0])) if factors else split)
    return splits[0], splits[1], tuple(module.CLASSES)


def _digits(stretched: bool, size: int, n_train: int, n_test: int, seed: int) -> tuple[Split, Split, tuple[str, ...]]:
    """scikit-learn's 1,797 real handwritten digits, 8x8, white on black, enlarged.

    With the margin kept the digit fills three quarters of the frame, as the glyphs do; stretched, all of it. Up to 500
    test images are the first of the same 500, so that pages with different n_test share probes and attacks.
    """
    from sklearn.datasets import load_digits  # here: it costs 50 MB in every process that attacks

    data = load_digits()
    if n_test > len(data.target) - 100:
        raise InputError(f"n_test {n_test} is too large for digits: at most {len(data.target) - 100} of 1797 images")
    inner = size if stretched else 3 * size // 4
    margin = (size - inner) // 2
    grey = np.zeros((len(data.target), size, size), np.uint8)
    for target, image in zip(grey, data.images, strict=True):
        source = Image.fromarray(np.round(image / 16 * 255).astype(np.uint8))
        enlarged = np.asarray(source.resize((inner, inner), Image.Resampling.BICUBIC))
        target[margin : margin + inner, margin : margin + inner] = enlarged
    images = np.repeat(grey[:, None], 3, axis=1)
    labels = data.target.astype(np.int64)
    test, train = image_folder.pick(labels.tolist(), len(labels), max(n_test, DIGITS_HELD_OUT), seed)
    test, train = test[:n_test], train[:n_train]
    return _split(images[train], labels[train]), _split(images[test], labels[test]), tuple("0123456789")


def _folder(path: str, size: int, n_train: int, n_test: int, seed: int) -> tuple[Split, Split, tuple[str, ...]]:
    train, test, classes = image_folder.load(path, size=size, n_train=n_train, n_test=n_test, seed=seed)
    return _split(*train), _split(*test), classes


def _downloaded(name: str, size: int, n_train: int, n_test: int, seed: int) -> tuple[Split, Split, tuple[str, ...]]:
    images = downloaded.folder_of(name)
    if images is not None:
        return _folder(str(images), size, n_train, n_test, seed)
    if downloaded.is_a(DSPRITES, name):
        parts = downloaded.dsprites(downloaded.path_of(name), n_train=n_train, n_test=n_test, seed=seed)
        train, test = (replace(_split(_resized(x, size), y), factors=torch.from_numpy(z)) for x, y, z in parts)
        return train, test, downloaded.SHAPES
    *both, classes = downloaded.load(name, n_train=n_train, n_test=n_test, seed=seed)
    train, test = (_split(_resized(images, size), labels) for images, labels in both)
    return train, test, classes


Loader = Callable[[int, int, int, int], tuple[Split, Split, tuple[str, ...]]]
_LOADERS: dict[str, Loader] = {
    "glyphs": partial(_drawn, glyphs),
    "textures": partial(_drawn, textures),
    "sprites": partial(_drawn, sprites),
    "digits": partial(_digits, False),
    "digits:stretched": partial(_digits, True),
}


def load(name: str, *, size: int, n_train: int = 4000, n_test: int = 500, seed: int = 0) -> DataSet:
    """The data set of that name at `size` x `size` pixels, with at most `n_train` training and `n_test` test images.

    The same arguments give the same pixels and splits. Names: 'glyphs', 'digits' (margin kept), 'digits:stretched',
    'textures' (at most 200 test images), 'sprites' (classes: the shapes; factors: scale, orientation, posX, posY),
    'cifar10', 'cifar100', 'fashion-mnist' (as torchvision unpacks them), 'cifar10-jpeg', 'tinyimagenet100' (folders),
    'dsprites:PATH' (its .npz), 'intel:PATH' (Kaggle's archive, unpacked), 'folder:PATH' (one sub-folder a class, or
    images without labels; `train` and `test` sub-folders are respected). Raises InputError for an unknown name, and for
    data that are not there or damaged.
    """
    check_data_set(name)
    is_folder = name.startswith(FOLDER)
    loader: Loader = (
        partial(_folder, name.removeprefix(FOLDER)) if is_folder else _LOADERS.get(name, partial(_downloaded, name))
    )
    train, test, classes = loader(size, n_train, n_test, seed)
    factors = sprites.FACTORS if train.factors is not None else ()
    return DataSet(name, classes, train, test, fingerprint(train, test), factors)
