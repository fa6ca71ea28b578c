"""Figures of a sweep: both sides of a claim against the radius."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rt_utils.pages.labels import shortened
from rt_utils.pages.plots.panels import first_in_rows, panels

PIXELS = 255
GREY = "#808080"


def both_sides(
    rows: pd.DataFrame, published: pd.DataFrame, label: Mapping[str, str], colour: Mapping[str, str]
) -> Figure:
    """One panel a data set: each cell's lhs (circle) and rhs (triangle) at its eps, joined by means over the seeds.

    `rows`: encoder, data, eps in pixels of [0, 1], lhs, rhs. `published`: the same, hollow and not joined.
    """
    names = list(dict.fromkeys(rows.data))
    figure, axes = panels(len(names), 3.1, 3.3, margin=1.2, sharey=True)
    for panel, name in zip(axes, names, strict=True):
        for encoder, part in rows[rows.data == name].groupby("encoder", sort=False):
            own = colour[str(encoder)]
            for side, marker, line in (("lhs", "o", "--"), ("rhs", "^", "-")):
                panel.plot(part.eps * PIXELS, part[side], marker, markersize=5, alpha=0.6, color=own, zorder=3)
                mean = part.groupby("eps")[side].mean()
                panel.plot(mean.index * PIXELS, mean, line, linewidth=1.2, color=own, zorder=3)
        beside = published[published.data == name]
        for encoder, eps, *sides in beside[["encoder", "eps", "lhs", "rhs"]].itertuples(index=False):
            for value, marker in zip(sides, "o^", strict=True):
                panel.plot(eps * PIXELS, value, marker, markersize=9, mec=colour[encoder], mfc="none", zorder=4)
        panel.set_title(shortened(name) or "no data set", fontsize=10)
        panel.set_xlabel("eps [pixels/255]")
    for panel in first_in_rows(axes):
        panel.set_ylabel("both sides")
    shown = [Line2D([], [], color=colour[name], marker="s", linestyle="", label=label[name]) for name in label]
    shown += [Line2D([], [], marker="o", linestyle="--", label="left side", color=GREY)]
    shown += [Line2D([], [], marker="^", linestyle="-", label="right side", color=GREY)]
    if len(published):
        shown += [Line2D([], [], marker="^", linestyle="", fillstyle="none", label="published", color=GREY)]
    figure.legend(handles=shown, loc="outside right upper", fontsize=8)
    return figure
