"""Tables of what is certified and right: shares by hand, brackets that hold, curves that fall, words from rows."""

import numpy as np
import pandas as pd
import pytest
import torch
from handmade import measurement

from rt_utils.evaluation import certified_shares, score_bracket
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.certified_shares import M_PROBE, PROBE, T_PROBE
from rt_utils.evaluation.interval_bounds import IN_SUBSPACE, MERGED, THEOREM_2
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import certified_texts as texts
from rt_utils.theory.threat import Threat

YES, NO = True, False


def points(right: list[bool], s: list[bool], merged: list[bool], upper: list[float]) -> dict[str, np.ndarray]:
    return {
        "right": np.array(right),
        THEOREM_2: np.array(s),
        IN_SUBSPACE: np.array(s),
        MERGED: np.array(merged),
        "shift_upper": np.array(upper),
    }


def found() -> dict[str, dict[str, np.ndarray]]:
    return {
        PROBE: points([YES, YES, NO, YES], [YES, NO, YES, NO], [YES, YES, YES, NO], [1.0, 2.0, 3.0, 9.0]),
        M_PROBE: points([YES, NO, NO, YES], [NO] * 4, [YES, YES, YES, YES], [0.0] * 4),
        T_PROBE: points([YES, YES, NO, NO], [YES, YES, YES, NO], [YES] * 4, [0.0] * 4),
    }


def test_only_right_points_count_and_shifts_are_those_of_the_points_attacked() -> None:
    attacked = measurement("e", n=2, shift=0.5, wrong=np.array([NO, YES]), flipped=np.array([NO, YES]))
    row = certified_shares.row(found(), attacked)
    assert (row["clean"], row["PGD"]) == (0.75, 0.5)
    assert (row[THEOREM_2], row[MERGED]) == (0.25, 0.5)
    assert (row[f"{M_PROBE} clean"], row[M_PROBE]) == (0.5, 0.5)
    assert (row[f"{T_PROBE} clean"], row[T_PROBE]) == (0.5, 0.5)
    assert (row["bound"], row["found"], row["bound / found"]) == (1.5, 0.5, 3.0)
    assert certified_shares.broken(found(), attacked) == 1  # point 1 is certified by the merged margin, and flipped
    assert certified_shares.broken(found(), measurement("e", n=4, flipped=np.array([NO, NO, NO, YES]))) == 0


def test_over_radii_on_blocks() -> None:
    data, blocks = load_data_set("digits", size=32, n_train=150, n_test=12), load_encoder("blocks")
    probe, quick = ProbeSettings(epochs=4), PGDSettings(steps=4)
    plan = AttackPlan(quick, quick, quick, floor_points=0, apgd_points=0)
    threats = [Threat("linf", eps) for eps in (1 / 255, 24 / 255)]
    rows = certified_shares.over_radii([(blocks, data)], threats, probe, probe, plan, attacked=6, workers=1)
    assert list(rows.eps) == ["1/255", "24/255"]
    assert list(rows.n) == [12, 12]
    assert (rows.flipped == 0).all()
    for one, other in ((THEOREM_2, IN_SUBSPACE), (IN_SUBSPACE, MERGED), (MERGED, "clean")):
        assert (rows[one] <= rows[other]).all()
    assert rows[MERGED].is_monotonic_decreasing
    assert (rows["bound / found"].between(1 - 1e-6, 1.2)).all()
    clean = certified_shares.clean_accuracies([(blocks, data)], probe)
    assert clean.clean.iloc[0] == rows.clean.iloc[0]


def test_both_sides_of_the_score() -> None:
    blocks, threat = load_encoder("blocks"), Threat("linf", 0.1)  # nothing moves by more than 0.8
    m = measurement("blocks", n=200, shift=0.5, shift_upper=np.full(200, 0.6))
    row = score_bracket.bracket(m, blocks, threat, 0.05)
    names = ("from below, KL", "AS found", "AS bound", "from above, KL", "a priori")
    sides = [row[name] for name in names]
    assert row["from below, DKW"] < row["AS found"]  # type: ignore[operator]
    assert sides == sorted(sides)  # type: ignore[type-var]
    assert sides[1::1][:2] == pytest.approx([0.5, 0.6])
    assert sides[-1] == pytest.approx(0.8)


def test_the_curve_counts_right_points_and_its_limit_is_below() -> None:
    radii = {"merged": np.array([0.05, 0.15, 0.25, 0.35])}
    curve = score_bracket.curves(radii, np.array([YES, YES, NO, YES]), 0.4, 0.05, points=5)
    assert curve.share.tolist() == pytest.approx([0.75, 0.5, 0.25, 0.25, 0.0])
    assert (curve["at least"] <= curve.share).all()


def test_the_ratio_of_bound_and_found() -> None:
    data = load_data_set("digits", size=32, n_train=60, n_test=4)
    rows = score_bracket.ratios([(load_encoder("blocks"), data, Threat("linf", 0.05))], PGDSettings(steps=10))
    assert rows["bound / found"].iloc[0] == pytest.approx(1, abs=0.02)


def test_one_example_of_each_kind() -> None:
    data, blocks = load_data_set("digits", size=32, n_train=60, n_test=4), load_encoder("blocks")
    z = blocks.features(data.test.images)
    labels = torch.tensor([0, 0, 0, 1])
    data = type(data)(data.name, ("a", "b"), data.train, type(data.test)(data.test.images, labels), "print")
    weight, bias = np.zeros((2, 64)), np.array([1.0, 0.0])  # class a everywhere: certified
    given = {"labels": labels.numpy(), "weight": weight, "bias": bias, "flipped": np.zeros(4, bool)}
    m = measurement("blocks", **given, **dict.fromkeys(("z", "z_shift", "z_loss"), z.numpy()))
    assert score_bracket.examples(m, blocks, data, Threat("linf", 0.1)) == {"certified": 0}
    pictures = texts.pictures({"certified": 0}, data, data.test.pixels()[:1])
    assert pictures[0]["what"] == "certified (a)"


def test_the_words_of_the_rows() -> None:
    row = {"clean": 0.9, MERGED: 0.5, M_PROBE: 0.7, f"{M_PROBE} clean": 0.8, T_PROBE: 0.6, f"{T_PROBE} clean": 0.85}
    row |= {THEOREM_2: 0.2, IN_SUBSPACE: 0.25, "eps": "2/255", "data": "digits", "encoder": "blocks"}
    rows = texts.at_radius(pd.DataFrame([row, row | {"eps": "4/255"}]), "2/255")
    assert rows[["best", "way", "its clean"]].to_numpy().tolist() == [[0.7, "M-probe, merged", 0.8]]
    assert texts.reading(rows) == pytest.approx({"merged": 30, "subspace": 5, "probe": 20, "lost": 10})
    ratios = pd.DataFrame({"encoder": ["a", "b"], "bound / found": [1.2, 5000.0]})
    assert texts.bounds(ratios, "b", {"a": "A"}) == {"times": 5000.0, "most": 1.2, "vacuous": "b"}
    clean = pd.DataFrame({"encoder": ["embedded/robust"], "data": ["digits"], "clean": [0.95]})
    assert texts.cost(rows, clean, {"blocks": "blocks"}) == {"rows": "digits: blocks 90.0%, robust 95.0%"}


def test_the_result_names_the_least_and_the_most() -> None:
    shares = pd.DataFrame(
        {"encoder": ["a", "a", "b"], "data": ["digits", "textures", "digits"], "best": [0.5, 0.3, 0.9]}
    )
    said = texts.result(shares, "a", {"a": "A"})
    assert said == {"shares": "between 30.0% (textures) and 50.0% (digits)", "encoder": "A", "new": ""}
    of_letters = pd.DataFrame({"encoder": "embedded/certified", "data": ["letters", "digits"], "best": [0.9, 0.5]})
    said = texts.result(of_letters, "embedded/certified", {"embedded/certified": "A"})
    assert said["shares"] == "50.0% (digits)"  # not of the classes of its pretraining; one set has no two ends
    assert "did not show" in said["new"]
    rows = shares.assign(clean=0.6, way="M-probe, merged", **{"its clean": 0.7, "n": 5})
    assert list(texts.results(rows)) == [
        "encoder",
        "data",
        "right",
        "certified and right",
        "by",
        "right with that probe",
    ]


def test_the_control_is_named_where_it_certifies_more() -> None:
    shares = pd.DataFrame(
        {
            "encoder": ["embedded/certified"] * 2 + ["blocks"] * 2,
            "data": ["digits", "textures"] * 2,
            "best": [0.5, 0.3, 0.9, 0.3],
        }
    )
    label = {"embedded/certified": "certified", "blocks": "blocks"}
    said = {"control": "blocks", "trained": "certified", "more": "digits", "fewer": "textures"}
    assert texts.control(shares, label) == [said]
    assert texts.control(shares[:2], label) == []
    nowhere = texts.control(shares.assign(best=0.0), label)
    assert nowhere == [said | {"more": "no data set", "fewer": "digits, textures"}]
