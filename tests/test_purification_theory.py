"""Purity and threshold apart: each part of the propositions against a search, closed forms and counterexamples."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from rt_utils.evaluation import four_cases
from rt_utils.evaluation.sparse_codes import HIGH, LOW, D, K, Nodes, codes
from rt_utils.theory.purity import (
    ACTIVATIONS,
    constant_pattern,
    dual,
    linear_reach,
    mean_over_supports,
    mean_square_over_supports,
    pattern_reach,
    pure_reach,
    purity,
    rescaling,
)

T = 0.25
NORMS = ("l2", "linf")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ball(d: int, eps: float, norm: str, n: int = 2000) -> torch.Tensor:
    """Perturbations of size up to eps, of every length, many at the boundary."""
    delta = normal(n, d, seed=1)
    size = delta.norm(dim=1, keepdim=True) if norm == "l2" else delta.abs().amax(1, keepdim=True)
    return eps * delta / size * torch.linspace(0.02, 3, n)[:, None].clamp(max=1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_where_the_pattern_is_constant_the_formula_is_the_reach_and_attained(activation: str, norm: str) -> None:
    """Part 1: random networks, no move above it, and the maximiser of Hoelder's inequality attains it."""
    eps, d, checked = 0.05, 6, 0
    for seed in range(60):
        u, a, s = normal(4, d, seed=seed), normal(4, seed=seed + 100), normal(1, d, seed=seed + 200)
        reach = pattern_reach(a, u, s, T, eps, norm).item()
        if not constant_pattern(u, s, T, eps, norm).item():
            continue
        direction = ((s @ u.T).abs() > T).double()[0] * a @ u
        best = eps * (direction / (direction.norm() + 1e-300) if norm == "l2" else direction.sign())
        delta = torch.cat([ball(d, eps, norm), best[None]])
        moves = [
            (ACTIVATIONS[activation]((s + step) @ u.T, T) - ACTIVATIONS[activation](s @ u.T, T)) @ a
            for step in (delta, best[None])
        ]
        assert moves[0].abs().max().item() <= reach + 1e-12
        assert moves[1].abs().max().item() == pytest.approx(reach, abs=1e-12)
        checked += reach > 0
    assert checked > 5


def test_the_condition_of_a_constant_pattern_at_its_edges() -> None:
    u = torch.eye(1).double()
    for value, eps, expected in ((0.0, T, True), (0.0, T + 1e-9, False), (1.0, 0.74, True), (1.0, 0.75, False)):
        assert constant_pattern(u, torch.tensor([[value]]).double(), T, eps, "l2").item() is expected
    for seed in range(100):
        u, s = normal(3, 4, seed=seed), normal(1, 4, seed=seed + 500)
        patterns = torch.unique((s + ball(4, 0.1, "linf")) @ u.T > T, dim=0)
        signs = torch.unique((s + ball(4, 0.1, "linf")) @ u.T < -T, dim=0)
        if constant_pattern(u, s, T, 0.1, "linf").item():
            assert len(patterns) == len(signs) == 1


def test_where_the_pattern_changes_the_formula_is_not_reached() -> None:
    """The counterexample: .566 by the formula, .447 in truth; and the other way round, a node that wakes."""
    u, a, s, eps = torch.eye(2).double(), torch.tensor([1.0, -1.0]).double(), torch.full((1, 2), 0.3).double(), 0.4
    assert pattern_reach(a, u, s, T, eps, "l2").item() == pytest.approx(0.5657, abs=1e-4)
    assert not constant_pattern(u, s, T, eps, "l2").item()
    angle = torch.linspace(0, 2 * math.pi, 40_001, dtype=torch.float64)[:, None]
    disc = eps * torch.linspace(0, 1, 41)[:, None, None] * torch.cat([angle.cos(), angle.sin()], 1)
    soft = ACTIVATIONS["soft"]
    reach = ((soft(s + disc, T) - soft(s, T)) @ a).abs().max().item()
    assert reach == pytest.approx(0.05 + math.sqrt(eps**2 - 0.05**2), abs=1e-5)
    assert reach == pytest.approx(0.447, abs=1e-3)
    woken = soft(torch.tensor([eps]), T).item()
    assert woken > pattern_reach(a, u, 0 * s, T, eps, "l2").item() == 0


@pytest.mark.parametrize("norm", NORMS)
def test_purity_without_a_threshold_gains_nothing(norm: str) -> None:
    """Part 2: the identity is perfectly pure, and its reach is that of any mixed nodes with the same function."""
    beta, s = normal(D), codes(20, torch.Generator().manual_seed(0)).double()
    for u in (torch.eye(D).double(), four_cases.rotation(1), normal(D, D, seed=4)):
        a = torch.linalg.solve(u.T, beta)
        torch.testing.assert_close(
            pattern_reach(a, u, s, 0.0, 0.3, norm), torch.full((20,), linear_reach(beta, 0.3, norm)).double()
        )


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1.0, 10.0, 1e4])
def test_a_threshold_without_purity_gains_as_little_as_the_weights_are_large(activation: str, scale: float) -> None:
    """Part 3: the function within ||a||_1 t / mu of <beta, s> everywhere, the reach within twice that."""
    u, beta = four_cases.rotation(1), normal(D)
    a, nodes = u @ beta, Nodes(scale * u, activation, T)
    s = torch.cat([codes(50, torch.Generator().manual_seed(0)).double(), normal(50, D, seed=3)])
    close = a.abs().sum() * T / scale
    assert (nodes(s) @ a / scale - s @ beta).abs().max() <= close + 1e-12
    best = 0.3 * beta / beta.norm()
    moved = (nodes(s + best) - nodes(s)) @ a / scale
    assert (moved - 0.3 * beta.norm()).abs().max() <= 2 * close + 1e-12


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_pure_nodes_with_a_threshold_move_by_the_head_on_the_support(activation: str, norm: str) -> None:
    """Part 4, with the factor gamma, up to the edge of its radius; beyond the threshold it is false."""
    eps, gamma, beta = 0.24, 1.29, normal(D)
    s = codes(30, torch.Generator().manual_seed(0)).double()
    nodes = Nodes(torch.eye(D).double(), activation, T)
    reach = pure_reach(beta, s, eps, norm, gamma)
    on = beta * (s != 0)
    best = eps * (on / on.norm(dim=1, keepdim=True) if norm == "l2" else on.sign())
    torch.testing.assert_close((nodes(s + best) - nodes(s)) @ (gamma * beta), reach)
    for delta in ball(D, eps, norm, 300):
        assert (((nodes(s + delta) - nodes(s)) @ (gamma * beta)).abs() <= reach + 1e-12).all()
    if norm == "linf":
        moved = (nodes(s + 2 * eps * beta.sign()) - nodes(s)) @ beta
        assert (moved > pure_reach(beta, s, 2 * eps, norm)).any()


def test_means_over_all_supports() -> None:
    """Part 5: the closed forms are those of a plain enumeration."""
    beta = normal(8)
    for k, norm in ((1, "l2"), (1, "linf"), (3, "l2"), (3, "linf"), (8, "linf")):
        sizes = [np.linalg.norm(beta[list(c)].numpy(), 2 if norm == "l2" else 1) for c in combinations(range(8), k)]
        assert mean_over_supports(beta, k, norm) == pytest.approx(np.mean(sizes))
        assert mean_square_over_supports(beta, k, norm) == pytest.approx(np.mean(np.square(sizes)))
    assert mean_over_supports(beta, 3, "linf") == pytest.approx(3 / 8 * beta.abs().sum().item())
    assert mean_square_over_supports(beta, 3, "l2") == pytest.approx(3 / 8 * beta.square().sum().item())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("t", [0.0, 0.25, 0.7])
def test_the_rescaling_is_that_of_least_squares(activation: str, t: float) -> None:
    s = codes(60_000, torch.Generator().manual_seed(0)).double()
    seen, beta = ACTIVATIONS[activation](s, t), normal(D)
    fitted = torch.linalg.lstsq(seen, (s @ beta)[:, None]).solution[:, 0]
    # a node of a code whose size stays below t says nothing: what is left of it is noise for the fit
    assert float(fitted @ beta / beta.square().sum()) == pytest.approx(rescaling(activation, t, LOW, HIGH), rel=0.02)


def test_the_rescaling_in_numbers() -> None:
    assert rescaling("soft", 0.25, 0.5, 1.5) == pytest.approx(40 / 31)
    assert rescaling("hard", 0.25, 0.5, 1.5) == 1
    assert rescaling("soft", 0.0, 0.5, 1.5) == 1
    assert math.isnan(rescaling("soft", 1.5, 0.5, 1.5))
    gamma, d, k = rescaling("soft", 0.25, 0.5, 1.5), 32, 3
    assert math.sqrt(d / k) / gamma == pytest.approx(2.53, abs=0.01)  # and not 3.27
    assert d / k / gamma == pytest.approx(8.27, abs=0.01)  # and not 10.67


def test_the_four_cases_compute_one_function_and_only_one_of_them_gains() -> None:
    t, eps = four_cases.within(0.25)
    table = four_cases.table(eps, t, 4, 0)
    assert (t, eps) == (0.25, pytest.approx(0.2))
    assert table.differs.max() < 1e-12
    np.testing.assert_allclose(table.moved, table["moved, proved"], rtol=1e-3)
    np.testing.assert_allclose(table.S, table["S, proved"], rtol=1e-3)
    assert list(table.purity[:2]) == [1, 1]
    assert table.purity[2:6].max() < 0.6
    far = table[table.norm == "linf"].set_index(["nodes", "threshold"])
    assert far.S["pure", "without"] == pytest.approx(D**0.5)  # perfectly pure, and the score sees nothing
    assert far.S["pure", "with"] == pytest.approx(K**0.5)
    assert far.moved["pure", "with"] < 0.2 * far.moved["mixed", "with"]
    assert four_cases.within(0.6)[0] == 0.25


def test_mixed_nodes_of_norm_one_cannot_use_the_threshold_for_this_function() -> None:
    assert four_cases.unexplained("soft", 0.0, 0, 400) < 1e-12
    assert 0.1 < four_cases.unexplained("soft", 0.25, 0) < 0.4
    torch.testing.assert_close(four_cases.rotation(2) @ four_cases.rotation(2).T, torch.eye(D).double())


def test_gradient_descent_without_a_threshold_rotates_with_its_nodes_and_adam_does_not() -> None:
    """Of many outputs too; and U = q e_1^T is pure, as every rotation of it is."""
    beta, s = normal(3, 6), normal(50, 6, seed=1)
    turn = torch.linalg.qr(normal(5, 5, seed=2)).Q
    starts = normal(3, 5, seed=3), normal(5, 6, seed=4)

    def trained(a: torch.Tensor, u: torch.Tensor, kind: type[torch.optim.Optimizer]) -> torch.Tensor:
        a, u = a.clone().requires_grad_(), u.clone().requires_grad_()
        optimiser = kind([a, u], lr=0.01)  # type: ignore[call-arg]
        for _ in range(50):
            optimiser.zero_grad()
            (s @ u.T @ a.T - s @ beta.T).square().mean().backward()
            optimiser.step()
        return u.detach()

    for kind, same in ((torch.optim.SGD, True), (torch.optim.Adam, False)):
        straight, turned = trained(*starts, kind), trained(starts[0] @ turn.T, turn @ starts[1], kind)
        assert torch.allclose(turn @ straight, turned, atol=1e-9) is same
    pure = normal(5)[:, None] * torch.eye(6).double()[:1]
    torch.testing.assert_close(purity(turn @ pure), torch.ones(5).double())


def test_the_dual_norms() -> None:
    v = torch.tensor([3.0, -4.0])
    assert (dual(v, "l2").item(), dual(v, "linf").item()) == (5.0, 7.0)
