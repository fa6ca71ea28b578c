"""Figures of the slack: the links of the proof, what each criterion accounts for, and what a certificate proves."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from rt_utils.pages.labels import KINDS, OTHERS, case_name, labels

SHOWN = {"\\(S\\lt m\\)": "S < m", "\\(S_P\\lt m\\)": "S_P < m", "\\(D\\lt m\\)": "D < m", "unchanged": "unchanged"}
LINK_COLOURS = (KINDS["robust"], OTHERS[3], KINDS["standard"], OTHERS[2], OTHERS[0])


def waterfall(factors: pd.DataFrame, links: Sequence[str], encoders: Sequence[str]) -> Figure:
    """One bar for each encoder and data set, in as many parts as the proof has links, on a logarithmic axis."""
    figure, axis = plt.subplots(figsize=(7.4, 0.42 * len(factors) + 1.3))
    rows, label = factors.to_dict("records"), labels(encoders)
    for k, row in enumerate(rows):
        left = 1.0
        for link, colour in zip(links, LINK_COLOURS, strict=True):
            ratio = row[link] if row[link] is not None and np.isfinite(row[link]) else 1.0
            name = link if k == 0 else None
            axis.barh(k, left * ratio - left, left=left, color=colour, height=0.62, label=name)
            left *= ratio
    axis.set(
        xscale="log",
        xlabel="product of the links: from the loss gap (1) to the bound",
        yticks=range(len(rows)),
        yticklabels=[case_name(label[row["encoder"]], row["data"]) for row in rows],
    )
    axis.invert_yaxis()
    axis.legend(fontsize=8, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1.0, handlelength=1.2)
    return figure


def criteria(found: pd.DataFrame, names: Sequence[str], encoders: Sequence[str]) -> Figure:
    """One bar for each encoder and data set: what each criterion, which implies the next, adds to those before it."""
    figure, axis = plt.subplots(figsize=(7.4, 0.42 * len(found) + 1.3))
    label, left = labels(encoders), np.zeros(len(found))
    colours = (KINDS["robust"], OTHERS[3], OTHERS[2], "#D9D9D9")
    for name, colour in zip(names, colours, strict=True):
        shares = found[name].to_numpy(dtype=float)
        axis.barh(range(len(found)), shares - left, left=left, color=colour, height=0.62, label=SHOWN[name])
        left = shares
    ticks = [case_name(label[e], d) for e, d in zip(found["encoder"], found["data"], strict=True)]
    axis.set(xlabel="share of test points", xlim=(0, 1), yticks=range(len(found)), yticklabels=ticks)
    axis.invert_yaxis()
    axis.legend(fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1.0, handlelength=1.2)
    return figure


def certificate(radii: Float[np.ndarray, " k"], proved: Sequence[float], table: pd.DataFrame) -> Figure:
    """The share of points that are certified and right against the l_2 radius, and robust accuracy under PGD."""
    figure, axis = plt.subplots(figsize=(5.6, 3.4))
    axis.plot(radii, proved, color=KINDS["robust"], lw=2, label="certified and right")
    axis.plot(table["radius"], table["PGD"], "o", color=KINDS["standard"], label="robust accuracy under PGD")
    axis.set(xlabel="l_2 radius [pixels of [0, 1]]", ylabel="share of test points", ylim=(0, 1.02))
    axis.legend(fontsize=8)
    return figure
