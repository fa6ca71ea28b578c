"""Panels side by side, and below one another where they are many."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

IN_A_ROW = 4  # more would be too small to read where the page is as wide as its text


def panels(count: int, width: float, height: float, *, margin: float = 0.0, **shared: Any) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels, at most IN_A_ROW beside one another, each about width x height inches.

    margin: inches beside the panels of a row. shared: what plt.subplots shares, as sharey=True.
    """
    columns = min(count, IN_A_ROW)
    rows = -(-count // columns)
    columns = -(-count // rows)  # as many in each row, where that can be
    figure, grid = plt.subplots(
        rows, columns, figsize=(width * columns + margin, height * rows), squeeze=False, **shared
    )
    axes = list(grid.flat)
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count]


def first_in_rows(axes: list[Axes]) -> list[Axes]:
    """The panels that begin a row, which carry its label."""
    return [axis for axis in axes if axis.get_subplotspec().is_first_col()]  # type: ignore[union-attr]
