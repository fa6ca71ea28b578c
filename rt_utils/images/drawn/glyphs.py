"""Glyphs: the drawn images on which the embedded encoders are pretrained.

Thirty-six classes (0-9, A-Z) in the fonts that come with matplotlib, 32x32 RGB. Every image has a random generator
of its own, seeded by (seed, stream, index), so an image does not depend on how many others are drawn.
"""

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float, Int64, UInt8
from PIL import Image, ImageDraw, ImageFilter, ImageFont

CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIZE = 32
_CANVAS = 2 * SIZE  # drawn at twice the size and averaged down: smooth edges
FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSansMono-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSerif-Italic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralBol.ttf",
    "STIXGeneralItalic.ttf",
)
MIN_CONTRAST = 0.5  # between the mean brightness of the ink and of the ground


@lru_cache(maxsize=512)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _mask(label: int, rng: np.random.Generator) -> UInt8[np.ndarray, "32 32"]:
    """The glyph's ink, 0 to 255: random font, size, slant, rotation, place, and sometimes a blur."""
    font = _font(FONTS[rng.integers(len(FONTS))], int(rng.integers(36, 61)))
    canvas = Image.new("L", (_CANVAS, _CANVAS), 0)
    ImageDraw.Draw(canvas).text((_CANVAS / 2, _CANVAS / 2), CLASSES[label], fill=255, font=font, anchor="mm")
    angle, shear = rng.uniform(-0.26, 0.26), rng.uniform(-0.2, 0.2)
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]])
    centre = np.full(2, _CANVAS / 2)
    offset = centre - linear @ (centre + rng.uniform(-6, 6, size=2))
    data = (*linear[0], offset[0], *linear[1], offset[1])
    canvas = canvas.transform(canvas.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3.0)))
    return np.asarray(canvas.reduce(2))


def _colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A ground and an ink whose mean brightness differs by at least MIN_CONTRAST."""
    grey = rng.random() < 0.4  # as handwriting is
    while True:
        ground, ink = rng.random(3), rng.random(3)
        if grey:
            ground, ink = np.full(3, ground[0]), np.full(3, ink[0])
        if abs(ground.mean() - ink.mean()) >= MIN_CONTRAST:
            return ground, ink


def paint(ink_share: Float[np.ndarray, "32 32"], rng: np.random.Generator) -> UInt8[np.ndarray, "3 32 32"]:
    """An image from the share of ink in every pixel, 0 to 1: two random colours, a slow shade, and fine noise."""
    mask = ink_share[None]
    ground, ink = _colours(rng)
    image = ground[:, None, None] * (1 - mask) + ink[:, None, None] * mask
    ramp = np.linspace(-0.5, 0.5, SIZE)
    tilt = rng.uniform(-0.15, 0.15, size=2)
    image = image + (tilt[0] * ramp[:, None] + tilt[1] * ramp[None, :])[None]
    image = image + rng.normal(0, rng.uniform(0, 0.03), size=image.shape)
    return np.round(image.clip(0, 1) * 255).astype(np.uint8)


def draw(label: int, rng: np.random.Generator) -> UInt8[np.ndarray, "3 32 32"]:
    """One glyph."""
    return paint(_mask(label, rng) / 255.0, rng)


def draw_many(
    n: int, *, seed: int, stream: int, classes: str = CLASSES
) -> tuple[UInt8[np.ndarray, "n 3 32 32"], Int64[np.ndarray, " n"]]:
    """`n` glyphs of these classes in turn. `stream` keeps the splits apart: image i of stream s is seeded (seed, s, i).

    Labels are places in `classes`.
    """
    labels = np.arange(n, dtype=np.int64) % len(classes)
    drawn = [CLASSES.index(name) for name in classes]
    images = np.stack([draw(drawn[y], np.random.default_rng([seed, stream, i])) for i, y in enumerate(labels)])
    return images, labels
