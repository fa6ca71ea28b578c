"""Figures of an audit: how far the features of each image move, and the mean shift at larger and larger radii."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import KINDS, colours

_LINES = (":", "-.", (0, (6, 2)))  # of the references


def shares_of_images(
    attack: Float[ndarray, " n"],
    noise: Float[ndarray, " n"],
    references: Mapping[str, Float[ndarray, " _k"]],
    title: str,
    encoder: str,
) -> Figure:
    """The share of images whose shift is at most so much. Shifts over the mean distance of two images of their set."""
    figure, axis = plt.subplots(figsize=(7, 3.7))
    hue = colours([encoder])[encoder]
    axis.axvline(0.5, color=INK, lw=0.8, alpha=0.6)
    for (name, values), style in zip(references.items(), _LINES, strict=False):
        axis.ecdf(values, color=KINDS["random"], ls=style, lw=1.6, label=f"attack, {name} (reference)")
    axis.ecdf(noise, color=hue, ls="--", lw=2, label=f"random noise, {title}")
    axis.ecdf(attack, color=hue, lw=2.6, label=f"attack, {title}")
    axis.set(xscale="log", xlabel="feature shift / mean distance between two images")
    axis.set(ylabel="share of images below", ylim=(0, 1))
    axis.legend(fontsize=8, ncol=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


def mean_shift_at_radii(
    radii: Float[ndarray, " k"], attack: Float[ndarray, " k"], noise: float, blind: float, norm: str, encoder: str
) -> Figure:
    """The mean shift over the mean distance of two images, at growing radii, each attacked anew.

    `noise`: at the smallest radius; `blind`: what a search without gradients found at the largest.
    """
    figure, axis = plt.subplots(figsize=(6, 3.4))
    hue = colours([encoder])[encoder]
    axis.plot(radii, attack, "o-", color=hue, lw=2, label="attack")
    axis.plot(radii[:1], [noise], "x", color=hue, ms=8, mew=2, label="random noise")
    axis.plot(radii[-1:], [blind], "D", color=INK, ms=6, label="blind search")
    unit = "l_inf" if norm == "linf" else "l_2"
    axis.set(xscale="log", yscale="log", xlabel=f"eps [pixels of [0, 1], {unit}]", ylabel="mean shift / D")
    axis.legend(fontsize=8)
    return figure


def around_a_radius(
    lines: Mapping[str, Float[ndarray, "_k 4"]], bars: Mapping[str, float], eps: float, norm: str, number: str
) -> Figure:
    """One number of several encoders at a few radii: rows of radius, value and the ends of its interval.

    `bars`: the values of known encoders at the radius eps.
    """
    figure, axis = plt.subplots(figsize=(6, 3.4))
    hue = colours(lines)
    for name, line in lines.items():
        down, up = (line[:, 1] - line[:, 2]).clip(0), (line[:, 3] - line[:, 1]).clip(0)  # rounding may cross
        axis.errorbar(line[:, 0], line[:, 1], [down, up], fmt="o-", color=hue[name], lw=2, capsize=3, label=name)
    for (name, value), mark in zip(bars.items(), "sD", strict=False):
        axis.plot([eps], [value], mark, color=INK, mfc="none", ms=8, label=f"known: {name}")
    unit = "l_inf" if norm == "linf" else "l_2"
    axis.set(xlabel=f"eps [pixels of [0, 1], {unit}]", ylabel=number)
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure
