"""`pixels` and `blocks`: exact shifts and margins against every corner of a tiny box, and the two encoders by name."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rt_utils.evaluation import interval_bounds
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.models.networks.no_representation import GreyMeans
from rt_utils.runtime.errors import InputError
from rt_utils.theory import grey_means, sharper, statements, worst_case
from rt_utils.theory.feature_box import directional_bound, subspace_bound
from rt_utils.theory.subspace import difference_basis, subspace_shift
from rt_utils.theory.threat import Threat


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def means(x: torch.Tensor, side: int) -> torch.Tensor:
    return GreyMeans(side)(x)


def corners(x: torch.Tensor, eps: float) -> torch.Tensor:
    """Every corner of the l_inf ball around one small image, cut with the pixel box."""
    ends = torch.stack([(x - eps).clamp(min=0), (x + eps).clamp(max=1)]).flatten(1)
    chosen = torch.tensor(list(itertools.product((0, 1), repeat=x.numel())))
    return ends.gather(0, chosen).view(-1, *x.shape)


@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.3, 0.5, 0.9]), st.sampled_from([(3, 2, 2, 1), (1, 2, 4, 2)]))
def test_what_is_exact_is_reached_by_a_corner_and_passed_by_none(
    seed: int, eps: float, shape: tuple[int, int, int, int]
) -> None:
    *image, side = shape
    x = (1.4 * draw(seed, *image) - 0.2).clamp(0, 1)  # some values at the ends
    found = means(corners(x, eps), side)
    z = means(x[None], side)
    fall, rise = grey_means.moves(x[None], eps, side)
    lower, upper = z - fall, z + rise
    assert torch.allclose(found.amin(0), lower[0])
    assert torch.allclose(found.amax(0), upper[0])
    weight, bias = draw(seed + 1, 3, z.shape[1]) - 0.5, draw(seed + 2, 3) - 0.5
    logits = z @ weight.T + bias
    y = logits.argmax(1)
    most = statements.shift(z, found).max()
    assert most == pytest.approx(worst_case.largest_move(z, lower, upper).norm().item())
    towards, _ = sharper.directional_shift(z, found[:, None], weight, bias)
    assert towards.item() == pytest.approx(directional_bound(z, lower, upper, weight, y).item())
    gaps = found @ weight.T + bias
    gaps = gaps - gaps[:, y]
    assert torch.allclose(gaps.amax(0), worst_case.merged_gaps(lower, upper, weight, bias, y)[0])
    basis = difference_basis(weight)
    within = subspace_shift(z, found, basis).max().item()
    assert towards.item() <= within + 1e-12  # D <= S_P
    assert within <= subspace_bound(z, lower, upper, basis).item() + 1e-12 <= most + 2e-12


@given(st.integers(0, 10**6), st.sampled_from([0.2, 0.9, 1.6]), st.sampled_from([1, 2]))
def test_the_shift_in_l2_is_a_bound_and_an_equality_where_it_says_so(seed: int, eps: float, side: int) -> None:
    x = draw(seed, 1, 3, 2, 2).round(decimals=1)
    bound, exact = grey_means.l2_shift(x, eps, side)
    assert bound == pytest.approx(eps / (side * math.sqrt(3)))
    noise = torch.randn(2000, 3, 2, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    steps = eps * noise / noise.flatten(1).norm(dim=1)[:, None, None, None]
    moved = (x + steps).clamp(0, 1)
    assert statements.shift(means(x, side), means(moved, side)).max() <= bound + 1e-12
    # The best move is the same for all values of a mean, and goes where there is room.
    fall = -torch.nn.functional.max_pool2d(-x.amin(1, keepdim=True), side)
    rise = 1 - torch.nn.functional.max_pool2d(x.amax(1, keepdim=True), side)
    room = torch.where(rise >= fall, rise, -fall).repeat_interleave(side, 2).repeat_interleave(side, 3).expand_as(x)
    length = room.flatten().norm().item()
    best = x + room * min(1.0, eps / max(length, 1e-300))
    reached = statements.shift(means(x, side), means(best, side)).item()
    assert bool(exact) == (length >= eps)
    assert (reached == pytest.approx(bound)) == bool(exact)


def test_grey_images_all_have_the_same_shift_and_colours_that_cancel_a_smaller_one() -> None:
    grey = draw(0, 5, 1, 32, 32).float().expand(5, 3, 32, 32)
    for eps in (8 / 255, 0.5):
        bound = interval_bounds.shift_upper(load_encoder("pixels"), grey, Threat("linf", eps))
        assert torch.allclose(bound, torch.full((5,), 32 * eps, dtype=torch.float64))
    colours = torch.tensor([0.0, 1.0, 1.0])[:, None, None].expand(1, 3, 32, 32)
    assert interval_bounds.shift_upper(load_encoder("pixels"), colours, Threat("linf", 0.3)).item() == pytest.approx(
        32 * 0.3 * 2 / 3
    )


@pytest.mark.parametrize(("name", "side"), [("pixels", 1), ("blocks", 4)])
def test_an_encoder_by_name(name: str, side: int) -> None:
    encoder, x = load_encoder(name), draw(1, 3, 3, 32, 32).float()
    assert encoder.width == (32 // side) ** 2
    assert len(encoder.weights_sha256) == 64
    assert encoder.weights_sha256 != load_encoder({"pixels": "blocks", "blocks": "pixels"}[name]).weights_sha256
    assert not encoder.train().training
    assert interval_bounds.bounded(encoder)
    first = x[:, :, :side, :side].mean((1, 2, 3))
    assert torch.allclose(encoder.features(x)[:, 0], first)
    fall, rise = grey_means.moves(x.double(), 0.1, side)
    box = interval_bounds.feature_box(encoder, x, 0.1)
    assert torch.allclose(box.lower, box.z - fall)
    assert torch.allclose(box.upper, box.z + rise)


@pytest.mark.parametrize("name", ["pixel", "pixels2", "blocks:8"])
def test_a_name_that_only_begins_so_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"unknown encoder .*use "):
        load_encoder(name)


def test_a_head_on_pixels_is_certified_by_the_merged_margin_exactly() -> None:
    """The largest certified radius is that at which a corner ties, found here in closed form."""
    encoder = load_encoder("pixels")
    x = torch.full((2, 3, 32, 32), 0.5)
    x[1] += 0.1
    weight = torch.zeros(2, 1024, dtype=torch.float64)
    weight[0, :4], weight[1, 4:6] = 1.0, 1.0
    head = Head(weight, torch.tensor([0.0, 0.0], dtype=torch.float64))
    # f_0 - f_1 = 4 x - 2 x = 2 x; all six entries can turn against it: lost at 6 eps = 2 x.
    radii = interval_bounds.largest_radii(encoder, head, x, 0.3, steps=20)
    assert radii["merged"] == pytest.approx([1 / 6, 0.2], abs=1e-6)
    # Theorem 2: m = 2 x / sqrt(6), S = 32 eps.
    assert radii["S < m"] == pytest.approx([2 * v / math.sqrt(6) / 32 for v in (0.5, 0.6)], abs=1e-6)
