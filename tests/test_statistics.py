"""Order claims: intervals of differences, by units, and one error for all claims of a run."""

import math

import numpy as np
import pytest

from rt_utils.evaluation import statistics
from rt_utils.pages.ledger import Claim
from rt_utils.pages.page import Page

GIVEN = {"profile": "embedded", "encoders": ["embedded/robust"], "norm": "linf", "eps": "8/255", "seed": 3}


@pytest.mark.parametrize("n", [1, 10, 37])
def test_a_shares_interval_inverts_the_exact_test(n: int) -> None:
    """At the lower end k successes or more have probability error / 2."""
    from scipy.stats import binom

    for k in range(1, n + 1):
        low, _ = statistics.share_interval(k, n, 0.1)
        assert binom.sf(k - 1, n, low) == pytest.approx(0.05)


@pytest.mark.parametrize("error", [0.05, 0.01])
def test_predictors_are_told_apart_exactly_where_mcnemar_is(error: float) -> None:
    for gains in range(15):
        for losses in range(15):
            left, right = np.zeros(60, bool), np.zeros(60, bool)
            left[:losses], right[20 : 20 + gains] = True, True
            left[40:], right[40:] = True, True  # both right
            low, high = statistics.of_predictors(left, right)(error)
            assert low <= (gains - losses) / 60 <= high
            assert (low > 0 or high < 0) == (statistics.sign_test(losses, gains) < error)


def test_predictors_that_never_differ_leave_it_undecided() -> None:
    same = np.ones(100, bool)
    low, high = statistics.of_predictors(same, same)(0.05)
    assert -high == low == pytest.approx(-0.036, abs=1e-3)
    assert statistics.decided((low, high)) == "undecided"


@pytest.mark.parametrize(("seeds", "said"), [(3, "undecided"), (5, "undecided"), (6, "holds"), (8, "holds")])
def test_below_six_seeds_nothing_is_decided(seeds: int, said: str) -> None:
    assert statistics.decided(statistics.of_seeds(np.zeros(seeds), np.arange(1.0, seeds + 1))(0.05)) == said


@pytest.mark.parametrize("claims", [1, 2, 10, 37])
def test_the_least_number_of_seeds_decides_a_claim_of_the_family_and_one_less_never_does(claims: int) -> None:
    n = statistics.least_seeds(claims)
    evidence = [statistics.of_seeds(np.zeros(k), np.arange(1.0, k + 1)) for k in (n, n - 1)]
    said = [statistics.decided(one(statistics.ERROR / claims)) for one in evidence]
    assert said == ["holds", "undecided"]
    assert statistics.least_seeds(1) == 6


def test_seeds_give_order_statistics() -> None:
    differences = np.array([3.0, -1, 2, 5, 4, 8, 7, 6, 9])
    assert statistics.of_seeds(np.zeros(9), differences)(0.05) == (2, 8)  # of nine: the second and the eighth
    assert statistics.of_seeds(np.zeros(9), differences)(0.003) == (-math.inf, math.inf)


def test_groups_of_images() -> None:
    assert statistics.decided(statistics.of_groups((10, 100), (90, 100))(0.05)) == "holds"
    assert statistics.decided(statistics.of_groups((90, 100), (10, 100))(0.05)) == "violated"
    assert statistics.decided(statistics.of_groups((1, 100), (3, 3))(0.05)) == "holds"
    assert statistics.decided(statistics.of_groups((50, 100), (2, 3))(0.05)) == "undecided"


def test_means_over_the_same_images() -> None:
    rng = np.random.default_rng(0)
    left = rng.normal(0, 10, 200)
    assert statistics.decided(statistics.of_means(left, left + rng.normal(1, 1, 200), 0)(0.01)) == "holds"
    assert statistics.decided(statistics.of_means(left, rng.permutation(left) + 0.1, 0)(0.01)) == "undecided"


def test_a_few_means_decide_nothing() -> None:
    for n, said in ((1, "undecided"), (7, "undecided"), (8, "holds")):
        assert statistics.decided(statistics.of_means(np.zeros(n), np.ones(n), 0)(0.05)) == said


def test_orders_of_data_sets() -> None:
    rng = np.random.default_rng(0)
    seen = np.array([1.0, 2.0, 3.0])
    sharp, blurred = (seen[:, None] + rng.normal(0, sd, (3, 2000)) for sd in (0.01, 5))
    both = np.stack([seen, seen])
    assert statistics.of_orders(sharp, sharp, both)(0.05) == (0, 0)
    assert statistics.of_orders(sharp, blurred, both)(0.05) == (-3, 0)
    reverse = np.stack([seen, seen[::-1]])
    assert statistics.of_orders(sharp, sharp[::-1], reverse)(0.05) == (-3, -3)
    one = np.stack([seen, seen[[0, 2, 1]]])
    assert statistics.of_orders(sharp, sharp[[0, 2, 1]], one)(0.05) == (-1, -1)


def entered(page: Page, k: int) -> None:
    left, right = np.zeros(100, bool), np.arange(100) < 7  # 7 of 7: p = 2/128
    evidence = statistics.of_predictors(left, right)
    for _ in range(k):
        page.claim("better", n=100, lhs=0.0, rhs=0.07, evidence=evidence, units="images")


def test_a_family_shares_its_error() -> None:
    for k, said in ((1, "holds"), (3, "holds"), (4, "undecided")):
        page = Page("chapter", GIVEN)
        page.claim("a theorem", n=1, lhs=1.0, rhs=2.0)
        entered(page, k)
        assert {claim.verdict for claim in page.decide()} == {said}
        assert (page.claims[0].verdict, page.claims[0].low) == ("holds", None)
        assert (page.claims[1].units, len(page.claims)) == ("images", k + 1)


def test_a_family_is_fixed() -> None:
    page = Page("chapter", GIVEN)
    entered(page, 1)
    with pytest.raises(ValueError, match="no interval yet"):
        _ = page.claims[0].verdict
    page.decide()
    with pytest.raises(ValueError, match="too late"):
        entered(page, 1)
    page.claim("a theorem", n=1, lhs=1.0, rhs=2.0)


def test_no_point_stays_no_verdict() -> None:
    nothing = Claim("chapter", "claim", "embedded", 0, 0, 0.0, 1.0, low=-1.0, high=1.0)
    assert nothing.verdict == "no point"
