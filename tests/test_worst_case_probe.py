"""The probe trained on worst gaps: the plain probe where nothing moves, and better than it in the worst case."""

import pytest
import torch
from torch import Tensor

from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.evaluation.worst_case_probe import Way, worst_case_probe
from rt_utils.models.head import Head
from rt_utils.theory.worst_case import certified, largest_move, merged_gaps, theorem_2_gaps

SETTINGS = ProbeSettings(epochs=30)
WAYS: tuple[Way, ...] = ("merged", "theorem_2")


def world(width: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two classes that two entries tell apart: a large one that can move far, and a smaller one that hardly can."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    sign = 2.0 * labels[:, None] - 1
    z = sign * torch.tensor([1.0, 0.4, 0.0]) + 0.1 * torch.randn(400, 3, generator=draw)
    radius = width * torch.tensor([1.0, 0.1, 0.1])
    return z, z - radius, z + radius, labels


def gaps(head: Head, z: Tensor, lower: Tensor, upper: Tensor, y: Tensor, way: Way) -> Tensor:
    if way == "merged":
        return merged_gaps(lower.double(), upper.double(), head.weight, head.bias, y)
    shift = largest_move(z, lower, upper).norm(dim=1).double()
    return theorem_2_gaps(head.logits(z), head.weight, y, shift)


@pytest.mark.parametrize("way", WAYS)
def test_boxes_of_no_width_give_the_linear_probe(way: Way) -> None:
    z, lower, upper, labels = world(0.0)
    plain, worst = linear_probe(z, labels, 2, SETTINGS), worst_case_probe(z, lower, upper, labels, 2, SETTINGS, way=way)
    torch.testing.assert_close(plain.weight, worst.weight, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(plain.bias, worst.bias, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_it_lowers_the_worst_case_that_it_is_trained_on(way: Way) -> None:
    box = world(1.2 if way == "merged" else 0.5)
    plain, worst = linear_probe(box[0], box[3], 2, SETTINGS), worst_case_probe(*box, 2, SETTINGS, way=way)
    losses = [torch.nn.functional.cross_entropy(gaps(head, *box, way), box[3]) for head in (plain, worst)]
    assert losses[1] < losses[0]


def test_the_merged_one_leans_on_the_entry_that_cannot_move() -> None:
    box = world(1.4)
    plain, worst = linear_probe(box[0], box[3], 2, SETTINGS), worst_case_probe(*box, 2, SETTINGS)
    share = [certified(gaps(head, *box, "merged"), box[3]).double().mean().item() for head in (plain, worst)]
    assert share[0] < 0.1
    assert share[1] > 0.9
