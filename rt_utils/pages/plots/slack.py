"""Figures of the slack: how the links of the proof add up, and what a certificate proves."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from rt_utils.pages.labels import KINDS, OTHERS, labels

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
        yticklabels=[f"{label[row['encoder']]}, {row['data']}" for row in rows],
    )
    axis.invert_yaxis()
    axis.legend(fontsize=8, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1.0, handlelength=1.2)
    return figure


def certificate(radii: Float[np.ndarray, " k"], proved: Sequence[float], table: pd.DataFrame) -> Figure:
    """The share of points that are certified and right against the l_2 radius, and robust accuracy under PGD."""
    figure, axis = plt.subplots(figsize=(5.6, 3.4))
    axis.plot(radii, proved, color=KINDS["robust"], lw=2, label="certified and right")
    axis.plot(table["radius"], table["PGD"], "o", color=KINDS["standard"], label="robust accuracy under PGD")
    axis.set(xlabel="l_2 radius [pixels of [0, 1]]", ylabel="share of test points", ylim=(0, 1.02))
    axis.legend(fontsize=8)
    return figure
