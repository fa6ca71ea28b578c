"""What each switch does to the AS score and to the robust accuracy."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import colours, shortened


def switches(overview: pd.DataFrame, encoder: str, encoders: Sequence[str], data: Sequence[str]) -> Figure:
    """Ratio of AS scores and change of robust accuracy in points, one line a switch, one marker a data set."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 4.6), sharey=True)
    names, colour = list(dict.fromkeys(overview.switch)), colours(encoders)[encoder]
    markers = dict(zip(data, "osD^vP*X" * len(data), strict=False))
    for axis, column, middle in zip(axes, ("AS ratio", "points"), (1.0, 0.0), strict=True):
        axis.axvline(middle, color=INK, lw=1)
        for i, name in enumerate(data):
            part = overview[overview["data"] == name]
            aside = 0.4 * ((i + 0.5) / len(data) - 0.5)  # so that equal values stay apart
            places = [names.index(switch) + aside for switch in part.switch]
            axis.plot(part[column], places, markers[name], color=colour, ms=7, alpha=0.8, label=shortened(name))
        axis.grid(axis="y", alpha=0.5)
    ratios = overview["AS ratio"].astype(float)
    axes[0].set(xscale="log", xlabel="AS score, after / before", yticks=range(len(names)), yticklabels=names)
    axes[0].set_xticks([0.1, 0.2, 0.5, 1, 2], labels=["0.1", "0.2", "0.5", "1", "2"])
    axes[0].minorticks_off()
    axes[0].set_xlim(0.9 * min(0.3, ratios.min()), 1.15 * max(1.4, ratios.max()))
    axes[1].set(xlabel="change of robust accuracy [points]")
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=9, loc="outside upper center", ncols=min(3, len(data)))
    return figure
