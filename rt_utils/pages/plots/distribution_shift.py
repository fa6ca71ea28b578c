"""Figures of images that drift: what they look like, and both sides of Lemma 1 against severity and input size."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.evaluation.distribution_shift import along
from rt_utils.evaluation.input_size import AFTER, BEFORE, of_adversary
from rt_utils.images.corruptions import BLUR, NOISE
from rt_utils.pages.figures import INK
from rt_utils.pages.labels import OTHERS, colours, labels
from rt_utils.pages.plots.thumbnails import decoded

LOWEST = 1e-4  # a log axis has no zero
TITLES = {NOISE: "Gaussian noise", BLUR: "zoom blur"}
STRENGTHS = {NOISE: "standard deviation of the noise [pixels]", BLUR: "largest zoom"}
PUBLISHED = {"mfc": "none", "mec": INK, "ms": 7, "alpha": 0.8}


def images(columns: Mapping[str, Sequence[str]]) -> Figure:
    """The first images of each level, one column a level; `columns`: by label, thumbnails."""
    shown = len(next(iter(columns.values())))
    size = (7.6, 7.6 * shown / len(columns) + 0.4)
    figure, axes = plt.subplots(shown, len(columns), figsize=size, squeeze=False)
    for column, (label, thumbnails) in zip(axes.T, columns.items(), strict=True):
        for axis, thumbnail in zip(column, thumbnails, strict=True):
            axis.imshow(decoded(thumbnail), interpolation="nearest")
            axis.axis("off")
        column[0].set_title(label.replace(" ", "\n"), fontsize=9)
    return figure


def severity(rows: pd.DataFrame, published: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """Both sides of Lemma 1 and accuracies along each corruption; the first encoder at every level."""
    figure, axes = plt.subplots(2, 2, figsize=(7.6, 6.2), sharey="row")
    colour, label = colours(encoders), labels(encoders)
    for (above, below), kind in zip(axes.T, TITLES, strict=True):
        for encoder in encoders:
            own = along(rows[rows.encoder == encoder], kind)
            line = ("-", "--", ":") if encoder == encoders[0] else ("", "", "")
            for column, marker in (("AS", "o"), ("LHS", "s")):
                above.plot(own.strength, own[column].clip(lower=LOWEST), marker + line[0], color=colour[encoder])
            for column, marker, link in zip(("acc.", "robust acc.", "fulfilled"), "os^", line, strict=True):
                below.plot(own.strength, own[column], marker + link, color=colour[encoder])
        theirs = along(published, kind)
        for axis, column, marker in ((above, "AS", "o"), (above, "LHS", "s"), (below, "acc.", "o")):
            axis.plot(theirs.strength, theirs[column], marker, **PUBLISHED)
        below.plot(theirs.strength, theirs["robust acc."], "s", **PUBLISHED)
        above.set(yscale="log", title=TITLES[kind])
        below.set(xlabel=STRENGTHS[kind], ylim=(-0.03, 1.03))
    axes[0, 0].set_ylabel("feature units")
    axes[1, 0].set_ylabel("share of test images")
    for marker, name in (("o", "AS"), ("s", "LHS")):
        axes[0, 1].plot([], [], marker, color=INK, label=name)
    for style, name in (("o-", "accuracy"), ("s--", "robust accuracy"), ("^:", "fulfil the criterion")):
        axes[1, 1].plot([], [], style, color=INK, label=name)
    for encoder in encoders:
        axes[0, 0].plot([], [], "D", color=colour[encoder], label=label[encoder])
    axes[0, 0].plot([], [], "D", mfc="none", mec=INK, label="published")
    for axis, place in ((axes[0, 0], "upper center"), (axes[0, 1], "upper center"), (axes[1, 1], "lower center")):
        axis.legend(fontsize=8, loc=place)
    return figure


def sizes(rows: pd.DataFrame, published: pd.DataFrame, encoders: Sequence[str]) -> Figure:
    """Both sides of Lemma 1 and accuracies by the size that the first encoder sees, for both adversaries."""
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.4))
    own, largest = colours(encoders)[encoders[0]], rows["size"].max()
    other = next(colour for colour in OTHERS if colour != own)
    for who, colour, offset in ((AFTER, own, 1.0), (BEFORE, other, 1.04)):
        part = of_adversary(rows, who)
        x = part["size"] / largest * offset
        axes[0].plot(x, part.AS.clip(lower=LOWEST), "o-", color=colour, label=f"AS, {who}")
        axes[0].plot(x, part.LHS.clip(lower=LOWEST), "s-", color=colour, label=f"LHS, {who}")
        axes[1].plot(x, part["robust acc."], "s--", color=colour, label=f"robust, {who}")
        axes[1].plot(x, part.fulfilled, "^:", color=colour, label=f"fulfilled, {who}")
    part = rows[rows.adversary == AFTER]
    axes[1].plot(part["size"] / largest, part["acc."], "o-", color=own, label="accuracy")
    relative = published["size"] / published["size"].max()
    for axis, column, marker in ((axes[0], "AS", "o"), (axes[0], "LHS", "s"), (axes[1], "acc.", "o")):
        axis.plot(relative, published[column], marker, **PUBLISHED)
    for column, marker in (("robust acc.", "s"), ("fulfilled", "^")):
        axes[1].plot(relative, published[column], marker, **PUBLISHED)
    axes[0].plot([], [], "D", mfc="none", mec=INK, label="published")
    axes[0].set(yscale="log", ylabel="feature units")
    axes[1].set(ylabel="share of test images", ylim=(-0.03, 1.03))
    for axis in axes:
        ticks = {"xticks": [0.25, 0.5, 1], "xticklabels": ["1/4", "1/2", "1"]}
        axis.set(xlabel="input size / size of pretraining", xscale="log", **ticks)
        axis.minorticks_off()
        axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2)
    return figure
