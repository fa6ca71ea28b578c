"""The four measures of lost robustness, their bootstrap and their factors, on points made by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rt_utils.evaluation import lost_robustness
from rt_utils.evaluation.measurement import CHECKS, Measurement, table
from rt_utils.evaluation.statistics import bootstrap_weights, mean_interval
from rt_utils.theory.losses import CROSS_ENTROPY

ROBUST = ("embedded/robust", "digits")


def measured(encoder: str = ROBUST[0], data: str = ROBUST[1], scale: float = 1.0) -> Measurement:
    """Four points, one feature, two classes, W = (scale, -scale): the adversary moves the features by 2, 2, 2 and 0."""
    z = np.array([[1.0], [3.0], [-1.0], [-2.0]], np.float32)
    z_shift = np.array([[-1.0], [1.0], [1.0], [-2.0]], np.float32)
    wrong = np.array([True, False, True, False])
    checks = {name: (wrong if name.startswith("wrong") else np.zeros(4)) for name in CHECKS}
    return Measurement(
        encoder=encoder,
        data=data,
        classes=("a", "b"),
        weights_sha256="",
        fingerprint="",
        labels=np.array([0, 0, 1, 1]),
        z=z,
        z_shift=z_shift,
        z_loss=z_shift,
        weight=scale * np.array([[1.0], [-1.0]]),
        bias=np.zeros(2),
        wrong=wrong,
        flipped=wrong,
        **checks,
    )


SHIFTS = np.array([2.0, 1.5, 2.0, 0.0])


def softplus(margin: Any) -> Any:
    return np.log1p(np.exp(-margin))


def test_the_measures_by_hand() -> None:
    found = lost_robustness.outcome(measured(), SHIFTS)
    clean, robust = softplus(2 * np.array([1, 3, 1, 2])).mean(), softplus(2 * np.array([-1, 1, -1, 2])).mean()
    expected = {"score": 5.5 / 4, "clean": clean, "robust": robust, "right": 1.0, "robustly": 0.5, "accuracy": 0.5}
    expected |= {"gap": robust - clean, "relative": robust / clean - 1, "LHS": (robust - clean) / 2, "size": 2.0}
    expected |= {"all found": 6 / 4, "ease": 1 / clean, "used": (robust - clean) / 2 / (5.5 / 4), "n": 4}
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    product = np.prod([found[name] for name in lost_robustness.FACTORS])
    assert product == pytest.approx(found["relative"])


def test_nothing_lost_and_nothing_to_divide_by() -> None:
    nothing = lost_robustness.losses(np.array([[0.0, 0.0, 0.5, 1.0, 1.0]]), 0.0)
    assert np.isnan(nothing["relative"])
    assert nothing["LHS"] == 0
    assert nothing["gap"] == 0.5


def test_the_same_head_sharper() -> None:
    m, sharp = measured(), measured(scale=2.0)
    found = {scale: lost_robustness.outcome(each, SHIFTS) for scale, each in ((1.0, m), (2.0, sharp))}
    for t, outcome in found.items():
        assert lost_robustness.sharpened(m, t) == pytest.approx(outcome["relative"])
    assert found[1.0]["accuracy"] == found[2.0]["accuracy"]
    assert found[1.0]["relative"] < found[2.0]["relative"]


def test_resamples_have_the_means_of_their_points() -> None:
    weights = {"digits": np.array([[0.25] * 4, [1.0, 0, 0, 0]])}
    samples = lost_robustness.resampled([measured()], {ROBUST: SHIFTS}, weights)[ROBUST]
    assert samples["score"] == pytest.approx([5.5 / 4, 2.0])
    assert samples["gap"][1] == pytest.approx(softplus(-2.0) - softplus(2.0))
    ends = lost_robustness.intervals({ROBUST: {"score": np.arange(101.0)}}, "score")
    assert ends.to_dict("records") == [
        {"encoder": "embedded/robust", "data": "digits", "score_low": 2.5, "score_high": 97.5}
    ]


def test_encoders_of_one_short_name_stay_apart() -> None:
    other = measured("natural/robust", scale=2.0)
    shifts = {ROBUST: SHIFTS, ("natural/robust", "digits"): 2 * SHIFTS}
    found = lost_robustness.outcomes([measured(), other], shifts)
    assert list(found.encoder) == ["embedded/robust", "natural/robust"]
    assert list(found.score) == [5.5 / 4, 11 / 4]
    samples = lost_robustness.resampled([measured(), other], shifts, bootstrap_weights({"digits": 4}, 100, 0))
    table_4 = lost_robustness.table_4([found, found], samples, found[:1], samples)
    assert list(table_4.encoder) == ["embedded/robust", "embedded/robust", "natural/robust"]
    assert list(table_4.data) == ["digits, pretrained head", "digits", "digits"]
    assert table_4["over seeds"][0] == "–"
    own = f"{found.relative[1]:.3g}"
    assert table_4["over seeds"][2] == f"{own} to {own}"


def test_the_score_before_a_head() -> None:
    points = pd.concat([table(measured()), table(measured(data="glyphs"))])
    alone = {ROBUST: SHIFTS, ("embedded/robust", "glyphs"): SHIFTS / 2}
    before = lost_robustness.score_before_a_head(points, alone, "glyphs")
    assert before.to_dict("list") == {
        "encoder": ["embedded/robust"] * 2,
        "data": ["digits", "glyphs"],
        "n": [4, 4],
        "AS score": [5.5 / 4, 5.5 / 8],
        "10%": pytest.approx([0.45, 0.225]),
        "50%": [1.75, 0.875],
        "90%": [2.0, 1.0],
        "ratio": [2.0, 1.0],
        "all found": [1.5, 1.5],
    }
    with pytest.raises(AssertionError, match="the maximum over everything found is below one of its parts"):
        lost_robustness.score_before_a_head(points, dict.fromkeys(alone, 1.1 * SHIFTS), "glyphs")


def test_bootstrap_weights_are_shares_of_draws() -> None:
    weights = bootstrap_weights({"a": 5, "b": 3}, 2000, 1)
    assert {name: w.shape for name, w in weights.items()} == {"a": (2000, 5), "b": (2000, 3)}
    assert weights["a"].sum(axis=1) == pytest.approx(np.ones(2000))
    assert weights["a"].mean(axis=0) == pytest.approx(np.full(5, 0.2), abs=0.01)
    assert (5 * weights["a"] == (5 * weights["a"]).round()).all()


def test_an_interval_for_a_mean() -> None:
    assert mean_interval(np.full(5, 3.0), 100, 0) == (3.0, 3.0)
    values = np.random.default_rng(0).normal(size=400)
    low, high = mean_interval(values, 2000, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.15)
    assert mean_interval(values, 2000, 0) == (low, high)


def test_the_size_of_a_head_is_lemma_1s_factor() -> None:
    assert lost_robustness.head_size(measured(scale=3.0)) == CROSS_ENTROPY.lipschitz["linf"] * 3
