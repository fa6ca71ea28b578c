"""One visual language: seaborn, SVG that follows the page's colours, caption and alternative text.

The colours of encoders are in `labels`. Clean solid, adversarial dashed; this run filled, a published value hollow and
never joined by a line.
"""

import html
import io
import math
import re
import warnings
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from rt_utils.pages.compact_svg import compact

SMALLEST = 11  # CSS pixels of a figure's text on a phone
INK = "#010203"  # drawn in this colour, shown in the page's text colour
_MATH = MathTextParser("path")
_STYLE = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
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
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def use_style() -> None:
    """Set the style for every figure that follows. The first thing that a chapter does."""
    mpl.use("agg")
    sns.set_theme(context="notebook", style="whitegrid", rc=_STYLE)


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it: inline SVG, a caption that says what to see, a text that says what is there."""

    name: str
    svg: str
    caption: str
    alt: str

    def _repr_html_(self) -> str:
        return (
            f'<figure class="rt-figure" id="figure-{self.name}"><div class="rt-scroll">{self.svg}</div>'
            f"<figcaption>{self.caption}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"figure {self.name!r}: {self.alt}"


@dataclass(frozen=True)
class Strip:
    """Images as the page shows them, as HTML (`plots.strips`), with a caption and a text that says what they are."""

    name: str
    images: str
    caption: str
    alt: str

    def _repr_html_(self) -> str:
        label = html.escape(html.unescape(self.alt), quote=True)
        return (
            f'<figure class="rt-strip" id="figure-{self.name}" role="group" aria-label="{label}">{self.images}'
            f"<figcaption>{self.caption}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"images {self.name!r}: {self.alt}"


def plain_ticks(axis: Axis) -> None:
    """Label a short logarithmic axis at 1, 2, 5, 10; matplotlib would write 2 x 10^0, 3 x 10^0, one into another."""
    low, high = sorted(axis.get_view_interval())
    if isinstance(axis.get_major_locator(), LogLocator) and 0 < low < high < 30 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _take_literally(figure: Figure) -> None:
    """Texts between dollars that are no formulas, as in a file's name: matplotlib would raise when it draws them."""
    for text in figure.findobj(Text):
        try:
            if is_math_text(text.get_text()):
                _MATH.parse(text.get_text())
        except ValueError:
            text.set_parse_math(False)


def least_width(svg: str) -> int:
    """The width in CSS pixels at which the smallest label of a figure has SMALLEST pixels (indices left out)."""
    width = float(svg.split('viewBox="0 0 ')[1].split()[0])
    sizes = [float(size) for size in re.findall(r"<text[^>]*font-size:\s*([\d.]+)px", svg)]
    return math.ceil(width * SMALLEST / min(sizes)) if sizes else 0


def picture(figure: Figure, name: str, *, caption: str, alt: str) -> Picture:
    """Turn a matplotlib figure into a Picture and close it. `name` must be unique on the page: it prefixes the ids.

    `caption` is HTML (math in \\(...\\)), `alt` plain text.
    """
    for axes in figure.axes:
        plain_ticks(axes.xaxis)
        plain_ticks(axes.yaxis)
    _take_literally(figure)
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # the reader's browser has its own
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    plt.close(figure)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = compact(svg.replace(INK, "currentColor"))
    label = html.escape(html.unescape(alt), quote=True)
    look = f"max-width: 100%; height: auto; --rt-least: {least_width(svg)}px"  # on a phone (rt.css)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" style="{look}" ', 1)
    return Picture(name, svg, caption, alt)
