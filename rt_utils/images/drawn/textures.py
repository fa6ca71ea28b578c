"""Textures: six classes of drawn patterns, 32x32 RGB, as unlike the glyphs as drawn images can be.

Every image has a random generator of its own, seeded by (seed, stream, index), as the glyphs have.
"""

import numpy as np
from jaxtyping import Float, Int64, UInt8
from PIL import Image, ImageFilter

from rt_utils.images.drawn.glyphs import SIZE, paint

CLASSES = ("stripes", "checks", "dots", "rings", "bricks", "clouds")
MAX_TEST = 200  # a small data set: enough to show the pattern, and the attacks are most of a page's time
_STREAM = 1000  # apart from the glyphs' streams


def _clouds(period: float, rng: np.random.Generator) -> Float[np.ndarray, "64 64"]:
    """Blurred noise, centred, with standard deviation 1/2."""
    noise = Image.fromarray(rng.integers(0, 256, (3 * SIZE, 3 * SIZE), dtype=np.uint8))
    blurred = np.asarray(noise.filter(ImageFilter.GaussianBlur(period / 4)), float)[: 2 * SIZE, : 2 * SIZE]
    return (blurred - blurred.mean()) / (2 * blurred.std())


def _field(name: str, rng: np.random.Generator) -> Float[np.ndarray, "64 64"]:
    """The pattern on a grid of twice the size, positive where the ink is: random period, angle, place."""
    period, angle = rng.uniform(6, 14), rng.uniform(0, np.pi)
    y, x = np.mgrid[: 2 * SIZE, : 2 * SIZE] / 2
    u = (np.cos(angle) * x + np.sin(angle) * y) / period + rng.random()
    v = (np.cos(angle) * y - np.sin(angle) * x) / period + rng.random()
    if name == "stripes":
        return np.sin(2 * np.pi * u)
    if name == "checks":
        return np.sin(2 * np.pi * u) * np.sin(2 * np.pi * v)
    if name == "dots":
        return 0.32 - np.hypot(u % 1 - 0.5, v % 1 - 0.5)
    if name == "rings":
        centre = rng.uniform(0, SIZE, size=2)
        return np.sin(2 * np.pi * np.hypot(x - centre[0], y - centre[1]) / period)
    if name == "bricks":  # mortar between rows of half the height, each second row shifted by half a brick
        across, along = 2 * v % 1, (u + 0.5 * (np.floor(2 * v) % 2)) % 1
        return np.minimum(np.minimum(across, 1 - across), 2 * np.minimum(along, 1 - along)) - 0.12
    return _clouds(period, rng)


def draw(label: int, rng: np.random.Generator) -> UInt8[np.ndarray, "3 32 32"]:
    """One texture: its field with softer or harder edges, averaged down, painted as a glyph is."""
    field = _field(CLASSES[label], rng)
    ink = 1 / (1 + np.exp(-rng.uniform(3, 20) * field))
    return paint(ink.reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3)), rng)


def draw_many(n: int, *, seed: int, stream: int) -> tuple[UInt8[np.ndarray, "n 3 32 32"], Int64[np.ndarray, " n"]]:
    """`n` textures with balanced classes; image i of stream s is seeded (seed, 1000 + s, i)."""
    labels = np.arange(n, dtype=np.int64) % len(CLASSES)
    generators = (np.random.default_rng([seed, _STREAM + stream, i]) for i in range(n))
    return np.stack([draw(int(y), rng) for y, rng in zip(labels, generators, strict=True)]), labels
