"""Figures of the AS score: shifts before a head, score against lost robustness, the score against the radius."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import colours, labels, shortened
from rt_utils.pages.plots.criterion import LOWEST
from rt_utils.pages.plots.panels import first_in_rows, panels

MARKERS = "osD^vP*X"
ENDS = ["score_low", "score_high", "relative_low", "relative_high"]  # of bars


def _markers(data: Sequence[str]) -> dict[str, str]:
    return dict(zip(data, MARKERS * len(data), strict=False))


def shifts_before_a_head(
    shifts: Mapping[str, Sequence[Float[np.ndarray, " _n"]]], encoders: Sequence[str], data: Sequence[str]
) -> Figure:
    """One panel an encoder, one box a data set: the shifts found at its points. `shifts`: by encoder, in data's order.

    Boxes hold the middle half of the points, whiskers the middle 80%; the diamond is the mean.
    """
    figure, axes = panels(len(encoders), 2.5, 0.5 * len(data) + 1.3, margin=0.9, sharey=True)
    colour, label = colours(encoders), labels(encoders)
    for axis, encoder in zip(axes, encoders, strict=True):
        values = shifts[encoder]
        boxes = axis.boxplot(
            values, orientation="horizontal", whis=(10, 90), showfliers=False, widths=0.5, patch_artist=True
        )
        for part in ("boxes", "whiskers", "caps", "medians"):
            plt.setp(boxes[part], color=INK, linewidth=1)
        plt.setp(boxes["boxes"], facecolor=colour[encoder], alpha=0.55)
        means = [v.mean() for v in values]
        axis.plot(means, range(1, len(values) + 1), "D", color=colour[encoder], mec=INK, ms=6)
        axis.set(title=label[encoder], xlabel="shift found [feature units]", xlim=(0, None))
        axis.set_yticks(range(1, len(data) + 1), [shortened(name) for name in data])
    axes[0].invert_yaxis()
    return figure


def _published(axis: Axes, published: pd.DataFrame) -> None:
    for row, marker in zip(published.to_dict("records"), MARKERS[:4] * 2, strict=True):
        thick = 1.8 if row["pretraining"] == "imagenet" else 0.9
        axis.plot(row["as_score"], row["relative_diff"], marker, mfc="none", mec=INK, ms=8, mew=thick)
    axis.set(xscale="log", yscale="log", title="published (paper)", xlabel="AS score")
    axis.margins(0.25)


def score_against_loss(
    runs: Sequence[pd.DataFrame],
    intervals: pd.DataFrame,
    published: pd.DataFrame,
    encoders: Sequence[str],
    data: Sequence[str],
) -> Figure:
    """Relative difference against AS score, one panel an encoder, and one for the paper's Table 4.

    `runs`: columns encoder, data, score, relative, of the page's run and of its repeats (small marks). `intervals`:
    columns encoder, data and ENDS.
    """
    figure, axes = panels(len(encoders) + 1, 2.25, 3.3, margin=0.65, sharey=True)
    colour, label, markers = colours(encoders), labels(encoders), _markers(data)
    for axis, encoder in zip(axes, encoders, strict=False):
        hue = colour[encoder]
        for name, marker in markers.items():
            points = [
                run[(run.encoder == encoder) & (run.data == name)][["score", "relative"]].to_numpy(float)[0]
                for run in runs
            ]
            (x, y), *others = np.maximum(points, LOWEST)
            own = intervals[(intervals.encoder == encoder) & (intervals.data == name)]
            left, right, bottom, top = np.maximum(own[ENDS].to_numpy(float)[0], LOWEST)
            axis.plot([left, right], [y, y], "-", color=hue, lw=1.4)
            axis.plot([x, x], [bottom, top], "-", color=hue, lw=1.4)
            axis.plot(x, y, marker, color=hue, ms=8)
            for other in others:
                axis.plot(*other, marker, color=hue, ms=4, alpha=0.6)
        largest = runs[0][runs[0].encoder == encoder].score.max()
        axis.set(yscale="log", title=label[encoder], xlabel="AS score", xlim=(0, 1.25 * largest or 1))
    _published(axes[-1], published)
    for name, marker in markers.items():
        axes[0].plot([], [], marker, color=INK, ms=5, label=shortened(name))
    for axis in first_in_rows(axes):
        axis.set_ylabel("relative difference G / l")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(data), fontsize=8)
    return figure


def score_against_radius(bands: pd.DataFrame, norm: str, encoders: Sequence[str], data: Sequence[str]) -> Figure:
    """The mean shift and the middle half of the points against the radius, one panel an encoder (`sweep.bands`)."""
    figure, axes = panels(len(encoders), 2.5, 3.2, margin=1.2)
    scale, unit = (255, "pixels / 255") if norm == "linf" else (1, "pixels")
    colour, label, markers = colours(encoders), labels(encoders), _markers(data)
    for axis, encoder in zip(axes, encoders, strict=True):
        for name, line in zip(data, ("-", "--", ":", "-.") * len(data), strict=False):
            part = bands[(bands.encoder == encoder) & (bands.data == name)]
            grid = scale * part.eps
            axis.fill_between(grid, part.low, part.high, color=colour[encoder], alpha=0.15, lw=0)
            style: dict[str, Any] = {"color": colour[encoder], "marker": markers[name], "ms": 4}
            axis.plot(grid, part["mean"], line, label=shortened(name), **style)
        axis.set(title=label[encoder], ylim=(0, None), xlabel=f"eps [{unit}]")
    for axis in first_in_rows(axes):
        axis.set_ylabel("shift found [feature units]")
    handles = axes[0].get_legend_handles_labels()
    legend = figure.legend(*handles, loc="outside lower center", ncols=len(data), fontsize=8, handlelength=3)
    for text in legend.get_lines():
        text.set_color(INK)
    return figure
