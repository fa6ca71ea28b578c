"""Figures of a regression of sprites: equal images, predicted orientations, both sides of Lemma 1."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float, Int64
from matplotlib.figure import Figure

from rt_utils.evaluation.sprite_symmetry import SAME_AFTER, TURNS, best_prediction, targets
from rt_utils.images.drawn.sprites import CLASSES, FACTORS, draw
from rt_utils.pages.figures import INK
from rt_utils.pages.labels import KINDS, colours, labels

MARKERS = dict(zip(FACTORS, "osD^", strict=True))
PUBLISHED = {"adversarial": KINDS["robust"], "standard": KINDS["standard"], "random": KINDS["random"]}


def quarter_turns() -> Figure:
    """Each shape at four orientations, a quarter turn apart."""
    turns = [0, 10, 20, 30]
    figure, axes = plt.subplots(len(CLASSES), len(turns), figsize=(4.6, 3.7))
    for label, row in enumerate(axes):
        for turn, axis in zip(turns, row, strict=True):
            image = draw(label, np.array([1.0, turn / (TURNS - 1), 0.5, 0.5]))
            axis.imshow(image, cmap="gray", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[], title=f"{turn}/{TURNS - 1}" if label == 0 else "")
            axis.title.set_fontsize(9)
        row[0].set_ylabel(CLASSES[label], fontsize=9)
    return figure


def orientation_by_shape(
    true: Float[np.ndarray, " n"],
    predicted: Float[np.ndarray, " n"],
    shapes: Int64[np.ndarray, " n"],
    with_best: bool,
    encoder: str,
    encoders: Sequence[str],
) -> Figure:
    """Predicted against true orientation, one panel a shape; lines: the best that any predictor can do."""
    figure, axes = plt.subplots(1, len(CLASSES), figsize=(7.4, 2.7), sharey=True)
    for label, (axis, shape) in enumerate(zip(axes, CLASSES, strict=True)):
        here, tooth = shapes == label, SAME_AFTER[shape]
        axis.plot(true[here], predicted[here], ".", ms=5, mew=0, color=colours(encoders)[encoder], alpha=0.6)
        for start in range(0, TURNS if with_best else 0, tooth):
            part = slice(start, start + tooth)
            axis.plot(targets()[part], best_prediction(shape)[part], color=INK, lw=1)
        axis.set(title=shape, xlabel="orientation", xlim=(-0.03, 1.03))
    axes[0].set_ylabel("predicted")
    return figure


def lhs_against_as(
    sides: pd.DataFrame, published: pd.DataFrame, titles: Mapping[str, str], encoders: Sequence[str]
) -> Figure:
    """Both sides of Lemma 1 for each factor, one panel a norm; hollow: the paper's Table 7."""
    figure, axes = plt.subplots(1, len(titles), figsize=(7.6, 3.9), sharex=True, sharey=True)
    colour, label = colours(encoders), labels(encoders)
    values = pd.concat([sides[["|xi|", "AS"]], published[["|xi|", "AS"]]]).to_numpy(float)
    limits = (0.5 * values[values > 0].min(), 2 * values.max())
    for axis, (norm, title) in zip(axes, titles.items(), strict=True):
        axis.plot(limits, limits, color=INK, lw=1)
        for row in published[published.norm == norm].to_dict("records"):
            marker, edge = MARKERS[row["factor"]], PUBLISHED[row["encoder"]]
            axis.plot(row["|xi|"], row["AS"], marker, mfc="none", mec=edge, ms=7)
        for row in sides[sides.norm == norm].to_dict("records"):
            axis.plot(row["|xi|"], row["AS"], MARKERS[row["factor"]], color=colour[row["encoder"]], ms=7)
        axis.set(xscale="log", yscale="log", xlim=limits, ylim=limits, title=title)
        axis.set_xlabel("LHS of Lemma 1 [feature units]")
    axes[0].set_ylabel("AS score [feature units]")
    for encoder in encoders:
        axes[-1].plot([], [], "s", color=colour[encoder], label=f"{label[encoder]} (this run)")
    for factor, marker in MARKERS.items():
        axes[-1].plot([], [], marker, color=INK, ms=5, label=factor)
    axes[-1].plot([], [], "o", mfc="none", mec=INK, label="hollow: published")
    figure.legend(*axes[-1].get_legend_handles_labels(), fontsize=8, ncols=4, loc="outside lower center")
    return figure
