"""Figures of what is certified: perturbed images, the shifts found against their bounds, the curve of radii."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import OTHERS, labels
from rt_utils.pages.plots.panels import first_in_rows, panels
from rt_utils.pages.plots.thumbnails import decoded


def worst_images(rows: Sequence[Mapping[str, Any]], factor: float) -> Figure:
    """Per image: as it is, as the largest shift found leaves it, the difference times `factor` around grey."""
    figure, axes = plt.subplots(len(rows), 3, figsize=(5.4, 1.9 * len(rows)), squeeze=False)
    for row, line in zip(rows, axes, strict=True):
        clean, moved = (decoded(row[name]).astype(float) for name in ("clean", "moved"))
        difference = np.clip(127.5 + factor * (moved - clean), 0, 255)
        for axis, pixels in zip(line, (clean, moved, difference), strict=True):
            axis.imshow(pixels.astype(np.uint8), interpolation="nearest")
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(row["what"], fontsize=9)
    for axis, title in zip(axes[0], ("image", "moved furthest", f"difference × {factor:g}"), strict=True):
        axis.set_title(title, fontsize=10)
    return figure


def bracket(points: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """The shift found and its certified bound at every point, a panel for each encoder, a colour for each data set."""
    figure, axes = panels(len(encoders), 3.7, 3.8)
    label = labels(encoders)
    for axis, encoder in zip(axes, encoders, strict=True):
        part = points[points.encoder == encoder]
        for (name, its), colour in zip(part.groupby("data", sort=False), OTHERS * 3, strict=False):
            axis.plot(its["shift"], its["shift_upper"], ".", ms=5, mew=0, alpha=0.5, color=colour, label=name)
        ends = [part["shift"].min(), part["shift_upper"].max()]
        axis.plot(ends, ends, color=INK, lw=1)
        axis.set(xlabel="shift found", title=label[encoder])
        if ends[1] > 3 * ends[0] > 0:
            axis.set(xscale="log", yscale="log")
        else:
            axis.locator_params(nbins=4)
    for axis in first_in_rows(axes):
        axis.set_ylabel("certified bound")
    axes[0].legend(fontsize=8, markerscale=3)
    return figure


def radii(curves: pd.DataFrame, attacked: pd.DataFrame, rho: float) -> Figure:
    """The share that is certified and right against the radius, its lower limit, and what attacks leave."""
    figure, axis = plt.subplots(figsize=(6.2, 3.8))
    for (way, part), colour in zip(curves.groupby("way", sort=False), OTHERS, strict=False):
        axis.plot(255 * part["radius"], part["share"], color=colour, lw=2, label=f"{way}, certified and right")
        axis.fill_between(255 * part["radius"], part["at least"], part["share"], color=colour, alpha=0.15, lw=0)
    axis.plot(255 * attacked["radius"], attacked["PGD"], "o", color=INK, label="right under attack")
    axis.set(xlabel="radius, grey levels of 255", ylabel="share of test points", ylim=(0, 1.02), xlim=(0, None))
    axis.legend(fontsize=8, title=f"shaded: down to the lower limit at {1 - rho:.0%}", title_fontsize=8)
    return figure
