"""The inequalities over random draws, and each formula on numbers that are worked out by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_utils.evaluation.statistics import share_interval
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY

ALPHA_NORM = {"l1": 1, "l2": 2, "linf": math.inf}
draws = settings(max_examples=200, deadline=None)
seeds = st.integers(0, 2**31 - 1)


def normal(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@draws
@given(seeds, st.integers(1, 8), st.integers(1, 8), st.sampled_from(["l1", "l2", "linf"]))
def test_lemma_2(seed: int, classes: int, width: int, alpha: statements.Alpha) -> None:
    weight, v = normal(seed, classes, width), normal(seed + 1, width)
    left = torch.linalg.vector_norm(weight @ v, ALPHA_NORM[alpha])
    assert left <= statements.head_norm(weight, alpha) * v.norm() * (1 + 1e-12)


@pytest.mark.parametrize("alpha", ["l1", "l2", "linf"])
def test_lemma_2_is_attained(alpha: statements.Alpha) -> None:
    weight = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert statements.head_norm(weight, alpha) == pytest.approx(5.0)
    assert torch.linalg.vector_norm(weight @ (weight[0] / 5), ALPHA_NORM[alpha]) == pytest.approx(5.0)


def test_spectral_norm_is_not_the_frobenius_norm() -> None:
    assert statements.head_norm(torch.eye(4, dtype=torch.float64), "l2") == pytest.approx(1.0)


@draws
@given(seeds, st.integers(2, 9), st.sampled_from(["l1", "l2", "linf"]), st.sampled_from([1.0, 30.0]))
def test_lemma_3_and_its_constants(seed: int, classes: int, alpha: statements.Alpha, scale: float) -> None:
    u, v = normal(seed, 1, classes, scale=scale), normal(seed + 1, 1, classes, scale=scale)
    y = torch.tensor([seed % classes])
    gap = (CROSS_ENTROPY(u, y) - CROSS_ENTROPY(v, y)).abs().item()
    assert gap <= CROSS_ENTROPY.lipschitz[alpha] * torch.linalg.vector_norm(u - v, ALPHA_NORM[alpha]) * (1 + 1e-9)


@pytest.mark.parametrize("alpha", ["l1", "l2", "linf"])
def test_lipschitz_constants_are_attained_to_one_percent(alpha: statements.Alpha) -> None:
    direction = {"l1": [1.0, 0.0], "l2": [1.0, -1.0], "linf": [1.0, -1.0]}[alpha]
    u = torch.tensor([[-20.0, 20.0]], dtype=torch.float64)
    v = u + 1e-3 * torch.tensor([direction], dtype=torch.float64)
    gap = (CROSS_ENTROPY(u, torch.tensor([0])) - CROSS_ENTROPY(v, torch.tensor([0]))).abs().item()
    reached = gap / torch.linalg.vector_norm(u - v, ALPHA_NORM[alpha]).item()
    assert reached == pytest.approx(CROSS_ENTROPY.lipschitz[alpha], rel=0.01)


def _worst_move(weight: torch.Tensor, z: torch.Tensor, factor: float) -> torch.Tensor:
    """z moved by `factor` times the margin ratio straight to the nearest hyperplane, found by brute force."""
    y = (z @ weight.T).argmax(1)
    moved = z.clone()
    for i in range(len(z)):
        best = math.inf
        for j in range(len(weight)):
            normal_ = weight[y[i]] - weight[j]
            if j != y[i] and normal_.norm() > 0 and (distance := (z[i] @ normal_) / normal_.norm()) < best:
                best, moved[i] = distance, z[i] - factor * distance * normal_ / normal_.norm()
    return moved


@draws
@given(seeds, st.integers(2, 7), st.integers(1, 6))
def test_theorem_2_and_that_it_is_tight(seed: int, classes: int, width: int) -> None:
    weight, z = normal(seed, classes, width), normal(seed + 1, 5, width)
    logits = z @ weight.T
    y, ratio = logits.argmax(1), statements.margin_ratio(logits, weight)
    inside, outside = _worst_move(weight, z, 1 - 1e-6), _worst_move(weight, z, 1 + 1e-6)
    assert torch.allclose((inside - z).norm(dim=1), ratio * (1 - 1e-6), rtol=1e-9)
    assert statements.criterion(statements.shift(z, inside), ratio).all()
    assert ((inside @ weight.T).argmax(1) == y).all()
    assert not statements.criterion(statements.shift(z, outside), ratio).any()
    assert ((outside @ weight.T).argmax(1) != y).all()


def test_margin_ratio_at_equal_rows_ties_and_one_class() -> None:
    weight = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    assert statements.margin_ratio(torch.tensor([[2.0, 1.0]], dtype=torch.float64), weight).item() == math.inf
    tied = statements.margin_ratio(torch.tensor([[2.0, 2.0]], dtype=torch.float64), weight)
    assert tied.item() == 0
    assert not statements.criterion(torch.zeros(1), tied).any()  # a tie is never robust, even with no shift at all
    behind = statements.margin_ratio(torch.tensor([[1.0, 2.0]], dtype=torch.float64), weight, torch.tensor([0]))
    assert behind.item() == 0  # class 1 is ahead of the label for good: nothing is to be reached
    assert statements.margin_ratio(torch.tensor([[2.0]], dtype=torch.float64), weight[:1]).item() == math.inf


def test_margin_ratio_is_not_always_the_runner_ups() -> None:
    weight = torch.tensor([[1.0, 0.0], [-9.0, 0.0], [0.9, 0.0]], dtype=torch.float64)
    logits = torch.tensor([[1.0, 0.0, 0.5]], dtype=torch.float64)
    assert statements.margin_ratio(logits, weight).item() == pytest.approx(0.1)


@draws
@given(seeds, st.integers(2, 6))
def test_lemma_1(seed: int, classes: int) -> None:
    weight, z, moved = normal(seed, classes, 4, scale=5), normal(seed + 1, 20, 4), normal(seed + 2, 20, 4)
    y = torch.arange(20) % classes
    clean, adversarial = CROSS_ENTROPY(z @ weight.T, y), CROSS_ENTROPY(moved @ weight.T, y)
    for alpha, c1 in CROSS_ENTROPY.lipschitz.items():
        lhs = statements.loss_gap_lhs(clean, adversarial, c1, statements.head_norm(weight, alpha))
        assert lhs <= statements.as_score(statements.shift(z, moved)) * (1 + 1e-9)


def test_lemma_1_with_a_zero_head() -> None:
    assert statements.loss_gap_lhs(torch.ones(3), torch.ones(3), 2.0, 0.0) == 0


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(0, 0, 0, 1), (10, 10, 0.6915, 1), (5, 10, 0.1871, 0.8129)]
)
def test_share_interval(successes: int, n: int, low: float, high: float) -> None:
    assert share_interval(successes, n) == pytest.approx((low, high), abs=1e-4)


def test_the_as_score_is_the_mean_of_the_shifts() -> None:
    z = torch.zeros(3, 2, dtype=torch.float64)
    shifts = statements.shift(z, torch.tensor([[1.0, 0], [0, 2], [3, 4]], dtype=torch.float64))
    assert shifts.tolist() == [1, 2, 5]
    assert statements.as_score(shifts) == pytest.approx(8 / 3)


def test_the_norms_of_a_head() -> None:
    weight = torch.tensor([[3.0, 4.0], [0.0, 1.0]], dtype=torch.float64)  # rows of length 5 and 1
    assert statements.head_norm(weight) == statements.head_norm(weight, "linf") == 5
    assert statements.head_norm(weight, "l1") == 6
    largest = (13 + 160**0.5) ** 0.5  # of W W^T = [[25, 4], [4, 1]]
    assert statements.head_norm(weight, "l2") == pytest.approx(largest, rel=1e-12)


def test_margin_ratio_at_given_labels() -> None:
    """min over j of |f_y - f_j| / ||W_y - W_j||, for y the label and not the class predicted."""
    weight = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]], dtype=torch.float64)
    logits = torch.tensor([[1.0, 11.0, 3.0], [1.0, 11.0, 3.0], [7.0, 0.0, 0.0]], dtype=torch.float64)
    far = 13**0.5  # ||W_1 - W_2||
    predicted = statements.margin_ratio(logits, weight)
    assert predicted.tolist() == pytest.approx([min(10 / 5, 8 / far)] * 2 + [7 / 5])
    given = statements.margin_ratio(logits, weight, torch.tensor([0, 2, 1]))
    assert given.tolist() == pytest.approx([min(10 / 5, 2 / 2), min(2 / 2, 8 / far), 0.0])
    below = statements.margin_ratio(torch.tensor([[5.0, 0.0, 4.0]]).double(), weight, torch.tensor([1]))
    assert below.item() == pytest.approx(min(5 / 5, 4 / far))  # both differences are negative


def test_the_left_side_of_lemma_1() -> None:
    clean = torch.tensor([1.0, 2.0])
    assert statements.loss_gap_lhs(clean, torch.tensor([4.0, 3.0]), 2.0, 5.0) == pytest.approx(2 / 10)
    assert statements.loss_gap_lhs(clean, torch.tensor([1.0, 1.0]), 2.0, 5.0) == pytest.approx(
        0.5 / 10
    )  # never negative


def test_the_constants_of_theorem_1() -> None:
    shifts = torch.tensor([0.5, 2.5])
    one, two = 7 * (math.log(1 / 0.1) / 4) ** 0.5, 7 * (math.log(2 / 0.1) / 4) ** 0.5
    assert statements.hoeffding(7, 2, 0.1) == pytest.approx(two)
    assert statements.hoeffding(7, 2, 0.1, sides=1) == pytest.approx(one)
    assert statements.loss_gap_bound(shifts, 2.0, 7.0, 0.1) == pytest.approx(2 * 1.5 + two)
    assert statements.uniform_loss_gap_bound(shifts, 2.0, 7.0, 0.1) == pytest.approx(2 * 1.5 + one)


def test_the_bound_for_all_heads_cuts_each_point() -> None:
    """lambda S = (1, 5): the second exceeds C_2 = 4, the mean of 3 does not."""
    found = statements.uniform_loss_gap_bound(torch.tensor([0.5, 2.5]), 2.0, 4.0, 0.1)
    assert found - statements.hoeffding(4.0, 2, 0.1, sides=1) == pytest.approx((1 + 4) / 2)


def test_the_cross_entropy_and_its_constants() -> None:
    logits = torch.tensor([[0.0, 1.0, -2.0]], dtype=torch.float64)
    expected = math.log(1 + math.e + math.exp(-2))
    for label, logit in enumerate((0.0, 1.0, -2.0)):
        assert CROSS_ENTROPY(logits, torch.tensor([label])).tolist() == pytest.approx([expected - logit])
    assert CROSS_ENTROPY.lipschitz == {"l1": 1.0, "l2": pytest.approx(2**0.5), "linf": 2.0}
