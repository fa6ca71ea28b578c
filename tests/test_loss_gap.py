"""Both sides of Lemma 1 and Theorem 1 on points by hand, and how often the statements fail where that is known."""

import math
from typing import cast

import pytest
import torch
from measured import measurement
from scipy.stats import binom
from torch import nn

from rt_utils.evaluation import assumptions, coverage
from rt_utils.evaluation.loss_gap import LossGap, lemma_1_table, theorem_1_table
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory import lipschitz, statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.threat import Threat

# The example that Theorem 1's chapter does by hand: T = log(1 + 1/e) - log(1 + 1/e^2), S = sqrt(1/2).
BY_HAND = measurement([[2.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [0], z_shift=[[1.5, 0.5]])
GAP, SHIFT = math.log1p(math.exp(-1)) - math.log1p(math.exp(-2)), math.sqrt(0.5)


def test_both_sides_by_hand() -> None:
    gap = LossGap.of(BY_HAND)
    assert gap.factors == pytest.approx({"l1": 2.0, "l2": math.sqrt(2), "linf": 2.0})
    assert gap.lhs == pytest.approx({"l1": GAP / 2, "l2": GAP / math.sqrt(2), "linf": GAP / 2})
    assert gap.score == pytest.approx(SHIFT)
    assert gap.holds
    assert gap.cut(0.2) == pytest.approx(0.2 - math.log1p(math.exp(-2)))  # the adversarial loss alone is cut


def test_a_left_side_above_the_score_does_not_hold() -> None:
    gap = LossGap.of(BY_HAND)
    too_small = LossGap(gap.encoder, gap.data, gap.weight, gap.clean, gap.adversarial, gap.shifts / 6)
    assert not too_small.holds


def test_the_bounds_take_the_smallest_constant() -> None:
    bounds = LossGap.of(BY_HAND).bounds(c2=3.0, rho=0.05)
    assert bounds["Theorem 1"] == pytest.approx(1.0 + 3 * math.sqrt(math.log(40) / 2))
    assert bounds["all heads"] == pytest.approx(1.0 + 3 * math.sqrt(math.log(20) / 2))


def test_the_tables_hold_full_names_that_are_equal_when_shortened() -> None:
    z, head = [[2.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]
    two = [LossGap.of(measurement(z, head, [0], encoder=name)) for name in ("embedded/robust", "natural/robust")]
    two.append(LossGap.of(BY_HAND))
    table = lemma_1_table(two)
    assert list(table.encoder) == ["embedded/robust", "natural/robust", "embedded/robust"]
    assert math.isnan(table["AS / LHS"].iloc[0])  # no gap was found
    assert table["AS / LHS"].iloc[2] == pytest.approx(2 * SHIFT / GAP)
    bounds = theorem_1_table(two, 3.0, 0.05)
    assert list(bounds.encoder) == list(table.encoder)
    assert bounds["gap, cut"].iloc[2] == pytest.approx(GAP)


@pytest.mark.parametrize("n", [50, 500])
def test_the_link_fails_for_a_coin_as_often_as_the_binomial_distribution_says(n: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rho, repeats = 0.5, 20_000
    found = coverage.failures(coverage.coin(7.0), n, rho, 7.0, repeats, generator)
    allowed = n * statements.hoeffding(1.0, n, rho)
    exactly = 2 * binom.cdf(math.ceil(n / 2 - allowed) - 1, n, 0.5)
    assert found["link"] == pytest.approx(exactly, abs=4 * math.sqrt(exactly / repeats))
    one_side = binom.cdf(math.ceil(n / 2 - n * statements.hoeffding(1.0, n, rho, sides=1)) - 1, n, 0.5)
    assert found["all heads"] == pytest.approx(one_side, abs=4 * math.sqrt(one_side / repeats))
    assert found["Theorem 1"] == pytest.approx(exactly / 2, abs=4 * math.sqrt(exactly / repeats))


def test_the_memoriser_breaks_the_link_and_not_the_bound_for_all_heads() -> None:
    found = coverage.memoriser(100, 0.05, 20.0, 50, torch.Generator().manual_seed(0))
    assert found == {"link": 1.0, "all heads": 0.0}


def test_a_known_adversary_takes_the_worse_of_its_two_perturbations() -> None:
    m = measurement([[2.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [0], z_shift=[[5.0, 0.0]], z_loss=[[1.5, 0.5]])
    population = coverage.two_perturbations(m, 3.0)
    assert population.gaps.item() == pytest.approx(GAP)
    assert population.shifts.item() == pytest.approx(3.0)
    assert population.factor == pytest.approx(2.0)


def test_a_head_fitted_on_every_point_breaks_nothing() -> None:
    """One point, which every sample is: the mean over the sample is the expectation."""
    found = coverage.least_squares(BY_HAND, 20, 0.05, 3.0, 5, torch.Generator().manual_seed(0))
    assert found == {"link": 0.0, "all heads": 0.0}


def test_the_coverage_tables_have_a_row_for_each_case() -> None:
    generator = torch.Generator().manual_seed(0)
    fixed = coverage.of_fixed_heads({"coin": coverage.coin(3.0)}, (0.05, 0.5), 3.0, 100, generator)
    assert fixed[["n", coverage.PROMISE]].to_numpy().tolist() == [[50, 0.05], [50, 0.5], [500, 0.05], [500, 0.5]]
    fitted = coverage.of_fitted_heads({"by hand": BY_HAND}, 0.05, 3.0, 20, generator)
    assert list(fitted["head, fitted on the sample"]) == ["memoriser", "by hand"]


def test_a_bound_read_off_the_sample_misses_the_rare_case() -> None:
    missed = assumptions.missed_with_an_observed_bound(0.05)
    assert missed == pytest.approx(0.99**50, abs=4 * math.sqrt(0.24 / 2000))


def test_noise_for_an_attack_is_measured_on_the_first_points() -> None:
    """The encoder is the identity on one grey pixel, so noise of radius eps moves each channel by eps."""
    gap = LossGap.of(BY_HAND)
    encoder = Encoder(gap.encoder, nn.Flatten(), input_size=1, width=3, weights_sha256="")
    split = Split(torch.full((3, 3, 1, 1), 128, dtype=torch.uint8), None)
    images = {(gap.data, 1): DataSet(gap.data, (), split, split, "")}
    table = assumptions.noise_for_an_attack([gap], [encoder], images, Threat("linf", 0.1), 2, 0)
    (row,) = table.to_dict("records")
    assert row["AS of noise"] == pytest.approx(0.1 * math.sqrt(3), rel=1e-6)
    assert row["AS score"] == pytest.approx(SHIFT)
    assert row["LHS ≤ noise"] == "yes"


def test_the_search_comes_close_to_every_constant() -> None:
    worst = lipschitz.worst_ratios(torch.Generator().manual_seed(0))
    assert len(worst) == 6
    assert all(0.99 < ratio <= 1 + 1e-9 for ratio in worst.values()), worst


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_the_search_notices_a_wrong_constant(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    head_norm = statements.head_norm
    monkeypatch.setattr(statements, "head_norm", lambda *a: factor * head_norm(*a))
    monkeypatch.setitem(cast(dict[str, float], CROSS_ENTROPY.lipschitz), "l2", factor * math.sqrt(2))
    worst = lipschitz.worst_ratios(torch.Generator().manual_seed(0))
    wrong = {name for name, ratio in worst.items() if not 0.99 < ratio <= 1 + 1e-9}
    assert wrong == {"Lemma 3, l2", "Lemma 2, l1", "Lemma 2, l2", "Lemma 2, linf"}
