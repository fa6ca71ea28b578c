"""The filters of a real encoder's first layer: purity in a basis, and what a perturbation moves."""

import pytest
import torch
from torch import nn

from rt_utils.evaluation import first_layer
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder, frozen
from rt_utils.pages.plots import purification as plots


def encoder(weight: torch.Tensor) -> Encoder:
    layer = nn.Conv2d(3, len(weight), 3, 2, 1, bias=False)
    layer.weight.data = weight.float()
    return frozen("made/up", nn.Sequential(layer), input_size=8, width=len(weight))


def images(n: int = 20) -> torch.Tensor:
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_cosines_are_an_orthonormal_basis_that_begins_with_the_grey_mean() -> None:
    basis = first_layer.cosines(3)
    torch.testing.assert_close(basis @ basis.T, torch.eye(27).double())
    torch.testing.assert_close(basis[0], torch.full((27,), 27**-0.5).double())


def test_filters_of_one_pixel_of_one_cosine_and_dead_ones() -> None:
    weight = torch.zeros(3, 3, 3, 3).double()
    weight[0, 0, 1, 1] = 2.0
    weight[1] = first_layer.cosines(3)[13].reshape(3, 3, 3)
    found = first_layer.filters(encoder(weight), images())
    assert len(found) == 2
    assert found.pixels[0] == pytest.approx(1)
    assert found.cosines[1] == pytest.approx(1)
    assert max(found.cosines[0], found.pixels[1]) < 0.9
    assert (found[["pixels", "cosines", "components"]] >= 27**-0.5 - 1e-6).all(axis=None)


def test_the_reach_is_what_a_perturbation_moves_in_standard_deviations() -> None:
    weight = torch.randn(2, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    made, x = encoder(weight), images()
    layer = first_layer.first_convolution(made)
    seen = first_layer.patches(x, layer)
    values = nn.functional.conv2d(x, layer.weight, stride=2).flatten(2).transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close((seen @ layer.weight.double().flatten(1).T).float(), values, atol=1e-5, rtol=1e-5)
    reach = first_layer.filters(made, x).reach
    moved = (seen[0] + 0.01 * weight[0].flatten().sign()) @ weight[0].flatten().double() - values[0, 0].double()
    assert moved.item() == pytest.approx(0.01 * reach[0] * values[:, 0].std().item(), rel=1e-3)
    # a filter's scale and the scale outside change nothing
    torch.testing.assert_close(first_layer.filters(encoder(5 * weight), x).reach.values, reach.values)


def test_a_network_without_a_convolution() -> None:
    made = frozen("made/up", nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), input_size=8, width=2)
    with pytest.raises(ValueError, match="no convolution"):
        first_layer.first_convolution(made)


def test_shipped_encoders_have_their_folded_stem() -> None:
    made = load_encoder("embedded/robust")
    assert first_layer.first_convolution(made).weight.shape[1:] == (3, 3, 3)
    found = first_layer.filters(made, torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert list(found.columns) == ["pixels", "cosines", "components", "reach", "encoder"]
    figure = plots.first_layer(found, ["pixels", "cosines"], 0.4)
    assert [len(axis.lines) for axis in figure.axes] == [2, 2, 1]
