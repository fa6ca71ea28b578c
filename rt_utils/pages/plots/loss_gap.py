"""Figures of Theorem 1: both sides of Lemma 1, and the event that covers all heads."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import OTHERS, colours, labels, shortened


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


def one_event(curves: pd.DataFrame, eta: float, cuts: Mapping[str, float]) -> Figure:
    """Tails of the shift: a sample's with the strip of height eta above it, the population's, and where heads cut."""
    figure, axis = plt.subplots(figsize=(6.4, 3.6))
    at, sample, population = (curves[name].to_numpy() for name in ("shift", "sample", "population"))
    limit = 1.05 * max(at.max(), min(cuts.values()))
    at, sample, population = (np.append(a, b) for a, b in ((at, limit), (sample, 0.0), (population, 0.0)))
    axis.fill_between(at, sample, sample + eta, step="post", color=OTHERS[3], alpha=0.35, lw=0, label="strip, height η")
    axis.step(at, sample, where="post", color=OTHERS[0], label="tail of the sample")
    axis.step(at, population, where="post", color=INK, lw=2, label="true tail")
    for (name, cut), style in zip(cuts.items(), ("--", ":", "-."), strict=False):
        if cut <= limit:
            axis.axvline(cut, color=OTHERS[1], ls=style, label=f"$C_2/\\lambda$, {name}")
    axis.set(xlim=(0, limit), ylim=(0, 1.05 + eta), xlabel="s [feature units]", ylabel="share of points with S > s")
    axis.legend(fontsize=8)
    return figure
