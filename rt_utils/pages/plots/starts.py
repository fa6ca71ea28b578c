"""Figures of adversarial finetuning: robust accuracy by learning rate, and by how far the features moved."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import colours, labels
from rt_utils.pages.plots.panels import first_in_rows, panels

MARKERS = {"RanLI": ("s", "--"), "RoLI": ("o", "-")}


def rates(probes: pd.DataFrame, finetuned: pd.DataFrame, control: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """Robust accuracy against the learning rate, one panel an encoder: means large, single seeds small.

    Columns: encoder, start, rate, epochs, robust acc.; `control`: the random start for longer, from the first encoder.
    """
    figure, axes = panels(len(encoders), 4.1, 3.6, sharey=True)
    colour, label = colours(encoders), labels(encoders)
    both = sorted(set(finetuned.rate))
    for axis, encoder in zip(axes, encoders, strict=True):
        level = probes[probes.encoder == encoder]["robust acc."].mean()
        axis.axhline(level, color=INK, lw=1, ls=":", label="linear probe")
        for start, (marker, line) in MARKERS.items():
            part = finetuned[(finetuned.encoder == encoder) & (finetuned.start == start)]
            means = part.groupby("rate")["robust acc."].mean()
            axis.plot(means.index, means, line, color=colour[encoder], lw=1.5)
            axis.plot(part.rate, part["robust acc."], marker, color=colour[encoder], ms=4, alpha=0.5)
            axis.plot(means.index, means, marker, color=colour[encoder], ms=8)
            axis.plot([], [], line, marker=marker, color=colour[encoder], ms=7, label=start)
        if encoder == encoders[0]:
            means = control.groupby("rate")["robust acc."].mean()
            epochs = f"RanLI, {control.epochs.iloc[0]} epochs"
            axis.plot(means.index, means, "^-.", color=colour[encoder], lw=1, ms=7, label=epochs)
            axis.plot(control.rate, control["robust acc."], "^", color=colour[encoder], ms=4, alpha=0.5)
        limits = {"xlim": (both[0] / 1.6, both[-1] * 1.6), "ylim": (-0.03, 0.85)}
        axis.set(xscale="log", xlabel="learning rate", title=f"{label[encoder]} encoder", **limits)
        axis.set_xticks(both, [f"{rate:g}" for rate in both])
        axis.minorticks_off()
        axis.legend(fontsize=8, loc="upper left", ncols=2)
    for axis in first_in_rows(axes):
        axis.set_ylabel("robust accuracy")
    return figure


def drift(probes: pd.DataFrame, finetuned: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """Robust accuracy, and AS score over distance, against the drift: a line joins the two starts of a seed and rate.

    Columns: encoder, start, rate, seed, drift, robust acc., AS / distance.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.7))
    colour, label = colours(encoders), labels(encoders)
    columns = ("robust acc.", "AS / distance")
    for encoder in encoders:
        own = finetuned[finetuned.encoder == encoder]
        for (_, rate), pair in own.groupby(["seed", "rate"], sort=False):
            for axis, column in zip(axes, columns, strict=True):
                axis.plot(pair.drift, pair[column], "-", color=colour[encoder], lw=0.8, alpha=0.6)
                for row in pair.to_dict("records"):
                    ms = 7 if rate == own.rate.max() else 4
                    axis.plot(row["drift"], row[column], MARKERS[row["start"]][0], color=colour[encoder], ms=ms)
        for axis, column in zip(axes, columns, strict=True):
            level = probes[probes.encoder == encoder][column]
            axis.plot([0] * len(level), level, "_", color=colour[encoder], ms=11, mew=2)
        axes[0].plot([], [], "s", color=colour[encoder], label=f"{label[encoder]} encoder")
    for start, (marker, _) in MARKERS.items():
        axes[1].plot([], [], marker, color=INK, ms=6, label=start)
    axes[1].plot([], [], "_", color=INK, ms=11, mew=2, label="linear probe")
    axes[0].set(xlabel="drift / distance", ylabel="robust accuracy", ylim=(-0.03, 1.0))
    axes[1].set(xlabel="drift / distance", ylabel="AS score / distance", ylim=(0, None))
    for axis in axes:
        axis.legend(fontsize=9)
    return figure
