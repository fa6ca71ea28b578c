"""Section 5.2 by hand: the criterion's counts by full name, and what becomes of its points at larger radii."""

import math

import numpy as np
import pandas as pd
import pytest
from handmade import SAME_SHORT_NAME, measurement

from rt_utils.evaluation import larger_radii, summary
from rt_utils.evaluation.measurement import table
from rt_utils.pages.plots import larger_radii as plots
from rt_utils.pages.published import published_table
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat


def test_two_encoders_with_one_short_name_are_no_seeds_of_one() -> None:
    """Of shares 0.75 and 0.25 no mean of 0.5 may be shown, and no count of both."""
    points = pd.concat([table(measurement(e, shift=s)) for e, s in zip(SAME_SHORT_NAME, (1.0, 2.5), strict=True)])
    rows = summary.criterion(points)
    assert list(rows.encoder) == list(SAME_SHORT_NAME)
    assert list(rows["fulfilled"]) == [0.75, 0.25]  # margin ratios are 0.7, 1.4, 2.1, 2.8
    assert list(rows["unchanged where fulfilled"]) == ["3 of 3", "1 of 1"]
    assert list(summary.spread(rows, ["fulfilled"])["fulfilled"]) == ["0.750", "0.250"]


def test_flips_of_fulfilled_points_are_counted() -> None:
    flipped = np.array([True, False, True, False])
    points = [measurement("right", shift=2.5), measurement("wrong", flipped=flipped), measurement("none", shift=9.0)]
    rows = summary.flips(pd.concat([table(m) for m in points]))
    assert list(rows.n) == [1, 3, 0]
    assert list(rows.flipped) == [0, 1, 0]
    assert list(rows.share)[:2] == pytest.approx([0, 1 / 3])
    assert math.isnan(rows.share.iloc[2])


def test_the_radius_is_multiplied_within_its_range() -> None:
    found = larger_radii.multiples(Threat("l2", 0.5))
    assert found == {2: Threat("l2", 1.0), 3: Threat("l2", 1.5)}
    with pytest.raises(InputError, match=r"eps 0\.5 is too large for this page, which triples it: give at most 0\.333"):
        larger_radii.multiples(Threat("linf", 0.5))


def fallen(*flags: int) -> np.ndarray:
    return np.array(flags, bool)


@pytest.fixture
def survival() -> pd.DataFrame:
    """Points 2 to 4 fulfil the criterion at eps; point 2 falls at 2 eps, which the attack at 3 eps misses."""
    at, at_2, at_3 = (
        table(measurement("embedded/robust", flipped=lost, wrong=lost | fallen(0, 0, 0, wrong)))
        for lost, wrong in ((fallen(1, 0, 0, 0), 0), (fallen(0, 1, 0, 0), 0), (fallen(1, 0, 1, 0), 1))
    )
    return larger_radii.survival(at, {2: at_2, 3: at_3})


def test_what_fell_at_a_radius_has_fallen_at_larger_ones(survival: pd.DataFrame) -> None:
    assert list(survival.fulfilled) == [False, True, True, True]
    assert [int(survival[f"unchanged {k}"].sum()) for k in (1, 2, 3)] == [3, 2, 1]
    assert [int(survival[f"robust {k}"].sum()) for k in (1, 2, 3)] == [3, 2, 0]
    (row,) = larger_radii.robust_accuracies(survival).to_dict("records")
    assert row == {
        "encoder": "embedded/robust",
        "data": "digits",
        "n": 4,
        "clean acc.": 1.0,
        "fulfilled": 0.75,
        "ε": 0.75,
        "2ε": 0.5,
        "3ε": 0.0,
    }


def test_the_joint_shares(survival: pd.DataFrame) -> None:
    (row,) = larger_radii.joint_shares(survival).to_dict("records")
    assert row["fulfilled at ε"] == 3
    assert (row["unchanged 2"], row["unchanged 3"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert (row["others 2"], row["others 3"]) == (0, 0)
    assert row["unchanged, 2ε"] == "0.67 (0.09–0.99)"  # the interval for 2 of 3
    assert row["robust, 3ε"].startswith("0.00 (0.00–")
    (none,) = larger_radii.joint_shares(survival.assign(fulfilled=False)).to_dict("records")
    assert (none["fulfilled at ε"], none["unchanged, 2ε"]) == (0, "–")
    assert math.isnan(none["unchanged 2"])
    assert none["others 2"] == 0.5


def test_the_figure_leaves_out_what_has_no_fulfilled_point(survival: pd.DataFrame) -> None:
    points = pd.concat([survival, survival.assign(data="glyphs", fulfilled=False)])
    rows, joint = larger_radii.robust_accuracies(points), larger_radii.joint_shares(points)
    figure = plots.beyond(rows, joint, published_table("table8"), "embedded/robust", ["embedded/robust"])
    (axis,) = figure.axes
    assert [line.get_label() for line in axis.lines if "published" not in str(line.get_label())][:3] == [
        "digits, all points",
        "digits, unchanged | fulfilled",
        "glyphs, all points",
    ]
    assert list(axis.lines[1].get_ydata()) == pytest.approx([1, 2 / 3, 1 / 3])


def test_the_cross_check_takes_the_first_points_of_each_radius() -> None:
    pgd, apgd = fallen(1, 0, 0, 0), fallen(1, 1, 0, 0)
    found = [table(measurement("e", data=name, wrong_pgd=pgd, wrong_apgd=apgd)) for name in ("digits", "glyphs")]
    rows = larger_radii.cross_checked({2: found, 3: found[:1]}, 2)
    assert list(zip(rows["data"], rows.radius, rows["n'"], strict=True)) == [
        ("digits", "2ε", 2),
        ("glyphs", "2ε", 2),
        ("digits", "3ε", 2),
    ]
    assert list(rows["robust acc."]) == [0.5] * 3
    assert list(rows.APGD) == [0.0] * 3
    assert math.isnan(larger_radii.cross_checked({2: found}, 0)["APGD"].max())
