"""One visual language: seaborn, one palette, SVG that follows the page's colours, caption and alternative text.

Robust encoder blue, standard vermilion, random grey (Okabe-Ito); clean solid, adversarial dashed; this run filled,
a published value hollow and never joined by a line.
"""

import html
import io
import re
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rt_utils.pages.tables import DATA

PALETTE = {"embedded/robust": "#0072B2", "embedded/standard": "#D55E00", "embedded/random": "#8C8C8C"}
EXTRA_COLOURS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_INK = "#010203"  # drawn in this colour, shown in the page's text colour
_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.family": "sans-serif",
    "font.size": 10,
    "grid.color": "#8080804D",
    "legend.frameon": False,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
INK = _INK


def use_style() -> None:
    """Set the style for every figure that follows. The first thing that a chapter does."""
    mpl.use("agg")
    sns.set_theme(context="notebook", style="whitegrid", rc=_STYLE)


def colour(encoder: str) -> str:
    """The colour of an encoder; those that do not come with the book get one of four further colours."""
    kind = encoder.replace("sprites-", "").replace("natural/", "embedded/")
    return PALETTE.get(kind, EXTRA_COLOURS[sum(encoder.encode()) % len(EXTRA_COLOURS)])


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it: inline SVG, a caption that says what to see, a text that says what is there."""

    name: str
    svg: str
    caption: str
    alt: str
    data: list[dict[str, Any]]

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        kept = {"name": self.name, "caption": self.caption, "alt": self.alt, "svg": self.svg, "axes": self.data}
        return {}, {DATA: {"kind": "figure"} | kept}

    def _repr_html_(self) -> str:
        return (
            f'<figure class="rt-figure" id="figure-{self.name}"><div class="rt-scroll">{self.svg}</div>'
            f"<figcaption>{self.caption}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"figure {self.name!r}: {self.alt}"


def _drawn(figure: Figure) -> list[dict[str, Any]]:
    """What each of a figure's axes shows, in six digits: lines, points, and bars as (x, y, width, height)."""

    def numbers(values: Any) -> list[list[float | None]]:
        pairs = np.ma.filled(np.ma.asarray(values, float), np.nan).tolist()
        return [[float(f"{v:.6g}") if np.isfinite(v) else None for v in pair] for pair in pairs]

    axes = []
    for axis in figure.axes:
        bars = [part for part in axis.patches if isinstance(part, Rectangle)]
        points = [part for part in axis.collections if isinstance(part, PathCollection)]
        axes.append(
            {
                "title": axis.get_title(),
                "x": axis.get_xlabel(),
                "y": axis.get_ylabel(),
                "lines": [{"label": str(line.get_label()), "xy": numbers(line.get_xydata())} for line in axis.lines],
                "points": [{"label": str(p.get_label()), "xy": numbers(p.get_offsets())} for p in points],
                "bars": numbers([(*bar.get_xy(), bar.get_width(), bar.get_height()) for bar in bars]),
            }
        )
    return axes


def picture(figure: Figure, name: str, *, caption: str, alt: str) -> Picture:
    """Turn a matplotlib figure into a Picture and close it. `name` must be unique on the page: it prefixes the ids.

    `caption` is HTML (math in \\(...\\)), `alt` plain text.
    """
    buffer, drawn = io.StringIO(), _drawn(figure)
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    plt.close(figure)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = svg.replace(_INK, "currentColor")
    label = html.escape(alt, quote=True)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" style="max-width: 100%; height: auto" ', 1)
    return Picture(name, svg, caption, alt, drawn)
