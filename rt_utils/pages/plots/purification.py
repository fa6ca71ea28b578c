"""How pure the nodes of two-layer networks become over their pretraining, and the filters of real encoders."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from rt_utils.pages.labels import KINDS, OTHERS, colours, labels

STYLES = {
    "clean": {"ls": "--", "color": KINDS["standard"], "label": "clean"},
    "l2": {"ls": "-", "color": KINDS["robust"], "label": "ℓ2"},
    "linf": {"ls": ":", "color": OTHERS[0], "label": "ℓ∞"},
}


def purity(purities: Mapping[str, Mapping[str, Mapping[str, Float[np.ndarray, " k"]]]], steps: Sequence[int]) -> Figure:
    """Cumulative distributions of the nodes' purities by pretraining (rows), step (columns) and adversary (lines)."""
    size = (len(purities), len(steps))
    figure, axes = plt.subplots(*size, figsize=(7.4, 5.4), sharex=True, sharey=True, squeeze=False)
    for row, (kind, by_adversary) in zip(axes, purities.items(), strict=True):
        for axis, step in zip(row, steps, strict=True):
            for adversary, by_step in by_adversary.items():
                values = np.sort(by_step[str(step)])
                style = STYLES[adversary]
                axis.plot(values, np.arange(1, len(values) + 1) / len(values), **style)
        row[0].set_ylabel(kind)
    for axis, step in zip(axes[0], steps, strict=True):
        axis.set_title(f"step {step}")
    for axis in axes[-1]:
        axis.set(xlabel="purity", xlim=(0, 1.02))
    figure.supylabel("share of nodes below", fontsize=10)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def first_layer(filters: pd.DataFrame, bases: Sequence[str], directions: float) -> Figure:
    """Distributions over an encoder's filters of their purity in each basis, and of their reach in standard deviations.

    `directions`: the median purity of random directions, a vertical line.
    """
    panels = [*bases, "reach"]
    figure, axes = plt.subplots(1, len(panels), figsize=(7.4, 2.8), sharey=True)
    shown, colour = labels(filters.encoder), colours(filters.encoder)
    for axis, column in zip(axes, panels, strict=True):
        for encoder, part in filters.groupby("encoder", sort=False):
            values = np.sort(part[column])
            share = np.arange(1, len(values) + 1) / len(values)
            axis.step(values, share, where="post", color=colour[str(encoder)], label=shown[str(encoder)])
        axis.set_title(column if column == "reach" else f"in {column}")
        axis.set_xlabel("std. deviations" if column == "reach" else "purity")
    for axis in axes[:-1]:
        axis.axvline(directions, color=OTHERS[-1], lw=0.8, ls=":")
        axis.set_xlim(0, 1.02)
    axes[-1].set_xlim(left=0)
    axes[0].set_ylabel("share of filters below")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
