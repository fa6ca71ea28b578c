"""`python book/draw_card.py`: draws style/card.png, the picture that a link to the book shows on other sites.

The circle of radius m(x) around the features of an image, the border of two classes, and the features of a ball of
pixels around it: for a robust representation, and for one that is not. The maps are those of the live figure in the
chapter on the setting.
"""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import yaml
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from PIL import Image

from rt_utils.pages.labels import KINDS

HERE = Path(__file__).resolve().parent
SIZE, DPI = (12.0, 6.3), 100  # 1200 x 630 pixels, what most sites show
CENTRE, RADIUS, MARGIN = np.array([0.9, 0.3]), 0.42, 0.62
INK = "#222222"


def robust(points: np.ndarray) -> np.ndarray:
    """Bends the plane a little."""
    x, y = points
    return np.stack([x + 0.12 * np.sin(2 * y), y + 0.12 * np.sin(2 * x)])


def standard(points: np.ndarray) -> np.ndarray:
    """Bends it much."""
    x, y = points
    return np.stack([x + 0.7 * np.sin(3.2 * y - 0.96), y + 0.7 * np.sin(3.2 * x - 2.88)])


def panel(axes: Axes, image: np.ndarray, kind: str) -> None:
    """One representation: what becomes of the ball (`image`: 2 x points, moved so that its centre is 0)."""
    shift = np.linalg.norm(image, axis=0).max()
    axes.axvspan(MARGIN, 2, color="#E69F00", alpha=0.25, lw=0)
    axes.axvspan(-2, MARGIN, color="#56B4E9", alpha=0.18, lw=0)
    axes.fill(*image, color=KINDS[kind], alpha=0.35, lw=0)
    axes.plot(*np.append(image, image[:, :1], axis=1), color=KINDS[kind], lw=3)
    axes.add_patch(Circle((0, 0), MARGIN, fill=False, color=INK, ls="--", lw=2))
    axes.plot(0, 0, "o", color=INK, ms=8)
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal", xticks=[], yticks=[])
    axes.set_title(f"{kind}: $S\\,{'<' if shift < MARGIN else '>'}\\,m$", color=KINDS[kind], fontsize=21, pad=12)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw(path: Path, title: str) -> None:
    figure = plt.figure(figsize=SIZE, dpi=DPI, facecolor="white")
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ball = CENTRE[:, None] + RADIUS * np.stack([np.cos(turn), np.sin(turn)])
    for left, kind, bend in ((0.035, "robust", robust), (0.305, "standard", standard)):
        image = bend(ball) - bend(CENTRE[:, None])
        panel(figure.add_axes((left, 0.2, 0.25, 0.25 * SIZE[0] / SIZE[1])), image, kind)
    first, last = title.rsplit(" ", 2)[0], " ".join(title.rsplit(" ", 2)[1:])
    figure.text(0.595, 0.74, f"{first}\n{last}", fontsize=29, family="serif", color=INK, va="top", linespacing=1.2)
    said = "A live companion to\n“On Transfer of Adversarial\nRobustness from Pretraining\nto Downstream Tasks”"
    figure.text(0.595, 0.49, said, fontsize=19, color="#555555", va="top", linespacing=1.3)
    picture = io.BytesIO()
    figure.savefig(picture)
    plt.close(figure)
    Image.open(picture).convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    draw(HERE / "style" / "card.png", yaml.safe_load((HERE.parent / "_config.yml").read_text("utf-8"))["title"])
