"""How pure the nodes of two-layer networks become over their pretraining."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from rt_utils.pages.labels import KINDS, OTHERS

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
