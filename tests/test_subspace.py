"""The head's own subspace: conditions on the projector, the order D <= S_P <= S, and errors planted in the span."""

import itertools

import pytest
import torch
from torch import Tensor

from rt_utils.theory import sharper, statements, subspace
from rt_utils.theory.losses import CROSS_ENTROPY

ROUNDING = 1e-10


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


TWINS = normal(5, 8)[[0, 1, 2, 2, 4]]
HEADS = {
    "few classes": normal(4, 9),
    "as many classes as features": normal(6, 6),
    "more classes than features": normal(9, 4),
    "two classes": normal(2, 5),
    "one class": normal(1, 5),
    "no difference": normal(1, 5).expand(3, -1),
    "two equal rows": TWINS,
    "a far common row": normal(4, 9) + 1e6 * normal(1, 9, seed=1),
    "small differences": normal(1, 9) + 1e-6 * normal(4, 9, seed=1),
    "float32": normal(4, 9).float(),
}
RANKS = {"few classes": 3, "as many classes as features": 5, "more classes than features": 4, "two classes": 1}
RANKS |= {"one class": 0, "no difference": 0, "two equal rows": 3, "a far common row": 3, "small differences": 3}
RANKS |= {"float32": 3}


@pytest.mark.parametrize("name", HEADS)
def test_the_projector_of_every_head(name: str) -> None:
    weight = HEADS[name]
    basis = subspace.difference_basis(weight)
    assert basis.shape == (RANKS[name], weight.shape[1])
    torch.testing.assert_close(basis @ basis.T, torch.eye(len(basis), dtype=torch.float64))
    faults = subspace.faults(subspace.projector(basis), weight)
    assert set(faults) == {"symmetric", "differences", "projector", "dimensions"}
    assert max(map(abs, faults.values())) < (1e-7 if name in ("a far common row", "small differences") else ROUNDING)


def _moves(n: int = 4000) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """A head with 4 classes on 9 features, points, and five moves of each, of every length around their margins."""
    weight, bias, z = HEADS["few classes"], normal(4, seed=2), normal(n, 9, seed=3)
    lengths = torch.rand(5, n, 1, generator=torch.Generator().manual_seed(4)).double() * 3
    return weight, bias, z, z + lengths * torch.nn.functional.normalize(normal(5, n, 9, seed=5), dim=2), lengths


def _largest(z: Tensor, found: Tensor, basis: Tensor) -> Tensor:
    return torch.stack([subspace.subspace_shift(z, one, basis) for one in found]).amax(0)


def test_the_order_of_the_conditions() -> None:
    """D <= S_P <= S, and S < m implies S_P < m implies D < m implies unchanged; each step is strict somewhere."""
    weight, bias, z, found, _ = _moves()
    furthest = torch.stack([statements.shift(z, one) for one in found]).amax(0)
    within = _largest(z, found, subspace.difference_basis(weight))
    towards, changed = sharper.directional_shift(z, found, weight, bias)
    assert (towards <= within + 1e-12).all()
    assert (within <= furthest + 1e-12).all()
    m = statements.margin_ratio(z @ weight.T + bias, weight)
    chain = [furthest < m, within < m, towards < m, ~changed]
    for stronger, weaker in itertools.pairwise(chain):
        assert not (stronger & ~weaker).any()
        assert (weaker & ~stronger).any()


def test_the_loss_gap_of_each_point() -> None:
    """|l(x + delta) - l(x)| <= max_j ||W_y - W_j|| ||P v||, approached; with half of the shift it is false."""
    weight, bias, z, found, _ = _moves()
    y = torch.arange(len(z)) % 4
    gaps = (CROSS_ENTROPY(found[0] @ weight.T + bias, y) - CROSS_ENTROPY(z @ weight.T + bias, y)).abs()
    shifts = subspace.subspace_shift(z, found[0], subspace.difference_basis(weight))
    ratio = gaps / (sharper.per_sample_constants(weight, y) * shifts)
    assert 0.9 < ratio.max() <= 1 + 1e-12


def test_what_is_orthogonal_to_the_differences_does_not_count() -> None:
    weight = normal(3, 6) + 5 * normal(1, 6, seed=1)  # a common row that matters to no difference
    basis, z = subspace.difference_basis(weight), normal(7, 6, seed=2)
    moved = z + 100 * (normal(7, 6, seed=3) @ (torch.eye(6) - subspace.projector(basis)))
    assert subspace.subspace_shift(z, moved, basis).max() < 1e-10
    torch.testing.assert_close((z @ weight.T).softmax(1), (moved @ weight.T).softmax(1))
    torch.testing.assert_close(subspace.subspace_shift(z, z + basis[:1], basis), torch.ones(7).double())


def test_the_score_does_not_see_a_row_that_is_added_to_all() -> None:
    weight = HEADS["few classes"]
    before, after = (subspace.projector(subspace.difference_basis(w)) for w in (weight, weight + normal(1, 9, seed=8)))
    torch.testing.assert_close(before, after)


def _of_rows(weight: Tensor) -> Tensor:
    """The planted error: the span of the rows instead of their differences."""
    _, values, rows = torch.linalg.svd(weight, full_matrices=False)
    return rows[values > 1e-12 * values[0]]


def _larger(weight: Tensor) -> Tensor:
    """One direction too many."""
    basis = subspace.difference_basis(weight)
    extra = normal(1, weight.shape[1], seed=7)
    extra = extra - extra @ subspace.projector(basis)
    return torch.cat([basis, extra / extra.norm()])


PLANTED = {
    "too small": (lambda w: subspace.difference_basis(w)[:-1], "differences"),
    "too large": (_larger, "dimensions"),
    "of the rows": (_of_rows, "dimensions"),
    "a tolerance that is too coarse": (lambda w: subspace.difference_basis(w, 0.5), "differences"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_an_error_in_the_span_is_caught(name: str) -> None:
    weight = HEADS["few classes"]
    plant, caught = PLANTED[name]
    faults = subspace.faults(subspace.projector(plant(weight)), weight)
    assert {key for key, value in faults.items() if abs(value) > 1e-3} >= {caught}


def test_a_span_that_is_too_small_breaks_the_statement_and_one_that_is_too_large_does_not() -> None:
    weight, bias, z, found, _ = _moves()
    m = statements.margin_ratio(z @ weight.T + bias, weight)
    towards, changed = sharper.directional_shift(z, found, weight, bias)
    small, right, large, rows = (
        _largest(z, found, plant(weight))
        for plant in (PLANTED["too small"][0], subspace.difference_basis, _larger, _of_rows)
    )
    assert ((small < m) & changed).any()
    assert (small < towards - 1e-9).any()  # D <= S_P notices it too
    for basis in (right, large, rows):
        assert not ((basis < m) & changed).any()
    assert (large > right).any()
    assert (rows > right).any()


def test_an_oblique_projector_fails() -> None:
    """P = [[1, -1], [0, 0]] keeps W_0 - W_1 = (1, 0) and is its own square, but it is not symmetric.

    The move (1, 1) has P v = 0, so its S_P is 0 < m, and yet it flips the prediction.
    """
    weight, p = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double(), torch.tensor([[1.0, -1.0], [0.0, 0.0]]).double()
    z, moved = torch.tensor([[-0.5, 0.0]]).double(), torch.tensor([[0.5, 1.0]]).double()
    assert (z @ weight.T).argmax() != (moved @ weight.T).argmax()
    assert ((moved - z) @ p.T).norm() == 0 < statements.margin_ratio(z @ weight.T, weight)
    faults = subspace.faults(p, weight)
    assert faults["differences"] == faults["projector"] == faults["dimensions"] == 0
    assert faults["symmetric"] > 0.1
