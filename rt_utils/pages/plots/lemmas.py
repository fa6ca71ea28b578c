"""Figures of the steps behind Theorem 1: Jensen's inequality in Lemma 3, and the constants of Lemma 2."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import OTHERS, colours, labels, shortened
from rt_utils.theory import statements
from rt_utils.theory.jensen import jensen_step
from rt_utils.theory.losses import CROSS_ENTROPY

MARKS = {"row": "|", "spectral": "D", "Frobenius": "s"}


def _between(axis: Axes, x: float, low: float, high: float, label: str) -> None:
    axis.plot([x, x], [low, high], "-", color=OTHERS[1], lw=4, solid_capstyle="butt", label=label, gid="lost")


def jensen(u: Float[np.ndarray, " c"], other: Float[np.ndarray, " c"], y: int) -> Figure:
    """Jensen's inequality for -log, and the loss above its tangent: what the step loses has one length in both."""
    start, end = torch.from_numpy(u), torch.from_numpy(other)
    step = jensen_step(start, end, y)
    figure, (curve, along) = plt.subplots(1, 2, figsize=(8, 3.5))
    a, weights = step.values.numpy(), step.weights.numpy()
    t = np.linspace(0.75 * a.min(), 1.08 * a.max(), 200)
    corners = a[[*np.argsort(a), a.argmin()]]
    curve.fill(corners, -np.log(corners), color=OTHERS[0], alpha=0.2, lw=0)
    curve.plot(t, -np.log(t), "-", color=INK, lw=1.5, label="$-\\log$")
    curve.scatter(a, -np.log(a), s=20 + 260 * weights, color=OTHERS[0], zorder=3, label="$a_j$, size: its weight $q_j$")
    _between(curve, step.mean, -np.log(step.mean), step.mean_of_logs, "what the step loses")
    curve.plot(step.mean, step.mean_of_logs, "o", color=INK, ms=5, zorder=4, label="weighted mean of the points")
    curve.set(title="the mean lies above the curve", xlabel="$a$", ylabel="$-\\log a$")
    s = np.linspace(0, 1.15, 100)
    path = start + torch.from_numpy(s)[:, None] * (end - start)
    loss = CROSS_ENTROPY(path, torch.full((len(s),), y)).numpy()
    along.fill_between(s, loss[0] - s * step.constant, loss[0] + s * step.constant, color="#808080", alpha=0.15, lw=0)
    along.plot(s, loss, "-", color=INK, lw=2, label="loss from u to u′")
    along.plot(s, loss[0] - s * step.bound, "--", color=OTHERS[0], lw=1.5, label="its tangent at u")
    _between(along, 1.0, loss[0] - step.bound, loss[0] - step.exact, "what the step loses")
    along.set(title="so the loss lies above its tangent", ylabel="loss [nats]")
    along.set(xticks=[0, 1], xticklabels=["u", "u′"], xlim=(-0.03, 1.15))
    for axis in (curve, along):
        axis.legend(fontsize=8)
    return figure


def _stretched(axis: Axes, weight: Float[torch.Tensor, "c 2"]) -> None:
    """How far a head moves the logits for each direction of a unit move, and the circles of its three constants."""
    turn = torch.linspace(0, 2 * torch.pi, 721, dtype=torch.float64)
    v = torch.stack([turn.cos(), turn.sin()], dim=1)
    sizes = (statements.head_norm(weight), statements.head_norm(weight, "l2"), float(weight.norm()))
    for (name, style), size in zip((("row", ":"), ("spectral", "--"), ("Frobenius", "-")), sizes, strict=True):
        axis.plot(*(size * v).T.numpy(), style, color=INK, lw=1.3, label=name, gid="constant")
    for order, colour, name in ((torch.inf, OTHERS[0], "\\infty"), (2, OTHERS[1], "2")):
        length = torch.linalg.vector_norm(v @ weight.T, order, dim=1)
        axis.plot(*(length[:, None] * v).T.numpy(), color=colour, lw=2, label=f"$\\Vert Wv\\Vert_{name}$", gid="move")
    axis.plot(0, 0, "+", color=INK, ms=6)
    axis.set(title="a head with two features", aspect="equal", xlabel="feature 1", ylabel="feature 2")
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def head_constants(weight: Float[np.ndarray, "c 2"], heads: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """Left, Lemma 2 in the plane; right, the constants of measured heads and the fastest moves of their logits found.

    `heads` has the columns encoder, data, row, spectral, Frobenius, linf and l2.
    """
    height = max(3.4, 1.4 + 0.28 * len(heads))
    figure, (plane, axis) = plt.subplots(1, 2, figsize=(9, height), gridspec_kw={"width_ratios": [1.0, 1.35]})
    _stretched(plane, torch.from_numpy(weight))
    colour, label = colours(encoders), labels(encoders)
    for k, row in enumerate(heads.to_dict("records")):
        own = colour[row["encoder"]]
        axis.plot([row["row"], row["Frobenius"]], [k, k], "-", color=own, lw=1, alpha=0.6)
        for name, mark in MARKS.items():
            axis.plot(row[name], k, mark, color=own, ms=11 if mark == "|" else 6, mew=2, gid=name)
        for name, mark in (("linf", "<"), ("l2", ">")):
            axis.plot(row[name], k, mark, mfc="none", mec=own, ms=6, gid=name)
    for name, mark in MARKS.items():
        axis.plot([], [], mark, color=INK, label=name, ms=9 if mark == "|" else 5, mew=2)
    axis.plot([], [], "<", mfc="none", mec=INK, label="found, $\\ell_\\infty$")
    axis.plot([], [], ">", mfc="none", mec=INK, label="found, $\\ell_2$")
    names = [f"{label[row['encoder']]}, {shortened(row['data'])}" for row in heads.to_dict("records")]
    axis.set(yticks=range(len(heads)), yticklabels=names, xscale="log", title="the heads of this run")
    axis.set(xlabel="logits per unit of feature distance")
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.18), ncols=5, columnspacing=1)
    return figure
