"""What is certified of networks that others trained: bounds by hand, planted errors, the kept record against itself."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT
from measured import measurement

from rt_utils.evaluation import certified_networks as evaluated
from rt_utils.evaluation import interval_bounds
from rt_utils.evaluation.certified_networks import ALL_WAYS, OWN, PROBE
from rt_utils.evaluation.interval_bounds import IN_SUBSPACE, LOGITS, MERGED, THEOREM_2, FeatureBox
from rt_utils.evaluation.measurement import Measurement
from rt_utils.models.head import Head
from rt_utils.pages import certified_networks as shown
from rt_utils.pages.page import Page
from rt_utils.theory import worst_case

RECORD = ROOT / "book" / "reference" / "public" / "certified_networks.json"


def _box(n: int, r: int, width: float, seed: int) -> FeatureBox:
    draw = torch.Generator().manual_seed(seed)
    z = torch.randn(n, r, generator=draw, dtype=torch.float64)
    low, up = (width * torch.rand(n, r, generator=draw, dtype=torch.float64) for _ in range(2))
    return FeatureBox(z, z - low, z + up)


def _head(c: int, r: int, seed: int) -> Head:
    draw = torch.Generator().manual_seed(seed)
    return Head(torch.randn(c, r, generator=draw).double(), torch.randn(c, generator=draw).double())


@pytest.mark.parametrize("seed", range(5))
def test_logits_one_by_one_prove_no_more_than_merged_and_never_what_is_false(seed: int) -> None:
    box, head = _box(40, 6, 0.2, seed), _head(4, 6, seed + 100)
    y = head.logits(box.z).argmax(1)
    ends = box.lower, box.upper, head.weight, head.bias, y
    apart, merged = worst_case.logit_gaps(*ends), worst_case.merged_gaps(*ends)
    assert (apart >= merged - 1e-12).all()
    assert (apart.gather(1, y[:, None]) == 0).all()
    draw = torch.Generator().manual_seed(seed)
    for _ in range(50):
        corner = torch.where(torch.rand(box.z.shape, generator=draw) < 0.5, box.lower, box.upper)
        logits = head.logits(corner)
        assert (logits - logits.gather(1, y[:, None]) <= merged + 1e-9).all()


def test_neither_theorem_2_nor_logits_one_by_one_certifies_all_that_the_other_does() -> None:
    """A feature that both logits share: the norm forgives it, the logits one by one do not. And the converse."""
    z, y = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([0])
    shared = Head(torch.tensor([[1.0, 5.0], [0.0, 5.0]]).double(), torch.zeros(2).double())
    box = FeatureBox(z, z - 0.4, z + 0.4)
    proved = interval_bounds.certified(box, shared, y)
    assert (bool(proved[THEOREM_2]), bool(proved[MERGED]), bool(proved[LOGITS])) == (True, True, False)
    own = Head(torch.tensor([[1.0, 0.0], [0.0, 0.0]]).double(), torch.zeros(2).double())
    box = FeatureBox(z, z - torch.tensor([0.4, 3.0]), z + torch.tensor([0.4, 3.0]))
    proved = interval_bounds.certified(box, own, y)
    assert (bool(proved[THEOREM_2]), bool(proved[MERGED]), bool(proved[LOGITS])) == (False, True, True)


def _measured(shift: list[float], flipped: list[bool], wrong: list[bool]) -> Measurement:
    moved = [[value] for value in shift]
    found = measurement([[0.0]] * 3, [[1.0], [0.0]], [0, 0, 0], z_shift=moved, flipped=flipped)
    return replace(found, wrong=np.array(wrong))


def _points() -> pd.DataFrame:
    ways = {THEOREM_2: [True, False, False], IN_SUBSPACE: [True, False, False]}
    ways |= {MERGED: [True, True, False], LOGITS: [True, False, False]}
    return pd.DataFrame({"right": [False, True, True], "shift_upper": [1.0, 1.0, 2.0]} | ways)


def test_shares_by_hand() -> None:
    measured = _measured([0.5, 0.9, 1.0], [False, False, True], [True, False, True])
    rows = pd.DataFrame(evaluated.ways(_points(), measured, "its own")).set_index("way")
    assert rows.loc[THEOREM_2, "certified"] == pytest.approx(1 / 3)
    assert rows.loc[THEOREM_2, "certified and right"] == 0
    assert rows.loc[MERGED, "certified and right"] == pytest.approx(1 / 3)
    assert rows.loc[MERGED, "right"] == pytest.approx(2 / 3)
    assert rows.loc[MERGED, "not flipped"] == pytest.approx(2 / 3)
    assert evaluated.checks(_points(), measured) == {
        "crossed": 0,
        "flipped": 0,
        "not merged": 0,
        "largest share of a bound": 0.9,
    }


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ({"shift": [1.1, 0.0, 0.0]}, "crossed"),
        ({"flipped": [False, True, False]}, "flipped"),
        ({THEOREM_2: [True, False, True]}, "not merged"),
    ],
)
def test_a_planted_error_is_counted(error: dict[str, list[Any]], found: str) -> None:
    given = {"shift": [0.5, 0.9, 1.0], "flipped": [False] * 3, "wrong": [False] * 3}
    points = _points().assign(**{way: error[way] for way in ALL_WAYS if way in error})
    measured = _measured(**(given | {key: value for key, value in error.items() if key in given}))
    assert evaluated.checks(points, measured)[found] == 1


def test_images_whose_features_cannot_move_are_counted() -> None:
    points = _points().assign(shift_upper=[0.0, 0.0, 2.0])
    assert evaluated.unmoved(points) == {"images": 2, "certified": 1, "right": 0}


def test_a_book_that_keeps_no_record_shows_no_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown.paths, "reference", lambda: tmp_path)
    assert shown.kept() is None
    page = Page("certified", {"profile": "embedded", "encoders": ["blocks"], "norm": "linf", "eps": "2/255", "seed": 0})
    shown.show(page)
    assert not page.claims


def test_the_section_is_shown_from_the_record_and_its_claims_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    elements: list[Any] = []
    monkeypatch.setattr(shown, "display", elements.append)
    page = Page("certified", {"profile": "embedded", "encoders": ["blocks"], "norm": "linf", "eps": "2/255", "seed": 0})
    shown.show(page)
    assert len(elements) == 11
    assert [claim.verdict for claim in page.claims] == ["holds", "holds"]
    assert "are certified and right" in elements[0].shown


def test_the_kept_record_is_whole() -> None:
    record = json.loads(RECORD.read_text("utf-8"))
    deep = record["in depth"]
    assert deep["n"] == 1000
    rows = pd.DataFrame(deep["ways"]).set_index(["head", "way"])
    for head in (OWN, PROBE):
        its = rows.loc[head]
        assert its.loc[THEOREM_2, "certified"] <= its.loc[IN_SUBSPACE, "certified"] <= its.loc[MERGED, "certified"]
        assert its.loc[LOGITS, "certified"] <= its.loc[MERGED, "certified"]
        assert (its["certified"] <= its["not flipped"]).all()
        assert (its["certified and right"] <= its["right under attack"]).all()
        check = deep["checks"][head]
        assert (check["crossed"], check["flipped"], check["not merged"]) == (0, 0, 0)
    shift, bound = (np.array(deep["points"][name]) for name in ("shift", "shift_upper"))
    assert len(shift) == 1000
    assert (shift <= bound * evaluated.ROUNDING + 1e-9).all()
    assert deep["score"]["AS found"] == pytest.approx(shift.mean(), rel=1e-5)
    assert all(row["shift"] <= 1 + 1e-9 and row["flipped"] == 0 for row in deep["float64"])
    assert 0 < deep["picture"]["shift"] <= deep["picture"]["bound"] < deep["picture"]["margin ratio"]
    assert deep["unmoved"]["images"] == (bound == 0).sum()
    clean, moved = (np.array(deep["picture"][name]) for name in ("clean", "moved"))
    assert np.abs(clean - moved).max() == 8
    assert {row["encoder"] for row in record["beside"]} == {f"public/cifar_{name}" for name in NETWORKS}
    assert shown.result(deep)["both"] < shown.result(deep)["right"]
    for row in record["fashion"]:
        assert row["encoder"] == "public/fashion_mnist"
        assert row["n"] == 500
        assert row[f"{THEOREM_2}, right"] <= row[f"{MERGED}, right"] <= row["right"]
        assert row[THEOREM_2] <= row[MERGED]
        assert row["found"] <= row["bound"]
    falling = [row[f"{MERGED}, right"] for row in record["fashion"]]
    assert falling == sorted(falling, reverse=True)


NETWORKS = ("small_8px", "wide_kw", "base_kw", "deep_kw", "sgd_8px", "resnet2b", "resnet4b", "resnet20")
