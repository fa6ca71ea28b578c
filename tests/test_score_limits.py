"""Confidence limits: closed forms, coverage where the truth is known, and why an upper limit needs a bound."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from rt_utils.evaluation import score_coverage, score_limits
from rt_utils.theory.statements import hoeffding, uniform_loss_gap_bound

RHO = 0.05


def test_the_divergence_form_is_hoeffdings_inequality_and_sharper() -> None:
    values = np.repeat([0.0, 2.0], [230, 26])
    low, high = score_limits.mean_limits(values, 2.0, RHO)
    for limit in (low, high):
        p, q = values.mean() / 2, limit / 2
        divergence = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
        assert len(values) * divergence == pytest.approx(math.log(1 / RHO))
    plain = 2 * math.sqrt(math.log(1 / RHO) / (2 * len(values)))
    assert values.mean() - plain < low < values.mean() < high < values.mean() + plain


def test_the_mean_at_its_ends() -> None:
    assert score_limits.mean_limits(np.zeros(10), 1.0, RHO) == pytest.approx((0, 1 - RHO ** (1 / 10)))
    assert score_limits.mean_limits(np.ones(10), 1.0, RHO) == pytest.approx((RHO ** (1 / 10), 1))
    with pytest.raises(ValueError, match="outside"):
        score_limits.mean_limits(np.array([0.5, 1.5]), 1.0, RHO)


def test_the_lower_limit_by_hand() -> None:
    """eta = 1/4: of the values 1, 2, 4, 5 the tail is 1, 3/4, 1/2, 1/4, and a quarter less is left of it."""
    n, rho = 4, math.exp(-2 * 4 / 16)
    assert math.sqrt(math.log(1 / rho) / (2 * n)) == pytest.approx(1 / 4)
    values = np.array([5.0, 1.0, 4.0, 2.0])
    assert score_limits.mean_from_below(values, rho) == pytest.approx(0.75 * 1 + 0.5 * 1 + 0.25 * 2 + 0 * 1)
    assert uniform_loss_gap_bound(torch.from_numpy(values), 2.0, 6.0, rho) == pytest.approx((6 + 2 + 6 + 4) / 4 + 6 / 4)
    assert score_limits.quantile_limits(values, 0.5, rho) == (1.0, 4.0)
    assert score_limits.quantile_limits(values, 0.9, rho) == (4.0, math.inf)
    assert score_limits.quantile_limits(values, 0.2, rho) == (0.0, 2.0)


def test_shares_by_hand() -> None:
    assert score_limits.share_from_below(0, 9, RHO) == 0
    assert score_limits.share_from_below(9, 9, RHO) == pytest.approx(RHO ** (1 / 9))
    band = score_limits.shares_from_below(np.array([0.9, 0.1]), 100, RHO)
    assert band.tolist() == pytest.approx([0.9 - math.sqrt(math.log(20) / 200), 0])
    assert band[0] < score_limits.share_from_below(90, 100, RHO)  # one radius alone is known better


def test_no_upper_limit_without_a_bound() -> None:
    """One value in a hundred is huge: most samples of 50 miss it, and no function of what they hold can tell."""
    rng, missed, huge = np.random.default_rng(0), 0, 1e6
    for _ in range(1000):
        sample = np.where(rng.random(50) < 0.01, huge, 1.0)
        missed += sample.max() == 1.0
        assert score_limits.mean_from_below(sample, RHO) <= 0.99 + 0.01 * huge
    assert missed / 1000 == pytest.approx(0.99**50, abs=0.05)  # the mean is 10,000 and they all look like a mean of 1
    ones = np.ones(50)
    assert score_limits.mean_limits(ones, 2.0, RHO)[1] < 2 < score_limits.mean_limits(ones, huge, RHO)[1] / 1000


def test_coverage_over_a_thousand_samples() -> None:
    table = score_coverage.coverage(RHO, n=100, repeats=1000, seed=0).set_index("limit")
    assert (table["missed"] <= RHO + 3 * math.sqrt(RHO * (1 - RHO) / 1000)).all()
    assert table.loc["certified, one radius", "missed"] > 0.01  # they can miss
    assert table.loc[score_coverage.BAND, "missed"] > 0.005
    truth = table["true"]
    for name, row in table.iterrows():
        assert (row["average"] > truth[name]) == (name in score_coverage.ABOVE)
    below = table.loc[["mean, S bounded, from below", "mean, from below"], "average"]
    cost = hoeffding(1.0, 100, RHO, sides=1)  # both lie at most so far below the sample's mean
    assert (below > truth["mean, from below"] - cost - 0.01).all()


@pytest.mark.parametrize(
    ("what", "wrong"),
    [("hoeffding", lambda c2, n, rho, sides: 0.0), ("_divergence", lambda p, q: 1e3 * (p - q) ** 2)],
)
def test_a_limit_that_is_too_sharp_is_caught(
    what: str, wrong: Callable[..., float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_limits, what, wrong)
    table = score_coverage.coverage(RHO, n=100, repeats=200, seed=0).set_index("limit")
    name = score_coverage.BAND if what == "hoeffding" else "mean, S bounded, from below"
    assert table.loc[name, "missed"] > 3 * RHO
