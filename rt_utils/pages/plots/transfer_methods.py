"""Figure of Section 6.2: what linear probing and finetuning leave of robust accuracy."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import shortened

COLOURS = {"LP": "#0072B2", "FT": "#D55E00", "LP-FT": "#E69F00"}
PUBLISHED = {"LP": "o", "FT": "s", "LP-FT": "D"}


def methods(rows: pd.DataFrame, published: pd.DataFrame, data: Sequence[str]) -> Figure:
    """Robust accuracy of each method against clean accuracy, and against AS score over distance; hollow: Table 5."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.7))
    markers = dict(zip(data, "osD^vP*X" * len(data), strict=False))
    for row in rows.to_dict("records"):
        for axis, column in zip(axes, ("clean acc.", "AS / distance"), strict=True):
            axis.plot(row[column], row["robust acc."], markers[row["data"]], color=COLOURS[row["method"]], ms=8)
    for row in published.to_dict("records"):
        style, edge = PUBLISHED[row["method"]], COLOURS[row["method"]]
        axes[0].plot(row["acc"], row["robust_acc"], style, mfc="none", mec=edge, ms=6, alpha=0.7)
    axes[0].set(xlabel="clean accuracy", ylabel="robust accuracy", xlim=(0.6, 1.02), ylim=(-0.03, 1.03))
    axes[1].set(xlabel="AS score / distance between images", xscale="log", ylim=(-0.03, 1.03))
    for method, colour in COLOURS.items():
        axes[1].plot([], [], "s", color=colour, label=method)
    for name in data:
        axes[1].plot([], [], markers[name], color=INK, ms=5, label=shortened(name))
    axes[0].plot([], [], "o", mfc="none", mec=INK, label="published (o LP, □ FT, ◇ LP-FT)")
    axes[0].legend(fontsize=8, loc="lower left")
    axes[1].legend(fontsize=8)
    return figure
