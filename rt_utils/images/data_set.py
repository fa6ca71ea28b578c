"""A data set: pixels as uint8 at the encoder's size, labels, a training and a test split, a fingerprint."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from rt_utils.runtime import large_arrays
from rt_utils.runtime.errors import InputError


@dataclass(frozen=True)
class Split:
    """Images as they are stored, uint8 of shape (n, c, s, s); labels, and factors for regression, where there are any.

    c is 3, or 1 where grey is enough. `factors`: one column for each of the data set's `factors`, scaled to [0, 1].
    """

    images: UInt8[Tensor, "n c h w"]
    labels: Int64[Tensor, " n"] | None
    factors: Float[Tensor, "n k"] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self) -> Float[Tensor, "n c s s"]:
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

    def check_trainable(self) -> None:
        """That a head fitted on the training split means something on the test split.

        Raises InputError where there are no labels, fewer than two classes, or a tested class without training images.
        """
        trained, tested = (
            torch.bincount(split.required_labels(), minlength=len(self.classes)).tolist()
            for split in (self.train, self.test)
        )
        if len(self.classes) < 2:
            raise InputError(f"{self.name!r} has one class, {self.classes[0]!r}: a probe needs at least two")
        missing = [
            f"{self.classes[label]!r} ({n} tested)" for label, n in enumerate(tested) if n and not trained[label]
        ]
        if missing:
            classes = ", ".join(missing[:5]) + f" and {len(missing) - 5} more" * (len(missing) > 5)
            raise InputError(
                f"no training image of {self.name!r} shows class {classes}: "
                f"give it more images, or train on more than {len(self.train)} (n_train)"
            )
        if sum(n > 0 for n in trained) < 2:
            name = self.classes[trained.index(max(trained))]
            raise InputError(
                f"all {len(self.train)} training images of {self.name!r} are of class {name!r}: "
                "a probe needs at least two classes, so train on more (n_train)"
            )

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


def split_of(images: UInt8[np.ndarray, "n 3 s s"], labels: Int64[np.ndarray, " n"] | None) -> Split:
    """A split without factors."""
    return Split(torch.from_numpy(images), None if labels is None else torch.from_numpy(labels))


def resized(images: UInt8[np.ndarray, "n 3 h w"], size: int) -> UInt8[np.ndarray, "n 3 s s"]:
    """Images of another size: bilinear, with antialiasing where they become smaller."""
    if images.shape[-1] == size:
        return images
    result = large_arrays.zeros((*images.shape[:2], size, size))
    for first in range(0, len(images), 1024):  # as float32 all of them would take four times the memory
        part = torch.from_numpy(images[first : first + 1024]).float()
        pixels = torch.nn.functional.interpolate(part, size=(size, size), mode="bilinear", antialias=True)
        result[first : first + 1024] = pixels.round().clamp(0, 255).byte().numpy()
    return result
