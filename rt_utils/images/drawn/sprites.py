"""Sprites in the manner of dSprites (Matthey et al. 2017): one white shape on black, 64x64, drawn from five factors.

shape (square, ellipse, heart), scale (6 values), orientation (40), posX and posY (32 each), as in dSprites; here the
edges are smooth where dSprites is binary, and factors are drawn at random instead of enumerated.
"""

import numpy as np
from jaxtyping import Float, Int64, UInt8
from PIL import Image, ImageDraw

CLASSES = ("square", "ellipse", "heart")
FACTORS = ("scale", "orientation", "posX", "posY")
VALUES = (6, 40, 32, 32)  # how many values each factor takes
SIZE = 64
_CANVAS = 4 * SIZE
_STREAM = 2000


def _outline(shape: str) -> Float[np.ndarray, "k 2"]:
    """The shape's corners around its centre, within [-1, 1]."""
    t = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    if shape == "square":
        return 0.8 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    if shape == "ellipse":
        return np.stack([np.cos(t), 0.55 * np.sin(t)], axis=1)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y], axis=1) / 17


def draw(label: int, factors: Float[np.ndarray, " 4"]) -> UInt8[np.ndarray, "64 64"]:
    """One sprite; `factors` are scale, orientation, posX, posY, each in [0, 1] (FACTORS)."""
    scale, orientation, x, y = factors
    angle = 2 * np.pi * orientation * (VALUES[1] - 1) / VALUES[1]  # the 40 values go once around
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    radius = 0.19 * _CANVAS * (0.5 + 0.5 * scale)
    centre = (0.25 + 0.5 * np.array([x, y])) * _CANVAS
    canvas = Image.new("L", (_CANVAS, _CANVAS), 0)
    corners = centre + radius * _outline(CLASSES[label]) @ turn
    ImageDraw.Draw(canvas).polygon([(float(px), float(py)) for px, py in corners], fill=255)
    return np.asarray(canvas.reduce(4))


def draw_grey(
    n: int, *, seed: int, stream: int
) -> tuple[UInt8[np.ndarray, "n 64 64"], Int64[np.ndarray, " n"], Float[np.ndarray, "n 4"]]:
    """`n` sprites with balanced shapes and random factors: images, shapes, and FACTORS scaled to [0, 1]."""
    labels = np.arange(n, dtype=np.int64) % len(CLASSES)
    rng = np.random.default_rng([seed, _STREAM + stream])
    levels = np.array(VALUES)
    factors = (rng.integers(0, levels, size=(n, 4)) / (levels - 1)).astype(np.float32)
    grey = np.stack([draw(int(y), f) for y, f in zip(labels, factors, strict=True)])
    return grey, labels, factors


def draw_many(
    n: int, *, seed: int, stream: int
) -> tuple[UInt8[np.ndarray, "n 3 64 64"], Int64[np.ndarray, " n"], Float[np.ndarray, "n 4"]]:
    """`draw_grey` with three equal channels, as every data set has them."""
    grey, labels, factors = draw_grey(n, seed=seed, stream=stream)
    return np.repeat(grey[:, None], 3, axis=1), labels, factors
