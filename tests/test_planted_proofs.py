"""Each false variant of proofs/planted.toml has a counterexample in numbers: the function of its name, below.

`make proofs` shows that the variant's proof breaks. That alone may be a script that is too weak; here it is false.
A counterexample must fulfil the variant's hypotheses as Coq defines them: `predicts` and `ratio` are those definitions.
"""

import math
import sys
from collections.abc import Callable

import pytest
import torch
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rt_utils.evaluation import worst_heads
from rt_utils.theory import converse, lipschitz_losses, margin, sharper, statements, worst_case
from rt_utils.theory.losses import CROSS_ENTROPY

sys.path.insert(0, str(ROOT / "proofs"))
import proof_sources


def vec(*entries: float) -> Tensor:
    return torch.tensor([entries], dtype=torch.float64)


def mat(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


BY_HAND, Z = mat([3.0, 0.0], [0.0, 4.0]), vec(3.0, 1.0)  # Theorem 2's page: m(x) = 1


def predicts(z: Tensor, weight: Tensor, bias: Tensor | float, y: int) -> bool:
    """`predicts` of proofs/definitions.v: no logit is larger than that of y; z has the shape (1, r)."""
    logits = (z @ weight.T + bias)[0]
    return bool((logits <= logits[y]).all())


def ratio_of(z: Tensor, weight: Tensor, bias: Tensor | float, y: int) -> float:
    """`margin_ratio` of proofs/definitions.v for any y, predicted or not: a row equal to that of y counts as infinite
    where y has the larger logit, and as 0 where not."""
    logits = (z @ weight.T + bias)[0].tolist()
    found = [math.inf]
    for j, (row, logit) in enumerate(zip(weight, logits, strict=True)):
        if j != y and torch.equal(row, weight[y]):
            found.append(math.inf if logit < logits[y] else 0.0)
        elif j != y:
            found.append(abs(logits[y] - logit) / (weight[y] - row).norm().item())
    return min(found)


def ratio(z: Tensor, weight: Tensor, bias: Tensor | float = 0.0, y: int = 0) -> float:
    """m(x) of a class that has the largest logit, by Coq's definition, which is then the package's too."""
    assert predicts(z, weight, bias, y)
    found = ratio_of(z, weight, bias, y)
    label = torch.tensor([y])
    assert found == pytest.approx(statements.margin_ratio(z @ weight.T + bias, weight, label).item())
    return found


def ce(logits: Tensor, y: int = 0) -> float:
    return CROSS_ENTROPY(logits, torch.tensor([y])).item()


# ----- Theorem 2 and the margin ratio


def criterion_at_equality() -> None:
    reached = vec(2.4, 1.8)
    assert statements.shift(Z, reached).item() == pytest.approx(ratio(Z, BY_HAND))
    first, second = (reached @ BY_HAND.T)[0].tolist()
    assert first == pytest.approx(second)


def criterion_for_any_class() -> None:
    weight, bias = mat([0.0], [1.0], [-1.0]), torch.tensor([-10.0, 0.25, 0.0], dtype=torch.float64)
    z, moved = vec(0.0), vec(-0.5)
    assert ratio_of(z, weight, bias, 0) == 10 > statements.shift(z, moved).item()
    assert not predicts(moved, weight, bias, 0)
    assert (z @ weight.T + bias).argmax() == 1
    assert (moved @ weight.T + bias).argmax() == 2


def criterion_in_linf() -> None:
    weight, z = mat([1.0, 1.0], [-1.0, -1.0]), vec(0.75, 0.75)
    moved = z - 1.0  # l_inf 1 < m = 1.06
    assert (moved - z).abs().max() < ratio(z, weight)
    assert (moved @ weight.T).argmax() == 1


def criterion_with_an_attack() -> None:
    found, furthest = Z + vec(-0.3, 0.4), Z + vec(-1.2, 1.6)
    assert statements.shift(Z, found).item() < ratio(Z, BY_HAND)
    assert (furthest @ BY_HAND.T).argmax() == 1


def rows_apart_in_linf() -> None:
    apart = (BY_HAND[0] - BY_HAND[1]).abs().max()
    logits = (Z @ BY_HAND.T)[0]
    assert predicts(Z, BY_HAND, 0.0, 0)
    larger = (logits[0] - logits[1]) / apart  # 5/4
    moved = Z + 1.1 * vec(-0.6, 0.8)
    assert statements.shift(Z, moved).item() < larger
    assert (moved @ BY_HAND.T).argmax() == 1


def tied_rows_count_as_infinite() -> None:
    weight = mat([1.0], [1.0])
    assert ratio(vec(0.0), weight) == 0  # the variant: infinite
    first, second = (vec(0.0) @ weight.T)[0].tolist()
    assert first == second


def largest_ratio() -> None:
    weight = mat([1.0, 0.0], [0.0, 0.0], [0.0, 5.0])
    z = vec(1.0, 0.0)
    assert predicts(z, weight, 0.0, 0)
    ratios = ((z @ weight.T)[0, 0] - (z @ weight.T)[0, 1:]) / statements.row_distances(weight)[0, 1:]
    moved = vec(1.0, 0.4)
    assert ratios.min() < statements.shift(z, moved).item() < ratios.max()
    assert (moved @ weight.T).argmax() == 2


def radius_a_closed_ball() -> None:
    criterion_at_equality()


def radius_c_at_the_radius() -> None:
    turn = torch.linspace(0, 2 * torch.pi, 3601, dtype=torch.float64)
    circle = Z + ratio(Z, BY_HAND) * torch.stack([turn.cos(), turn.sin()], dim=1)
    logits = circle @ BY_HAND.T
    assert (logits[:, 0] >= logits[:, 1] - 1e-12).all()


def radius_c_without_margin() -> None:
    weight = mat([1.0], [1.0])
    assert ratio(vec(0.0), weight) == 0
    logits = torch.linspace(-100, 100, 2001, dtype=torch.float64)[:, None] @ weight.T
    assert (logits[:, 0] == logits[:, 1]).all()


def signed_distance_half_lipschitz() -> None:
    moved = Z + vec(-0.3, 0.4)
    first = torch.tensor([0])
    before, after = (margin.signed_margin(z @ BY_HAND.T, BY_HAND, first).item() for z in (Z, moved))
    assert before - after > 0.99 * statements.shift(Z, moved).item()


def local_constant_on_another_ball() -> None:
    # one pixel, f(x) = max(x, 4 (x - 1) + 1): 1-Lipschitz on [0, 1], steeper beyond; m = 3 at 0
    size, limit, local = 1.9, 1.0, 1.0
    moved = max(size, 4 * (size - 1) + 1)
    assert limit < size <= 2 * limit
    assert local * size < 3 < moved


# ----- losses and their constants


def steepest_ratio(of: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor, p: float, y: int = 0) -> float:
    label = torch.tensor([y])
    return (of(u, label) - of(v, label)).abs().item() / (u - v).norm(p).item()


FAR, FURTHER = vec(-20.0, 20.0), vec(-21.0, 21.0)


def cross_entropy_l1() -> None:
    assert steepest_ratio(CROSS_ENTROPY, FAR, FURTHER, 1) > 0.5


def cross_entropy_l2() -> None:
    assert steepest_ratio(CROSS_ENTROPY, FAR, FURTHER, 2) > 1.4


def cross_entropy_linf() -> None:
    assert steepest_ratio(CROSS_ENTROPY, FAR, FURTHER, math.inf) > 1.9


def weston_watkins_linf() -> None:
    step = vec(-1.0, 1.0, 1.0)
    assert steepest_ratio(lipschitz_losses.weston_watkins, 0 * step, step, math.inf) == pytest.approx(4)


def weston_watkins_l2() -> None:
    step = vec(-2.0, 1.0, 1.0)
    assert steepest_ratio(lipschitz_losses.weston_watkins, 0 * step, step, 2) > 2


def norm_linf() -> None:
    target = vec(1.0, 0.0)
    step = vec(1.0, 1.0)
    assert steepest_ratio(lipschitz_losses.norm, target, target + step, math.inf) > 1.4


def squared_with_half() -> None:
    target, direction = vec(1.0, 0.0), vec(0.0, 1.0)
    within = 1.0  # both residuals
    u, v = target + within * direction, target + 0.9 * direction
    assert steepest_ratio(lipschitz_losses.squared_norm, u, v, 2) > within


def huber_half() -> None:
    far = 10 * lipschitz_losses.KAPPA
    found = steepest_ratio(lipschitz_losses.huber, vec(far), vec(far + 1), 2)
    assert found > 0.9 * lipschitz_losses.KAPPA


def quantile_smaller_side() -> None:
    tau = lipschitz_losses.TAU
    slopes = [steepest_ratio(lipschitz_losses.quantile, vec(0.0), vec(side), 2) for side in (-1.0, 1.0)]
    assert max(slopes) > min(tau, 1 - tau) + 0.1


def one_score_half() -> None:
    assert steepest_ratio(lipschitz_losses.hinge, vec(0.0), vec(0.5), 2) == pytest.approx(1)


def cross_entropy_of_no_class() -> None:
    # two classes and the label 2: -log(e^(u_2) / (e^(u_0) + e^(u_1))) falls with u_2, and ||u - v|| counts two entries
    u, v = vec(0.0, 0.0, 1.0), vec(0.0, 0.0, 0.0)
    of_u, of_v = (w[0, :2].logsumexp(0) - w[0, 2] for w in (u, v))
    assert (u - v)[0, :2].norm() == 0 < (of_u - of_v).abs()


def gradient_in_its_own_norm() -> None:
    # l(u) = u_1 + u_2 has the gradient (1, 1): l_inf norm 1, and it changes by 2 for a step of l_inf norm 1
    step = vec(1.0, 1.0)
    assert step.sum() / step.abs().max() == 2 > step.abs().max()


def tangent_at_the_other_point() -> None:
    u, v = vec(-3.0, 3.0), vec(0.0, 0.0)
    at_v = v.softmax(1) - vec(1.0, 0.0)
    assert ce(u) - ce(v) > (at_v * (u - v)).sum()


# ----- Lemmas 1 and 2, Theorem 1


def head_l1_by_largest_row() -> None:
    weight, v = mat([1.0, 0.0], [1.0, 0.0]), vec(1.0, 0.0)
    assert (v @ weight.T).abs().sum() > weight.norm(dim=1).max()


def head_l2_by_largest_row() -> None:
    weight, v = mat([1.0, 0.0], [1.0, 0.0]), vec(1.0, 0.0)
    assert (v @ weight.T).norm() > weight.norm(dim=1).max()


def gap_without_the_loss_constant() -> None:
    weight, bias = mat([-1.0], [1.0]), torch.tensor([0.0, 20.0], dtype=torch.float64)
    gap = ce(vec(1.0) @ weight.T + bias) - ce(vec(0.0) @ weight.T + bias)
    assert gap > 1.9 * statements.head_norm(weight)  # S = 1


def gap_without_zero() -> None:
    weight = mat([1.0], [-1.0])
    gap = ce(vec(1.0) @ weight.T) - ce(vec(0.0) @ weight.T)  # the only move helps
    assert gap < 0


def lemma_1_halved() -> None:
    weight, bias = mat([-1.0], [1.0]), torch.tensor([0.0, 20.0], dtype=torch.float64)
    clean, moved = (CROSS_ENTROPY(vec(z) @ weight.T + bias, torch.tensor([0])) for z in (0.0, 1.0))
    lhs = statements.loss_gap_lhs(clean, moved, CROSS_ENTROPY.lipschitz["linf"], statements.head_norm(weight))
    assert lhs > 0.5  # AS = 1


def truncated_with_negative_losses() -> None:
    # the loss u_0, which is 1-Lipschitz, of one score u_0 = z: C_1 = L = 1 and S = 6
    clean, moved, bound = -5.0, 1.0, 1.0
    assert max(clean, moved) <= bound
    assert moved - clean > min(bound, abs(moved - clean))


def cut_changes_nothing() -> None:
    bound, constant = 50.0, CROSS_ENTROPY.lipschitz["linf"]

    def cut(u: Tensor, y: Tensor) -> Tensor:
        return CROSS_ENTROPY(u, y).clamp(max=bound)

    assert steepest_ratio(cut, FAR, FURTHER, math.inf) > constant / 2


def hoeffding_with_3() -> None:
    n, t = 1, 0.5  # a fair coin: the mean is 1/2 below its expectation with probability 1/2
    assert math.exp(-3 * n * t**2) < 0.5 <= math.exp(-2 * n * t**2)


def theorem_1_with_4n() -> None:
    n, rho, gap = 1, 0.4, 0.5  # T is 0 or 1, each with probability 1/2, and S = T, C_1 L = 1
    assert math.sqrt(math.log(1 / rho) / (4 * n)) < gap <= statements.hoeffding(1.0, n, rho, sides=1)
    assert rho < 0.5  # the probability of the draw T = 0, at which the variant's bound fails


def mean_on_event_without_eta() -> None:
    # S = 1 with probability 1/2, the sample holds S = 0 alone: on the event eta = 1/2, and E min(1, S) = 1/2
    eta, expected, of_sample = 0.5, 0.5, 0.0
    assert of_sample + eta / 2 < expected <= of_sample + eta


# ----- slack


def chain_4_without_the_factor_2() -> None:
    weight = mat([1.0], [-1.0])
    assert statements.row_distances(weight).max() > statements.head_norm(weight)


def directions_without_zero() -> None:
    weight, z, moved = mat([1.0], [1.0], [0.0]), vec(1.0), vec(2.0)
    towards = ((moved - z) @ (weight[2] - weight[0])).item()
    assert towards < ratio(z, weight) == 0
    assert (moved @ weight.T)[0, 0] == (moved @ weight.T)[0, 1]
    counted, _ = sharper.directional_shift(z, moved[None], weight, torch.zeros(3).double())
    assert counted.item() == 0


def oblique_projector() -> None:
    weight, oblique = mat([1.0, 0.0], [0.0, 0.0]), mat([1.0, 1.0], [0.0, 0.0])
    z, moved = vec(1.0, 0.0), vec(-9.0, 10.0)
    assert torch.equal(oblique @ oblique, oblique)
    assert torch.equal(oblique @ weight.T, weight.T)
    assert ((moved - z) @ oblique.T).norm() == 0 < ratio(z, weight)
    assert (moved @ weight.T).argmax() == 1


def projection_that_stretches() -> None:
    stretching, v = mat([1.0, 0.0], [0.0, 5.0]), vec(0.0, 1.0)
    assert torch.equal(stretching, stretching.T)
    assert (v @ stretching.T).norm() > v.norm()


def interval_radius_in_linf() -> None:
    radius = move = vec(1.0, 1.0)
    assert (move.abs() <= radius).all()
    assert move.norm() > radius.max()


def merged_margin_with_signs() -> None:
    weight, z, radius = mat([-1.0], [0.0]), vec(-1.0), 1.5
    assert predicts(z, weight, 0.0, 0)
    gap = (z @ weight.T)[0, 0] - (z @ weight.T)[0, 1]
    assert ((weight[0] - weight[1]) * radius).sum() < gap
    assert ((z + radius) @ weight.T).argmax() == 1


def merged_margin_against_linf() -> None:
    weight, z, radius = mat([1.0, 1.0], [-1.0, -1.0]), vec(0.75, 0.75), torch.ones(2).double()
    assert radius.max() < ratio(z, weight)
    gap = (z @ weight.T)[0, 0] - (z @ weight.T)[0, 1]
    assert ((weight[0] - weight[1]).abs() * radius).sum() > gap


def rows_of_length_2() -> None:
    v = vec(1.0, 0.0)
    assert (v @ (2 * torch.eye(2).double()).T).norm() > v.norm()


# ----- certified


def interval_without_absolute_values() -> None:
    row, low, up = vec(1.0, -1.0), vec(-1.0, -1.0), vec(1.0, 1.0)
    corner = vec(1.0, -1.0)
    variant = (row * (low + up) / 2).sum() + (row * (up - low) / 2).sum()
    assert (row * corner).sum() > variant
    assert (row * corner).sum() == (row * (low + up) / 2).sum() + (row.abs() * (up - low) / 2).sum()


def largest_move_as_a_minimum() -> None:
    z, low, up = vec(0.0), vec(0.0), vec(1.0)
    assert (up - z).norm() > torch.minimum(up - z, z - low).norm()
    assert (up - z).norm() == worst_case.largest_move(z, low, up).norm()


def box_margin_of_zero() -> None:
    weight, bias, low, up = mat([1.0], [-1.0]), vec(0.0, 0.0)[0], vec(0.0), vec(2.0)
    gaps = worst_case.merged_gaps(low, up, weight, bias, torch.tensor([0]))
    assert -gaps[0, 1] == 0  # M
    assert (low @ weight.T)[0, 0] == (low @ weight.T)[0, 1]


def means_without_clipping() -> None:
    block, eps = vec(0.5, 1.0), 0.25  # one set of two values, one of them white
    moved = torch.cartesian_prod(*(torch.linspace(-eps, eps, 41, dtype=torch.float64) + value for value in block[0]))
    allowed = moved.clamp(0, 1)
    rises = allowed.mean(1) - block.mean()
    assert rises.max().item() == pytest.approx(torch.minimum(1 - block, 0 * block + eps).mean().item())
    assert rises.max() < eps  # what the variant calls attained


def means_in_l2_by_n() -> None:
    block, values, eps = vec(0.5, 0.5, 0.5, 0.5), 4, 0.25
    moved = block + eps / math.sqrt(values)
    assert (moved - block).norm().item() == pytest.approx(eps)
    assert (moved.mean() - block.mean()).item() == pytest.approx(eps / math.sqrt(values))
    assert moved.mean() - block.mean() > eps / values


def means_with_three_classes() -> None:
    # three grey pixels, each a feature: a cube, and the plane of its first two entries, with axes along the diagonals
    eps, basis = 0.25, mat([1.0, 1.0, 0.0], [1.0, -1.0, 0.0]) / math.sqrt(2)
    corners = torch.cartesian_prod(*[torch.tensor([-eps, eps], dtype=torch.float64)] * 3)  # a convex maximum is at one
    along = corners @ basis.T
    v_p = min(eps * math.sqrt(3), along.square().amax(0).sum().sqrt().item())
    assert along.norm(dim=1).max() < v_p - 0.05


# ----- the converse


def converse_head_with_3() -> None:
    u, bias, v = torch.tensor([1.0], dtype=torch.float64), 20.0, 1.0
    weight, biases = converse.opposing_head(u, bias)
    gap = ce(vec(v) @ weight.T + biases) - ce(vec(0.0) @ weight.T + biases)
    assert 2 * v - math.exp(-bias) <= gap + 1e-12
    assert gap < 3 * v - math.exp(-bias)


def signs_without_sqrt_3() -> None:
    v = vec(1.0, 1.0)
    signs = mat([1, 1], [1, -1], [-1, 1], [-1, -1])
    mean = (signs @ v[0]).abs().mean()
    assert mean < v.norm() <= math.sqrt(3) * mean


def sharp_with_r() -> None:
    width, scale, moves = 4, 1e4, worst_heads.axes(4, torch.Generator())
    u = torch.full((width,), width**-0.5, dtype=torch.float64)
    head = converse.opposing_head(u, bias=0.0, scale=scale)
    z, labels = torch.zeros(width, width).double(), torch.zeros(width, dtype=torch.long)
    score = moves.norm(dim=1).mean().item()
    assert 0.9 * score / math.sqrt(width) < worst_heads.lhs(head, z, moves[None], labels) < score / math.sqrt(width)
    assert score / width < 0.9 * score / math.sqrt(width)


def scale_with_a_third_of_log_2() -> None:
    # M = 0 and a move of d D = 100: the gap is log(1 + e^100) - log 2, 100 - log 2 from its limit 100
    gap = ce(vec(-50.0, 50.0)) - ce(vec(0.0, 0.0))
    assert math.log(2) / 3 < abs(gap - 100) <= math.log(2) + 1e-9


# ----- the chapters on experiments


def order_with_half_the_bound() -> None:
    weight, bias = mat([-1.0], [1.0]), torch.tensor([0.0, 20.0], dtype=torch.float64)
    gap = ce(vec(1.0) @ weight.T + bias) - ce(vec(0.0) @ weight.T + bias)
    other = 1.5  # above L_inf AS = 1, below 2 L_inf AS = 2
    assert statements.head_norm(weight) < other < gap


def drift_once() -> None:
    clean, moved, drift = vec(0.0), vec(1.0), 0.5
    before = statements.shift(clean, moved).item()
    after = statements.shift(clean - drift, moved + drift).item()
    assert after > before + drift


def variance_of_a_square() -> None:
    targets = torch.arange(4, dtype=torch.float64) * 10 / 39
    assert targets.var(correction=0).item() == pytest.approx(125 / 1521)


def regression_with_half() -> None:
    clean, move = 1.0, 0.5  # w = 1: the residuals are 1 and 3/2, R = 3/2
    assert (clean + move) ** 2 - clean**2 > (clean + move) * move


def pairs_at_half_the_distance() -> None:
    weight, z1, z2, shifts = mat([1.0], [-1.0]), vec(1.0), vec(-1.0), 0.6
    assert (z1 - z2).norm() <= 2 * (shifts + shifts)
    assert shifts < ratio(z1, weight, y=0)
    assert shifts < ratio(z2, weight, y=1)


VARIANTS = [variant["name"] for variant in proof_sources.planted()]


def test_there_are_enough_variants_and_each_says_why() -> None:
    assert len(VARIANTS) == len(set(VARIANTS)) >= 30
    for variant in proof_sources.planted():
        assert variant["why"].endswith(".")
        text = (proof_sources.FOLDER / variant["file"]).read_text("utf-8")
        assert text.count(variant["old"]) == 1, f"{variant['name']}: its text is not in {variant['file']} once"
        assert variant["old"] != variant["new"]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_false(name: str) -> None:
    globals()[name]()


@given(seed=st.integers(0, 2**32 - 1))
def test_the_packages_margin_ratio_is_coqs_for_the_predicted_class(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    weight = torch.randint(-1, 2, (4, 2), generator=rng).double()  # equal rows and ties are common
    bias, z = (torch.randint(-1, 2, shape, generator=rng).double() for shape in ((4,), (1, 2)))
    logits = z @ weight.T + bias
    for y in range(4):
        if predicts(z, weight, bias, y):
            ours = statements.margin_ratio(logits, weight, torch.tensor([y])).item()
            assert ours == pytest.approx(ratio_of(z, weight, bias, y))


def test_a_class_with_the_row_of_a_class_that_is_not_predicted_counts_as_0() -> None:
    weight, bias = mat([0.0], [1.0], [0.0]), torch.tensor([-10.0, 0.25, 0.0], dtype=torch.float64)
    assert ratio_of(vec(0.0), weight, bias, 0) == 0  # no counterexample to a variant that asks for a positive ratio
    with pytest.raises(AssertionError):
        ratio(vec(0.0), weight, bias, 0)
