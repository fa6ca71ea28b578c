"""Figures of Theorem 2: its geometry, shifts against margin ratios, and how far the criterion reaches."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import KINDS, colours, labels, shortened
from rt_utils.pages.plots.panels import first_in_rows, panels
from rt_utils.theory import margin, statements

LOWEST = 1e-3  # a log axis has no zero
MANY = 5000  # points above which a cloud is an image: as lines it would take a megabyte of the page


def geometry(weight: Float[np.ndarray, "3 2"], z: Float[np.ndarray, "2"], ratio: float) -> Figure:
    """Two images of a perturbation set in a plane of features: within the margin ratio of `z`, and beyond it."""
    angles = np.linspace(0, 2 * np.pi, 200)
    grid = np.stack(np.meshgrid(np.linspace(-0.9, 2.3, 300), np.linspace(-1.0, 1.6, 250)), axis=-1)
    regions = (grid @ weight.T).argmax(-1)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.3), sharey=True)
    for axis, size, kind, title in zip(axes, (0.72, 1.5), KINDS, ("robust", "non-robust"), strict=False):
        wobble = 1 + 0.18 * np.cos(3 * angles + 0.6) + 0.1 * np.sin(5 * angles)
        wobble *= size * ratio / wobble.max()
        axis.contour(grid[..., 0], grid[..., 1], regions, levels=[0.5, 1.5], colors=INK, linewidths=1, linestyles="--")
        outline = z[:, None] + wobble * np.stack([np.cos(angles), np.sin(angles)])
        axis.fill(*outline, color=KINDS[kind], alpha=0.45, lw=0)
        axis.plot(z[0] + ratio * np.cos(angles), z[1] + ratio * np.sin(angles), color=INK, lw=1.5)
        axis.plot(*z, "o", color=INK, ms=4)
        axis.set(
            title=f"{title} representation", aspect="equal", xlabel="feature 1", xlim=(-0.9, 2.3), ylim=(-1.0, 1.6)
        )
        axis.grid(False)
    axes[0].set_ylabel("feature 2")
    return figure


def _signed(weight: Float[np.ndarray, "3 2"], y: int, at: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s"]:
    """g, the signed margin of class y, at points of the plane."""
    flat = torch.from_numpy(at.reshape(-1, 2) @ weight.T)
    values = margin.signed_margin(flat, torch.from_numpy(weight), torch.full((len(flat),), y))
    return values.numpy().reshape(at.shape[:-1])


def one_line_proof(weight: Float[np.ndarray, "3 2"], z: Float[np.ndarray, "2"]) -> Figure:
    """Theorem 2's proof: g cannot fall faster than one for one, so no circle around `z` gets below its level line."""
    logits = torch.from_numpy(z @ weight.T)[None]
    m, y = statements.margin_ratio(logits, torch.from_numpy(weight)).item(), int(logits.argmax())
    straight = margin.towards_nearest(logits, torch.from_numpy(weight))[0].numpy()
    figure, (plane, rays) = plt.subplots(1, 2, figsize=(8, 3.5), gridspec_kw={"width_ratios": [1.15, 1]})
    grid = np.stack(np.meshgrid(np.linspace(-0.9, 2.3, 300), np.linspace(-1.0, 1.7, 250)), axis=-1)
    turn = np.arctan2(straight[1], straight[0]) + np.linspace(0, 2 * np.pi, 361)
    directions = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    values, shown = _signed(weight, y, grid), (KINDS["robust"], KINDS["standard"], INK)
    for k, colour in enumerate(shown, start=1):
        plane.contour(*np.moveaxis(grid, -1, 0), values, [m - k * m / 3], colors=colour, linestyles="--")
        plane.plot([], [], "--", color=colour, label=("g = 2m/3", "g = m/3", "g = 0")[k - 1])
        plane.plot(*(z + k * m / 3 * directions).T, "-", color=colour, lw=1.5, gid="circle")
    plane.plot(*z, "o", color=INK, ms=4)
    plane.set(title="circles, and level lines of g", aspect="equal", xlabel="feature 1", ylabel="feature 2")
    plane.grid(False)
    plane.legend(loc="upper left", fontsize=8)
    lengths = np.linspace(0, 1.5 * m, 80)
    for direction in directions[:-1:12]:
        g = _signed(weight, y, z + lengths[:, None] * direction)
        rays.plot(lengths, g, "-", color=KINDS["random"], lw=0.9, alpha=0.8, gid="ray")
    rays.plot(lengths, m - lengths, "-", color=KINDS["standard"], lw=2, gid="bound", label="m(x) \u2212 distance")
    rays.axhline(0, color=INK, lw=1)
    rays.axvline(m, color=INK, lw=1, ls=":")
    rays.set(title="g along straight lines from $f_\\theta(x)$", xlabel="distance from $f_\\theta(x)$")
    rays.set(xticks=[0, m], xticklabels=["0", "m(x)"], yticks=[0, m], yticklabels=["0", "m(x)"])
    rays.legend(loc="upper left", fontsize=8)
    return figure


def shift_against_margin(points: pd.DataFrame, encoders: Sequence[str], data: Sequence[str]) -> Figure:
    """Each test point by both sides of the criterion, one panel a data set; crosses were flipped."""
    figure, axes = panels(len(data), 3.1, 3.6, margin=0.6, sharex=True, sharey=True)
    colour, label = colours(encoders), labels(encoders)
    cloud = len(points) > MANY
    finite = points.margin_ratio[np.isfinite(points.margin_ratio)]
    limits = (LOWEST, 1.3 * max(points["shift"].max(), finite.max(), 2 * LOWEST))
    for axis, name in zip(axes, data, strict=True):
        for encoder in encoders:
            part = points[(points.encoder == encoder) & (points.data == name)]
            x, y = (np.maximum(part[column], LOWEST) for column in ("shift", "margin_ratio"))
            flipped = part.flipped.astype(bool)
            axis.plot(x[~flipped], y[~flipped], "o", ms=3, color=colour[encoder], alpha=0.6, mew=0, rasterized=cloud)
            axis.plot(x[flipped], y[flipped], "x", ms=3.2, color=colour[encoder], alpha=0.45, mew=0.8, rasterized=cloud)
        axis.plot(limits, limits, color=INK, lw=1)
        axis.set(xscale="log", yscale="log", xlim=limits, ylim=limits, title=shortened(name))
        axis.set_xlabel("shift found [feature units]")
    for first in first_in_rows(axes)[::-1]:
        first.set_ylabel("margin ratio m(x) [feature units]")
    for encoder in encoders:
        first.plot([], [], "s", color=colour[encoder], label=label[encoder])
    first.plot([], [], "o", color=INK, ms=4, label="unchanged")
    first.plot([], [], "x", color=INK, ms=4, label="flipped")
    first.legend(loc="lower left", fontsize=8, handletextpad=0.2)
    return figure


def fulfilled_against_robust(
    summary: pd.DataFrame, published: pd.DataFrame, encoders: Sequence[str], data: Sequence[str]
) -> Figure:
    """The share of points that fulfil the criterion against robust accuracy; hollow: the paper's Table 3."""
    figure, axis = plt.subplots(figsize=(5.4, 3.6))
    colour, label = colours(encoders), labels(encoders)
    markers = dict(zip(data, "osD^vP*X" * len(data), strict=False))
    for row in summary.to_dict("records"):
        marker = markers[row["data"]]
        axis.plot(row["robust acc."], row["fulfilled"], marker, color=colour[row["encoder"]], ms=8)
    for row, marker in zip(published.to_dict("records"), "osDosD", strict=True):
        axis.plot(row["robust_acc"], row["prop_fulfilled"], marker, mfc="none", mec=INK, ms=8, alpha=0.8)
    axis.plot([0, 1], [0, 1], color=INK, lw=0.8, ls=":")
    for encoder in encoders:
        axis.plot([], [], "s", color=colour[encoder], label=f"{label[encoder]} (this run)")
    axis.plot([], [], "o", mfc="none", mec=INK, label="published, Table 3 (profile paper)")
    axis.set(
        xlabel="robust accuracy", ylabel="share that fulfils the criterion", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03)
    )
    axis.legend(fontsize=8, loc="upper left")
    return figure


def reach(
    radii: Sequence[float], share: Float[np.ndarray, "n k"], norm: str, encoder: str, encoders: Sequence[str]
) -> Figure:
    """Shift found over margin ratio against the radius, one curve a test point. Radii in pixels of [0, 1]."""
    figure, axis = plt.subplots(figsize=(5.8, 3.6))
    scale, unit = (255, "pixels / 255") if norm == "linf" else (1, "pixels")
    axis.plot(scale * np.array(radii), share.T, "-", color=colours(encoders)[encoder], lw=1.3, alpha=0.7)
    axis.axhline(1, color=INK, lw=1)
    axis.set(xlabel=f"eps [{unit}]", ylabel="shift found over m(x)", ylim=(0, 3))
    return figure
