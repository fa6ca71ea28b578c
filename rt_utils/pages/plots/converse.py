"""Figures of the converse: the best head against its bound over the width, and what bias and scale do to a head."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.evaluation.worst_heads import BEST, BOUND
from rt_utils.pages.figures import INK
from rt_utils.pages.labels import OTHERS, colours, labels

MARKERS = "osD^vP*X"


def best_heads(simulated: pd.DataFrame, measured: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """LHS of the best head found over AS, against the number of features; both frames have r, bound and best head."""
    figure, axis = plt.subplots(figsize=(6.4, 4.2))
    colour, label = colours(encoders), labels(encoders)
    line = simulated.drop_duplicates("r").sort_values("r")
    axis.axhline(1, color=INK, lw=1)
    axis.plot(line["r"], line[BOUND], color=INK, lw=2, label="the converse's bound")
    axis.plot(line["r"], line["r"] ** -0.5, color=INK, lw=1, ls=":", label="1 / √r")
    families = simulated.groupby("shifts", sort=False)
    for (name, part), marker, tone in zip(families, MARKERS, OTHERS, strict=False):
        axis.plot(part["r"], part[BEST], marker, color=tone, ms=5, label=f"simulated: {name}")
    for encoder in encoders:
        part = measured[measured.encoder == encoder]
        axis.plot(part["r"], part[BEST], "*", color=colour[encoder], ms=11, label=label[encoder])
    axis.set(xscale="log", yscale="log", xlabel="number of features r", ylabel="LHS of the best head found, over AS")
    axis.legend(fontsize=8, loc="lower left")
    return figure


def bias_and_scale(bias: pd.DataFrame, limit: float, scale: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """Left: the converse's head against its bias. Right: the probe's pairs against their scale; dotted: the limits."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.5))
    left.plot(bias["bias"], bias["opposed"], color=OTHERS[0], lw=2, label="the bias opposes the label")
    left.plot(bias["bias"], bias["favoured"], color=OTHERS[1], lw=2, ls="--", label="the bias favours it")
    left.axhline(limit, color=INK, lw=1, ls=":")
    left.set(xlabel="bias beyond the largest logit", ylabel="LHS over AS", ylim=(0, 1.25 * limit))
    left.legend(fontsize=8, loc="center right")
    colour, label = colours(encoders), labels(encoders)
    for encoder in encoders:
        part = scale[scale.encoder == encoder]
        finite = part[np.isfinite(part["factor"])]
        right.plot(finite["factor"], finite["LHS / AS"], color=colour[encoder], lw=2, label=label[encoder])
        right.axhline(part["LHS / AS"].iloc[-1], color=colour[encoder], lw=1, ls=":")
    right.axvline(1, color=INK, lw=0.8)
    right.set(xscale="log", xlabel="factor on the probe's rows", ylabel="LHS over AS", ylim=(0, None))
    right.legend(fontsize=8)
    return figure
