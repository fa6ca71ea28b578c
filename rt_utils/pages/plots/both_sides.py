"""Figures of Section 5.1: both sides of Lemma 1, along the path of the head's penalty, and by the attack's size."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.pages.figures import INK
from rt_utils.pages.labels import colours, labels, shortened

ALONG_PATH = {"diff. CE": "diff. CE", HEAD_NORM: "largest row norm", "LHS": "LHS", "robust acc.": "robust acc."}


def both_sides(seeds: pd.DataFrame, published: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """LHS and AS score of each encoder and data set, a mark for each seed; hollow: the paper's Table 1."""
    colour, label = colours(encoders), labels(encoders)
    names: list[str] = []
    figure, axis = plt.subplots()
    for encoder, data in seeds[["encoder", "data"]].drop_duplicates().to_numpy():
        part = seeds[(seeds["encoder"] == encoder) & (seeds["data"] == data)]
        row, names = len(names), [*names, f"{label[encoder]}, {data}"]
        axis.plot([part["LHS"].mean(), part["AS score"].mean()], [row, row], color=colour[encoder], lw=1, alpha=0.6)
        axis.plot(part["LHS"], [row] * len(part), "<", color=colour[encoder], ms=5)
        axis.plot(part["AS score"], [row] * len(part), ">", color=colour[encoder], ms=5)
    for record in published.to_dict("records"):
        row, names = len(names), [*names, f"paper: {record['pretraining']}, {record['downstream']}"]
        axis.plot([record["lhs"]], [row], "<", mfc="none", mec=INK, ms=6)
        axis.plot([record["as_score"]], [row], ">", mfc="none", mec=INK, ms=6)
    axis.set(xscale="log", xlabel="feature units of each encoder", yticks=range(len(names)))
    axis.set_yticklabels(names)
    figure.set_size_inches(6.4, 0.3 * len(names) + 1.0)
    axis.invert_yaxis()
    return figure


def path(rows: pd.DataFrame, colour: str) -> Figure:
    """ALONG_PATH of one encoder against the penalty λ, a line for each data set."""
    figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.2))
    strengths = sorted(rows["λ"].unique())
    positions, data = np.arange(len(strengths)), rows["data"].unique()
    for axis, (column, title) in zip(axes.flat, ALONG_PATH.items(), strict=True):
        for name, style in zip(data, ("-o", "--s", ":D", "-.^") * len(data), strict=False):
            values = rows[rows["data"] == name][column]
            axis.plot(positions, values, style, color=colour, ms=5, lw=1.3, label=shortened(name))
        axis.set(xticks=positions, xlabel="λ", title=title)
        axis.set_xticklabels([f"{strength:g}" for strength in strengths])
        axis.set_ylim(bottom=0)
    axes[0, 0].legend(fontsize=9)
    return figure


def attack_size(rows: pd.DataFrame, sides: Sequence[str], encoders: Sequence[str]) -> Figure:
    """The share of the largest value found that PGD finds, against its steps, for one start and for several."""
    colour, label = colours(encoders), labels(encoders)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    for axis, side in zip(axes, sides, strict=True):
        for encoder, restarts in rows[["encoder", "restarts"]].drop_duplicates().to_numpy():
            part = rows[(rows["encoder"] == encoder) & (rows["restarts"] == restarts)]
            style, name = "-o" if restarts == 1 else "--s", f"{label[encoder]}, {restarts} start{'s' * (restarts > 1)}"
            axis.plot(part["steps"], part[f"{side} share"], style, color=colour[encoder], ms=5, lw=1.3, label=name)
        axis.set(xscale="log", xlabel="PGD steps of constant size 0.7 eps", title=side, ylim=(0, 1.05))
    axes[0].set_ylabel("share of the largest found")
    axes[0].legend(fontsize=8)
    return figure
