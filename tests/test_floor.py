"""The attack floor on hand-made points: its ratios, its verdict, met and missed, and its claims."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rt_utils.evaluation import floor
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.pages import attack_floor
from rt_utils.pages.elements import filled
from rt_utils.pages.ledger import Claim
from rt_utils.pages.page import Page
from rt_utils.theory.threat import Threat

NAN = np.nan
# Four points of one encoder and data set. The stronger search for the shift ran on three, for the loss on two, the
# paper's attacks on two; APGD there too.
POINTS = {
    "encoder": ["e"] * 4,
    "data": ["d"] * 4,
    "loss": [1.0, 2.0, 8.0, 8.0],
    "shift_page": [1.0, 2.0, 3.0, 90.0],
    "shift_floor": [1.0, 2.0, 5.0, NAN],
    "shift_paper": [0.5, 1.0, NAN, NAN],
    "loss_page": [3.0, 4.0, 9.0, 9.0],
    "loss_floor": [3.5, 4.5, NAN, NAN],
    "wrong_pgd": [False, False, True, True],
    "wrong_paper": [False, False, True, True],
    "wrong_apgd": [True, False, True, True],
}
EXPECTED = {
    "n": 3,
    "AS score": 2.0,
    "AS ratio": 6 / 8,
    "paper's AS ratio": 1.5 / 3,
    "n'": 2,
    "loss gap": 2.0,
    "gap ratio": 2 / 2.5,
    "n''": 2,
    "robust acc.": 1.0,
    "paper's PGD": 1.0,
    "APGD": 0.5,
}


def verdict(table: pd.DataFrame) -> str:
    return filled(attack_floor.VERDICT, attack_floor.values(table))


def made(table: pd.DataFrame) -> list[Claim]:
    """The rows of the ledger that a page enters."""
    entered: list[Claim] = []

    def claim(text: str, **sides: Any) -> None:
        entered.append(Claim("chapter", text, "embedded", seed=0, threat=Threat("linf", 0.1), **sides))

    attack_floor.enter(table, claim)
    return entered


def rows(**changes: Any) -> pd.DataFrame:
    """A summary of two rows that meet the floor, but for these changes in the second."""
    met = dict(EXPECTED) | {"AS ratio": 1.0, "gap ratio": 1.0, "robust acc.": 0.5, "APGD": 0.5}
    pairs = [{"encoder": "embedded/robust", "data": data} for data in ("digits", "glyphs")]
    return pd.DataFrame([pairs[0] | met, pairs[1] | met | changes])


def test_the_summary_compares_on_the_points_that_both_ran_on() -> None:
    (row,) = floor.summary(pd.DataFrame(POINTS)).to_dict("records")
    assert (row.pop("encoder"), row.pop("data")) == ("e", "d")
    assert list(row) == list(EXPECTED)
    assert row == pytest.approx(EXPECTED)


def test_the_paper_is_compared_where_the_stronger_search_ran_too() -> None:
    (row,) = floor.summary(pd.DataFrame(POINTS | {"shift_paper": [0.5, 1.0, 2.0, 7.0]})).to_dict("records")
    assert row["paper's AS ratio"] == pytest.approx(3.5 / 8)
    assert (row["n''"], row["robust acc."], row["APGD"]) == (4, 0.5, 0.25)


def test_encoders_and_data_sets_have_a_row_each_in_the_pages_order() -> None:
    points = pd.DataFrame(POINTS)
    every = [points.assign(encoder=encoder, data=data) for encoder in "zy" for data in "dc"]
    every[2] = every[2].assign(shift_page=points.shift_floor)
    found = floor.summary(pd.concat(every))
    assert list(zip(found.encoder, found.data, strict=True)) == [("z", "d"), ("z", "c"), ("y", "d"), ("y", "c")]
    assert found["AS ratio"].tolist() == pytest.approx([0.75, 0.75, 1.0, 0.75])


def test_where_nothing_moves_the_ratio_is_one() -> None:
    still = {name: [0.0] * 4 for name in ("shift_page", "shift_floor", "shift_paper")}
    still |= dict.fromkeys(("loss_page", "loss_floor"), POINTS["loss"])  # type: ignore[dict-item]
    (row,) = floor.summary(pd.DataFrame(POINTS | still)).to_dict("records")
    assert (row["AS ratio"], row["paper's AS ratio"], row["gap ratio"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "meets"),
        ({"AS ratio": 0.98, "gap ratio": 0.98}, "meets"),
        ({"AS ratio": 0.979}, "misses"),
        ({"gap ratio": 0.979}, "misses"),
        ({"robust acc.": 0.51}, "meets"),
        ({"robust acc.": 0.511}, "misses"),
        ({"robust acc.": 0.4}, "meets"),
        ({"AS ratio": 1.2, "gap ratio": 1.3}, "meets"),
    ],
)
def test_the_verdict_is_that_of_the_worst_row(changes: dict[str, float], word: str) -> None:
    for table in (rows(**changes), rows(**changes)[::-1]):
        assert f"This **{word}** the floor" in verdict(table)


def test_the_verdict_says_the_worst_numbers() -> None:
    changes = {"AS ratio": 0.9, "gap ratio": 0.8, "robust acc.": 0.75}
    text = verdict(rows(**changes))
    assert "ratio of AS scores is 0.900 and of loss gaps 0.800" in text
    assert "at most 25.0 points above APGD's" in text
    assert "ratios of at least 0.98, and at most 1 point" in text
    assert "at most 0.0 points above APGD's" in verdict(rows(**{"robust acc.": 0.4})[1:])


def test_the_claims_have_the_verdicts_of_the_three_conditions() -> None:
    found = made(rows(**{"AS ratio": 0.8, "n": 7, "n'": 5, "n''": 9, "robust acc.": 0.75}))
    assert [(c.encoder, c.data) for c in found] == [("embedded/robust", d) for d in ("digits", "glyphs") for _ in "abc"]
    assert [c.verdict for c in found] == ["holds", "holds", "holds", "violated", "holds", "violated"]
    assert [c.n for c in found] == [3, 2, 2, 7, 5, 9]
    assert [c.lhs for c in found] == pytest.approx([0, 0, 0, 0.25, 0, 0.25])
    assert [c.rhs for c in found] == [0.02, 0.02, 0.01] * 2
    parts = [c.claim for c in found[:3]]
    assert "AS score" in parts[0]
    assert "loss gap" in parts[1]
    assert "robust accuracy" in parts[2]
    assert made(rows(**{"robust acc.": 0.51}))[-1].verdict == "holds"  # a point, but for rounding


def test_the_tables_say_whose_attacks_they_compare() -> None:
    plan = AttackPlan(loss=HalvingSettings.of_loss(3, 17, 2.5), floor=PGDSettings(99, 7))
    page = Page("chapter", {"profile": "embedded", "norm": "linf", "eps": "8/255", "seed": 0})
    searches, accuracies = attack_floor.tables(rows(), plan, page.table)
    for text in ("92 gradients a point for the representation from 8 starts, 30 for the loss from 3", "step 2.5 eps"):
        assert text in searches.shown.source
    assert "and 0 on the margin" in searches.shown.source
    on_margin, _ = attack_floor.tables(rows(), replace(plan, margin=HalvingSettings.of_margin(5, 100)), page.table, "b")
    assert "and 27 on the margin at points that this leaves right" in on_margin.shown.source
    assert "over 99 steps with 7 restarts" in searches.shown.source
    assert "20 steps of constant size 0.7 eps" in searches.shown.source
    assert "gap ratio" in repr(searches)
    assert "APGD" not in repr(searches)
    assert "APGD" in repr(accuracies)


def test_where_nothing_was_found_the_share_that_a_stronger_search_adds_is_infinite() -> None:
    found = made(rows(**{"AS ratio": 0.0}))
    share = next(c for c in found if c.data == "glyphs")
    assert (share.lhs, share.verdict) == (np.inf, "violated")
