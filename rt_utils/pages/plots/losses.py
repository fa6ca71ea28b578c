"""Figure of losses: how steep they are."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from rt_utils.pages.labels import OTHERS

STYLES = ("-", "--", "-.", ":")


Curves = Mapping[str, Float[np.ndarray, " n"]]


def slopes(x: Float[np.ndarray, " n"], classification: Curves, regression: Curves) -> Figure:
    """Losses by name at the values `x`: left against the margin, right against the residual."""
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.4))
    for axis, curves in zip(axes, (classification, regression), strict=True):
        for (name, values), colour, style in zip(curves.items(), OTHERS, STYLES, strict=False):
            axis.plot(x, values, style, color=colour, label=name, lw=2)
        axis.legend(fontsize=8)
    axes[0].set(xlabel="margin $u_y - u_j$", ylabel="loss", title="classification: slope at most 1 in the margin")
    axes[1].set(xlabel=r"residual $\xi$", ylim=(0, 6), title="regression: the square has no constant")
    return figure
