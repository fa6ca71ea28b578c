"""A head's worst case over a box of features: by brute force, and Theorem 2's margin against the merged one."""

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rt_utils.theory import statements
from rt_utils.theory.worst_case import certified, largest_move, merged_gaps, theorem_2_gaps


def world(seed: int, n: int = 6, classes: int = 4, width: int = 5) -> tuple[Tensor, ...]:
    """Features, their box, head, labels: in float64."""
    draw = torch.Generator().manual_seed(seed)
    z, weight = (torch.randn(k, width, generator=draw, dtype=torch.float64) for k in (n, classes))
    below, above = (torch.rand(n, width, generator=draw, dtype=torch.float64) * 0.3 for _ in range(2))
    bias = torch.randn(classes, generator=draw, dtype=torch.float64)
    return z, z - below, z + above, weight, bias, (z @ weight.T + bias).argmax(1)


def both(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    z, lower, upper, weight, bias, y = world(seed)
    shift = largest_move(z, lower, upper).norm(dim=1)
    theorem = theorem_2_gaps(z @ weight.T + bias, weight, y, shift)
    return theorem, merged_gaps(lower, upper, weight, bias, y), y


def test_the_merged_gap_is_the_largest_at_a_corner() -> None:
    _, lower, upper, weight, bias, y = world(0)
    found = torch.full((6, 4), -torch.inf, dtype=torch.float64)
    for corner in product((True, False), repeat=5):
        logits = torch.where(torch.tensor(corner), lower, upper) @ weight.T + bias
        found = torch.maximum(found, logits - logits.gather(1, y[:, None]))
    torch.testing.assert_close(merged_gaps(lower, upper, weight, bias, y), found)


def test_the_largest_move_is_the_farthest_corner() -> None:
    z, lower, upper, *_ = world(1)
    corners = torch.stack([torch.where(torch.tensor(c), lower, upper) for c in product((True, False), repeat=5)])
    torch.testing.assert_close(largest_move(z, lower, upper).norm(dim=1), (corners - z).norm(dim=2).amax(0))


@given(st.integers(0, 10_000))
def test_the_merged_gap_is_never_above_theorem_2s(seed: int) -> None:
    theorem, merged, y = both(seed)
    assert (merged <= theorem + 1e-12).all()
    assert (certified(merged, y) | ~certified(theorem, y)).all()  # it certifies whatever Theorem 2 does


def test_theorem_2s_gaps_are_its_criterion() -> None:
    z, lower, upper, weight, bias, y = world(2, n=200)
    logits, shift = z @ weight.T + bias, largest_move(z, lower, upper).norm(dim=1)
    fulfilled = statements.criterion(shift, statements.margin_ratio(logits, weight))
    assert torch.equal(certified(theorem_2_gaps(logits, weight, y, shift), y), fulfilled)
    assert 20 < fulfilled.sum() < 180
    wrong = (y + 1) % 4  # of a class that is not predicted nothing is certified
    assert not certified(theorem_2_gaps(logits, weight, wrong, 0 * shift), wrong).any()


def test_a_tie_is_not_certified() -> None:
    weight, z, y = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.ones(1, 2), torch.tensor([0])
    for bias, expected in ((0.0, False), (-1.0, True)):  # equal rows: only the bias tells them apart
        b = torch.tensor([0.0, bias])
        assert certified(merged_gaps(z - 9, z + 9, weight, b, y), y).item() is expected
        assert certified(theorem_2_gaps(z @ weight.T + b, weight, y, torch.tensor([9.0])), y).item() is expected


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_gaps_can_be_trained_at_their_kinks(shift: float) -> None:
    """Neither the distance of a row from itself nor a box of no width breaks the gradient."""
    z, _, _, weight, bias, y = world(3)
    weight.requires_grad_()
    box = (z - shift).requires_grad_(), (z + shift).requires_grad_()
    size = largest_move(z, *box).norm(dim=1)
    loss = theorem_2_gaps(z @ weight.T + bias, weight, y, size) + merged_gaps(*box, weight, bias, y)
    torch.nn.functional.cross_entropy(loss, y).backward()
    for tensor in (weight, *box):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
