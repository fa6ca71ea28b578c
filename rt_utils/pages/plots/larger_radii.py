"""Figure of Section 5.2: robust accuracy, and what fulfils the criterion, against the radius of the attack."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import INK
from rt_utils.pages.labels import colours, shortened

RADII = (1, 2, 3)


def beyond(
    accuracies: pd.DataFrame, joint: pd.DataFrame, published: pd.DataFrame, encoder: str, encoders: Sequence[str]
) -> Figure:
    """Of one encoder, for each data set, all points and those that fulfil the criterion at eps; hollow: Table 8."""
    figure, axis = plt.subplots(figsize=(5.8, 4.8))
    colour, rows = colours(encoders)[encoder], accuracies.merge(joint, on="data").to_dict("records")
    for row, style in zip(rows, ("-o", "--s", ":D", "-.^") * len(rows), strict=False):
        name, robust = shortened(row["data"]), [row["ε"], row["2ε"], row["3ε"]]
        axis.plot(RADII, robust, style, color=INK, ms=5, lw=1, alpha=0.6, label=f"{name}, all points")
        if row["fulfilled at ε"]:
            unchanged = [1.0, row["unchanged 2"], row["unchanged 3"]]
            axis.plot(RADII, unchanged, style, color=colour, ms=5, lw=1.6, label=f"{name}, unchanged | fulfilled")
    for row in published.to_dict("records"):
        robust = [row["robust_acc_eps"], row["robust_acc_2eps"], row["robust_acc_3eps"]]
        axis.plot(RADII, robust, "o", mfc="none", mec=INK, ms=6)
    axis.plot([], [], "o", mfc="none", mec=INK, label="published, all points")
    axis.set(xticks=RADII, xlabel="radius of the attack / ε of the criterion", ylabel="share", ylim=(-0.03, 1.05))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    return figure
