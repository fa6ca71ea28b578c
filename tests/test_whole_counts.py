"""Counts in tables do not break; counts in sentences may."""

import sys

from conftest import ROOT

sys.path.insert(0, str(ROOT / "book" / "extensions"))
from whole_counts import whole


def test_a_count_in_a_cell_stays_on_one_line() -> None:
    kept = "35\u00a0of\u00a064"
    assert whole('<td class="num">35 of 64</td>') == f'<td class="num">{kept}</td>'
    assert whole("<th>35 of 64</th>\n<td><p>35 of 64, 0.024</p>\n</td>") == (
        f"<th>{kept}</th>\n<td><p>{kept}, 0.024</p>\n</td>"
    )


def test_an_interval_breaks_in_one_place_alone() -> None:
    assert whole("<td>0.781 to 0.851</td>") == "<td>0.781\u00a0to 0.851</td>"
    assert whole("<td>-0.2 to -0.1</td>") == "<td>-0.2\u00a0to -0.1</td>"


def test_all_else_stays() -> None:
    for text in (
        "<p>35 of 64</p>",
        '<td title="35 of 64">a</td>',
        "<td>one of 64</td>",
        "<thead><tr></tr></thead>35 of 64",
        "<td>a</td>3 of 4<td></td>",
    ):
        assert whole(text) == text
