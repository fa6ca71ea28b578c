"""Figure of the model cards: how the accuracy of encoders grew while they were trained."""

import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import colours
from rt_utils.pages.plots.panels import first_in_rows, panels


def training(curves: pd.DataFrame) -> Figure:
    """Clean and attacked accuracy against the epoch, one panel a name; dotted: where the next stage begins."""
    names = list(curves["name"].unique())
    figure, axes = panels(len(names), 3.6, 3.1, sharey=True)
    for axis, (name, colour) in zip(axes, colours(names).items(), strict=True):
        own = curves[curves["name"] == name]
        epochs, stages = range(1, len(own) + 1), own["stage"].to_numpy()
        axis.plot(epochs, own["clean"], color=colour, label="clean")
        axis.plot(epochs, own["PGD-10"], "--", color=colour, label="PGD-10")
        for epoch in epochs[1:]:
            if stages[epoch - 1] != stages[epoch - 2]:
                axis.axvline(epoch - 0.5, color=INK, lw=0.8, ls=":")
        axis.set(title=name, xlabel="epoch")
        axis.legend(fontsize=9)
    axes[0].set(ylim=(0, None))
    for axis in first_in_rows(axes):
        axis.set_ylabel("accuracy, held-out images")
    return figure
