"""Interval bounds: true in the whole box, exact for one layer, the function itself where the box is a point."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import frozen
from rt_utils.models.intervals import interval
from rt_utils.models.networks.certified_network import CertifiedNetwork
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.networks.small_resnet import SmallResNet
from rt_utils.runtime.errors import InputError


def chain() -> nn.Module:
    """A layer of every kind that has bounds, with statistics and slopes of both signs."""
    network = nn.Sequential(
        *(nn.Conv2d(3, 4, 3, 2, padding=1, padding_mode="reflect"), nn.BatchNorm2d(4), nn.ReLU(inplace=True)),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False), nn.Tanh(), nn.MaxPool2d(2), nn.AvgPool2d(2, 1)),
        *(nn.Sigmoid(), nn.AdaptiveMaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Identity(), nn.Flatten()),
        *(nn.Linear(4, 5), nn.BatchNorm1d(5, affine=False), nn.Linear(5, 3, bias=False)),
    )
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm1d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            if norm.affine:
                nn.init.normal_(norm.weight)
    return network


NETWORKS = {
    "chain": (chain, 32),
    "SmallResNet": (lambda: SmallResNet(4), 32),
    "CertifiedNetwork": (CertifiedNetwork, 32),
    "RegressionNetwork": (RegressionNetwork, 64),
}


@pytest.fixture(params=list(NETWORKS))
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(3)
    make, _ = NETWORKS[request.param]
    return make().eval().requires_grad_(False).double()


def box_for(network: nn.Module, eps: float, n: int = 4) -> tuple[Tensor, Tensor]:
    size = 64 if isinstance(network, RegressionNetwork) else 32
    x = torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (x - eps).clamp(0, 1), (x + eps).clamp(0, 1)


def test_no_point_of_the_box_leaves_the_bounds(network: nn.Module) -> None:
    lower, upper = box_for(network, 0.02)
    bounds = interval(network, lower, upper)
    draw = torch.Generator().manual_seed(1)
    for k in range(60):
        share = torch.rand(lower.shape, generator=draw, dtype=torch.float64)
        z = network(lower + (upper - lower) * (share.round() if k % 2 else share))  # corners and inner points
        assert (bounds[0] - 1e-12 <= z).all()
        assert (z <= bounds[1] + 1e-12).all()


def test_a_larger_box_has_wider_bounds_and_a_point_its_own_output(network: nn.Module) -> None:
    one, other = (interval(network, *box_for(network, eps)) for eps in (0.01, 0.02))
    assert (other[0] <= one[0] + 1e-12).all()
    assert (one[1] <= other[1] + 1e-12).all()
    x, _ = box_for(network, 0.0)
    for bound in interval(network, x, x):
        assert bound.dtype == torch.float64
        torch.testing.assert_close(bound, network(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layer", [nn.Linear(8, 3), nn.Conv2d(2, 3, 2, bias=False)], ids=["linear", "conv"])
def test_one_linear_layer_reaches_its_bounds_at_corners(layer: nn.Module) -> None:
    torch.manual_seed(0)
    layer.requires_grad_(False).double()
    shape = (1, 8) if isinstance(layer, nn.Linear) else (1, 2, 2, 2)
    lower = torch.randn(shape, dtype=torch.float64)
    upper = lower + torch.rand(shape, dtype=torch.float64)
    corners = torch.cat(
        [torch.where(torch.tensor(c).view(shape), lower, upper) for c in product((True, False), repeat=8)]
    )
    images = layer(corners)
    bounds = interval(layer, lower, upper)
    torch.testing.assert_close(bounds[0][0], images.amin(0))
    torch.testing.assert_close(bounds[1][0], images.amax(0))


def test_the_inputs_decide_the_precision_and_stay_as_they_are() -> None:
    encoder = load_encoder("embedded/robust")
    lower, upper = (x.float() for x in box_for(encoder, 0.01))
    kept = lower.clone()
    single, double = interval(encoder, lower, upper), interval(encoder, lower.double(), upper.double())
    assert (single[0].dtype, double[0].dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(single[1].double(), double[1], rtol=1e-3, atol=1e-3)
    assert torch.equal(lower, kept)
    interval(nn.ReLU(inplace=True), lower - 1, kept)
    assert torch.equal(lower, kept)


def test_the_bounds_can_be_trained() -> None:
    network = CertifiedNetwork()
    lower, upper = (x.float() for x in box_for(network, 0.01))
    (interval(network, lower, upper)[1] - interval(network, lower, upper)[0]).sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


def test_a_start_at_which_the_width_of_an_interval_neither_grows_nor_fades() -> None:
    torch.manual_seed(0)
    small, default = CertifiedNetwork(), CertifiedNetwork()
    small.start_small()
    widths = []
    for network in (small, default):
        lower, upper = interval(network, *box_for(network, 0.01))
        widths.append(float((upper - lower).detach().mean()) / (4 * 0.02))  # relative to the first layer's inputs
    assert 0.2 < widths[0] < 5
    assert widths[1] > 20 * widths[0]


@pytest.mark.parametrize("layer", [nn.GELU(), nn.Sequential(nn.Flatten(), nn.LayerNorm(8))], ids=["gelu", "inside"])
def test_a_layer_without_bounds_is_refused_in_one_line(layer: nn.Module) -> None:
    x = torch.zeros(1, 2, 2, 2)
    with pytest.raises(InputError, match=r"no interval bound for the layer (GELU|LayerNorm): .*Conv2d") as raised:
        interval(layer, x, x)
    assert "\n" not in str(raised.value)


def test_a_norm_that_trains_is_refused() -> None:
    x = torch.zeros(2, 3, 32, 32)
    with pytest.raises(InputError, match=r"BatchNorm2d .* call .eval"):
        interval(SmallResNet(4).train(), x, x)


def test_folding_does_not_change_what_is_bounded() -> None:
    """A norm scales centre and radius of what it gets, so folded into the layer before it leaves the bounds as wide."""
    torch.manual_seed(1)
    network = SmallResNet(4)
    network(torch.rand(8, 3, 32, 32))  # statistics
    network.eval()
    box = box_for(network, 0.01)
    plain = interval(network, *box)
    folded = interval(frozen("folded", network, input_size=32, width=16), *box)
    for one, other in zip(plain, folded, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
