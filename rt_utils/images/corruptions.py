"""Corruptions of images (Hendrycks and Dietterich 2019): Gaussian noise, zoom blur, and enlarging, in 8 bits."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from rt_utils.images.data_set import DataSet, Split, fingerprint

CLEAN, NOISE, BLUR = "clean", "noise", "blur"
# The strength that changes nothing: a standard deviation in pixels of [0, 1], the end of a range of zooms.
NEUTRAL = {NOISE: 0.0, BLUR: 1.0}


@dataclass(frozen=True)
class Level:
    """A data set as it is (kind "clean", level 0), or corrupted: level 1, 2, ... in the order of strength."""

    kind: str
    level: int
    strength: float  # as in NEUTRAL; NaN where the images are clean
    label: str
    images: DataSet


def scaled(kind: str, strength: float, severity: float) -> float:
    """The strength of a corruption whose distance from no corruption is `severity` times as large."""
    return NEUTRAL[kind] + severity * (strength - NEUTRAL[kind])


def gaussian_noise(
    x: Float[Tensor, "n c h w"], stds: Sequence[float], draw: torch.Generator
) -> Iterator[Float[Tensor, "n c h w"]]:
    """`x` with Gaussian noise, cut to [0, 1], once for each standard deviation; the same draw for all."""
    eta = torch.randn(x.shape, generator=draw)
    for std in stds:  # one at a time: all images at all levels, as floats, would be the largest memory of a build
        yield (x + std * eta).clamp_(0, 1)


def zoom_blur(
    x: Float[Tensor, "n c h w"],
    ends: Sequence[float],
) -> Iterator[Float[Tensor, "n c h w"]]:
    """`x` averaged with itself magnified by 1.00, 1.01, ... up to each of the ascending ends."""
    planes = x.reshape(1, -1, *x.shape[2:])  # one grid for all images and colours
    total, copies = planes.clone(), 1
    for end in ends:
        while copies <= round(100 * (end - 1)) + 1:
            zoom = 1 + (copies - 1) / 100
            theta = torch.tensor([[[1 / zoom, 0, 0], [0, 1 / zoom, 0]]])
            grid = affine_grid(theta, [1, 1, *x.shape[2:]], align_corners=False)
            total += grid_sample(planes, grid, align_corners=False, padding_mode="border")
            copies += 1
        yield (total / copies).reshape(x.shape)


def named(strengths: Sequence[float]) -> list[str]:
    """The strengths as text: two digits after the point, more where two of them would be the same."""
    return next(
        names
        for digits in range(2, 20)
        if len(set(names := [f"{strength:.{digits}f}" for strength in strengths])) == len(set(strengths))
    )


def levels(clean: DataSet, strengths: Mapping[str, Sequence[float]], seed: int) -> list[Level]:
    """The clean data set, then both splits corrupted by each kind of `strengths`, at each of its ascending strengths.

    Labels stay, and every image keeps its draw of the noise at all levels.
    """
    splits: dict[str, list[list[Split]]] = {kind: [] for kind in strengths}
    for k, split in enumerate((clean.train, clean.test)):
        pixels, draw = split.pixels(), torch.Generator().manual_seed(1000 * seed + 7 + k)
        for kind, its in strengths.items():
            changed = gaussian_noise(pixels, its, draw) if kind == NOISE else zoom_blur(pixels, its)
            splits[kind].append([replace(split, images=x.mul_(255).round_().byte()) for x in changed])
    found = [Level(CLEAN, 0, math.nan, CLEAN, clean)]
    for kind, its in strengths.items():
        for level, (strength, text, train, test) in enumerate(
            zip(its, named(its), *splits[kind], strict=True), start=1
        ):
            label, digest = f"{kind} {text}", fingerprint(train, test)
            images = replace(clean, name=f"{clean.name}, {label}", train=train, test=test, fingerprint=digest)
            found.append(Level(kind, level, strength, label, images))
    return found


def enlarge(x: Float[Tensor, "n c h w"], size: int) -> Float[Tensor, "n c s s"]:
    """Images enlarged to `size` x `size` pixels, bilinear: every new pixel is an average of old ones."""
    return interpolate(x, size=(size, size), mode="bilinear")


def enlarged(images: DataSet, size: int, name: str) -> DataSet:
    """The data set with its images enlarged to `size` x `size` pixels, in 8 bits, under another name."""
    train, test = (
        replace(split, images=enlarge(split.images.float(), size).round().byte())
        for split in (images.train, images.test)
    )
    return replace(images, name=name, train=train, test=test, fingerprint=fingerprint(train, test))
