"""Figures of many panels: rows that can be read, each with its label."""

import matplotlib.pyplot as plt
import pytest

from rt_utils.pages.plots.panels import first_in_rows, panels


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (4, 1, 4), (5, 2, 3), (8, 2, 4), (9, 3, 3)])
def test_no_row_is_longer_than_four(count: int, rows: int, columns: int) -> None:
    figure, axes = panels(count, 2.0, 3.0, margin=0.5, sharey=True)
    assert len(axes) == len(figure.axes) == count
    assert tuple(figure.get_size_inches()) == (2.0 * columns + 0.5, 3.0 * rows)
    first = first_in_rows(axes)
    assert first[0] is axes[0]
    assert len(first) == rows
    plt.close(figure)
