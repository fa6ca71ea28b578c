"""Figure of Lemma 1: its two sides against each other."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import colours, labels, shortened


def both_sides(sides: pd.DataFrame, published: pd.DataFrame, encoders: Sequence[str], data: Sequence[str]) -> Figure:
    """The AS score against LHS, one marker an encoder and data set; hollow: the paper's Table 1."""
    figure, axis = plt.subplots(figsize=(5.6, 4.0))
    colour, label = colours(encoders), labels(encoders)
    markers = dict(zip(data, "osD^vP*X" * len(data), strict=False))
    for row in sides.to_dict("records"):
        axis.plot(row["LHS"], row["AS score"], markers[row["data"]], color=colour[row["encoder"]], ms=8)
    axis.plot(published["LHS"], published["AS score"], "o", mfc="none", mec=INK, ms=8, alpha=0.8)
    for encoder in encoders:
        axis.plot([], [], "s", color=colour[encoder], label=f"{label[encoder]} (this run)")
    for name in data:
        axis.plot([], [], markers[name], color=INK, ms=5, label=shortened(name))
    axis.plot([], [], "o", mfc="none", mec=INK, label="published, Table 1 (profile paper)")
    positive = [value for column in ("LHS", "AS score") for value in sides[column] if value > 0]
    limits = (0.5 * min([*positive, published["LHS"].min()]), 2 * max([*positive, published["AS score"].max()]))
    axis.plot(limits, limits, color=INK, lw=1)
    axis.set(xscale="log", yscale="log", xlim=limits, ylim=limits)
    axis.set(xlabel="LHS of Lemma 1 [feature units]", ylabel="AS score [feature units]")
    axis.legend(fontsize=8, loc="lower right")
    return figure
