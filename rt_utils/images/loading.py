"""From a name to training split, test split and class names, one function for each kind of data set."""

from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image

from rt_utils.images import downloaded, places
from rt_utils.images.data_set import Split, resized, split_of
from rt_utils.images.folder import first, pick
from rt_utils.images.folder import load as load_folder
from rt_utils.runtime import cache
from rt_utils.runtime.errors import InputError

Loaded = tuple[Split, Split, tuple[str, ...]]
DIGITS_HELD_OUT = 500  # of 1,797


def drawn(name: str, *, size: int, n_train: int, n_test: int, seed: int) -> Loaded:
    """Images that the book draws: 'glyphs', 'letters', 'numerals', 'textures' (at most 200 test images) or 'sprites'
    (with factors)."""
    module = import_module(f"rt_utils.images.drawn.{name}")
    # Stream 0 of the glyphs is what the encoders were pretrained on (their model cards name its seed).
    splits = []
    for n, stream in ((n_train, 1), (min(n_test, getattr(module, "MAX_TEST", n_test)), 2)):
        # Drawing takes seconds, and every chapter needs the same images.
        draw = partial(module.draw_many, n, seed=seed, stream=stream)
        entry = cache.Entry("images", (name, n, seed, stream), frozenset({module.__name__}))
        images, labels, *factors = cache.kept(entry, draw)
        split = split_of(resized(images, size), labels)
        splits.append(replace(split, factors=torch.from_numpy(factors[0])) if factors else split)
    return splits[0], splits[1], tuple(module.CLASSES)


def _grey_digits(size: int, *, stretched: bool) -> tuple[UInt8[np.ndarray, "n s s"], Int64[np.ndarray, " n"]]:
    """All of scikit-learn's digits, 8x8, white on black, enlarged: to three quarters of the frame, or to all of it."""
    from sklearn.datasets import load_digits  # here: it costs 50 MB in every process that attacks

    data = load_digits()
    inner = size if stretched else 3 * size // 4
    margin = (size - inner) // 2
    grey = np.zeros((len(data.target), size, size), np.uint8)
    for target, image in zip(grey, data.images, strict=True):
        source = Image.fromarray(np.round(image / 16 * 255).astype(np.uint8))
        enlarged = np.asarray(source.resize((inner, inner), Image.Resampling.BICUBIC))
        target[margin : margin + inner, margin : margin + inner] = enlarged
    return grey, data.target.astype(np.int64)


def _digits_split(
    images: UInt8[np.ndarray, "n 3 s s"], labels: Int64[np.ndarray, " n"], *, n_train: int, n_test: int, seed: int
) -> Loaded:
    """Up to 500 test images are the first of the same 500, so that pages with different n_test share what they keep."""
    if n_test > len(labels) - 100:
        raise InputError(
            f"n_test {n_test} is too large for digits: at most {len(labels) - 100} of {len(labels)} images"
        )
    test, train = pick(labels.tolist(), len(labels), max(n_test, DIGITS_HELD_OUT), seed)
    test, train = test[:n_test], first(labels.tolist(), train, n_train)
    return split_of(images[train], labels[train]), split_of(images[test], labels[test]), tuple("0123456789")


def digits(name: str, *, size: int, n_train: int, n_test: int, seed: int) -> Loaded:
    """scikit-learn's 1,797 real handwritten digits, white on black.

    With the margin kept the digit fills three quarters of the frame, as the glyphs do; stretched, all of it.
    """
    grey, labels = _grey_digits(size, stretched=name.endswith(":stretched"))
    return _digits_split(np.repeat(grey[:, None], 3, axis=1), labels, n_train=n_train, n_test=n_test, seed=seed)


def coloured_digits(name: str, *, size: int, n_train: int, n_test: int, seed: int) -> Loaded:
    """The same digits, margin kept, as the glyphs are painted: random ink and ground, a slow shade, fine noise.

    Image i of scikit-learn's has a generator of its own, seeded (seed, i).
    """
    from rt_utils.images.drawn import glyphs  # here: it imports matplotlib

    grey, labels = _grey_digits(glyphs.SIZE, stretched=False)
    painted = [glyphs.paint(ink / 255.0, np.random.default_rng([seed, i])) for i, ink in enumerate(grey)]
    return _digits_split(resized(np.stack(painted), size), labels, n_train=n_train, n_test=n_test, seed=seed)


def folder(name: str, *, size: int, n_train: int, n_test: int, seed: int) -> Loaded:
    """Images in a folder: 'folder:PATH', 'intel:PATH', or a name that stands for a folder among the user's data."""
    path = places.folder_of(name)
    train, test, classes = load_folder(str(path), size=size, n_train=n_train, n_test=n_test, seed=seed)
    return split_of(*train), split_of(*test), classes


def dsprites(name: str, *, size: int, n_train: int, n_test: int, seed: int) -> Loaded:
    """dSprites, with its shapes as classes and its factors."""
    parts = downloaded.dsprites(places.path_of(name), n_train=n_train, n_test=n_test, seed=seed)
    train, test = (replace(split_of(resized(x, size), y), factors=torch.from_numpy(z)) for x, y, z in parts)
    return train, test, downloaded.SHAPES


def torchvision(name: str, *, size: int, n_train: int, n_test: int, seed: int) -> Loaded:
    """CIFAR or Fashion-MNIST as torchvision unpacks them."""
    *both, classes = downloaded.load(name, n_train=n_train, n_test=n_test, seed=seed)
    train, test = (split_of(resized(images, size), labels) for images, labels in both)
    return train, test, classes
