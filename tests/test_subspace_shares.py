"""What each criterion accounts for, by hand; the chain's checks notice a break; the page's table, words and claims."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from measured import measurement

from rt_utils.evaluation import subspace
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.statistics import share_interval
from rt_utils.evaluation.subspace_search import SubspaceFound
from rt_utils.pages import subspace_section
from rt_utils.pages.plots import slack as plots

S, S_P, D, UNCHANGED = subspace.CRITERIA


def by_hand(**changes: Any) -> Measurement:
    """Five points at (2, 0) with margin ratio 2; shifts on both sides of it."""
    columns: dict[str, Any] = {
        "z_subspace": np.array([[2.0, 0.0]] * 5),
        "shift_subspace": [1.0, 1, 3, 3, 3],
        "shift_subspace_aimed": [1.0, 1, 1, 1, 3],
        "shift_with_subspace": [1.0, 3, 3, 3, 3],
        "shift_directional": [1, 1, 1, 2.5, 3],
        "flipped_with_subspace": [False, False, False, False, True],
    }
    found = SubspaceFound(**{name: np.array(values) for name, values in (columns | changes).items()})
    m = measurement([[2.0, 0.0]] * 5, [[1.0, 0.0], [-1.0, 0.0]], [0] * 5)
    return dataclasses.replace(m, subspace=found)


def test_the_shares_by_hand() -> None:
    row = subspace.shares(by_hand())
    assert (row["n"], row["dim"], row["r"]) == (5, 1, 2)
    assert [row[name] for name in subspace.CRITERIA] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert row["AS"] == pytest.approx(13 / 5)
    assert row[subspace.AS_P] == pytest.approx(11 / 5)
    assert (row["fulfilled"], row["broken"]) == (2, 0)
    assert (row[subspace.AIMED], row["aimed"], row["flipped"], row["share"]) == (0.8, 4, 0, 0)
    assert row["low"] == pytest.approx(0, abs=1e-12)
    assert 0.6 < row["high"] < 0.61  # type: ignore[operator]
    assert table(by_hand()).fulfilled_subspace.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, set()),
        ({"shift_subspace": [1, 3.5, 3, 3, 3]}, {"order of the shifts"}),
        ({"shift_directional": [1, 1.5, 1, 2.5, 3]}, {"order of the shifts"}),
        ({"shift_subspace": [2.5, 1, 3, 3, 3]}, {"order of the shifts", f"{S} but not {S_P}"}),
        ({"flipped_with_subspace": [True, False, False, False, True]}, {f"{D} but not {UNCHANGED}"}),
    ],
)
def test_what_breaks_the_algebra_is_counted(changes: dict[str, Any], where: set[str]) -> None:
    broken = subspace.broken(table(by_hand(**changes)))
    assert {name for name, count in broken.items() if count} == where


def test_a_wrong_projector_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert subspace.worst_fault([by_hand()]) < 1e-12
    monkeypatch.setattr(subspace, "difference_basis", lambda weight: weight[:0])
    assert subspace.worst_fault([by_hand()]) > 0.5


def test_the_loss_gap_of_each_point_against_both_bounds() -> None:
    (row,) = subspace.per_sample([by_hand()]).to_dict("records")
    assert row["gap"] == 0  # no loss attack found anything
    assert row["with \\(S_P\\)"] == pytest.approx(2 * 11 / 5)
    assert row["with \\(S\\)"] == pytest.approx(2 * 13 / 5)
    assert row["above"] <= -2


def test_a_page_shows_and_enters_them() -> None:
    still = by_hand(shift_with_subspace=np.zeros(5), shift_subspace=np.zeros(5))
    for found in (subspace.table_of([by_hand()]), subspace.table_of([still, by_hand()])):
        shown: list[Any] = []
        subspace_section.table(found, lambda *a, s=shown, **k: s.append((a, k)))
        assert "0 of 4" in str(shown[0][0][1].iloc[-1].tolist())
        template, values = subspace_section.reading(found)
        assert "4 points fulfil" in template.format(**values) or len(found) == 2
        claims: list[dict[str, Any]] = []
        subspace_section.enter(found, lambda text, c=claims, **k: c.append({"text": text} | k))
        assert all("subspace" in claim["text"] for claim in claims)
        assert len(claims) == 2 * len(found)
    assert "0.20, 0.40, 0.60, 0.80" in subspace_section.described(found)
    axis = plots.criteria(found[1:], subspace.CRITERIA, ["embedded/robust"]).axes[0]
    assert [bar[0].get_width() for bar in axis.containers] == pytest.approx([0.2] * 4)


def test_the_counts_of_each_seed_stand_beside_one_another() -> None:
    flips = by_hand(flipped_with_subspace=np.array([False, True, False, False, True]))
    (row,) = subspace.over_seeds([subspace.table_of([m]) for m in (by_hand(), flips)]).to_dict("records")
    assert row["flipped, of those"] == "0 of 4, 1 of 4"
    low, high = share_interval(0, 4)
    assert row["95% interval"] == f"{low:.3f} to {high:.3f}"
    assert row[S].split("\N{NO-BREAK SPACE}")[0] == "0.200"
    none = by_hand(shift_subspace_aimed=np.full(5, 9.0))
    (empty,) = subspace.over_seeds([subspace.table_of([none])]).to_dict("records")
    assert (empty["flipped, of those"], empty["95% interval"]) == ("–", "–")


def test_the_bounds_of_each_point_are_shown() -> None:
    shown: dict[str, Any] = {}
    subspace_section.per_sample(
        subspace.per_sample([by_hand()]), lambda key, frame, formats, **values: shown.update({key: (frame, formats)})
    )
    frame, formats = shown["per-sample"]
    assert list(frame.columns) == ["encoder", "data", *formats]
    assert frame["with \\(S_P\\)"].item() == pytest.approx(2 * 11 / 5)  # rows two apart, times the mean of S_P
    assert frame["gap"].item() == 0
