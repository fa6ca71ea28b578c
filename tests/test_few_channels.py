"""Convolutions of few channels: their own gradient in the image is PyTorch's, and training is untouched."""

import pytest
import torch
from torch import Tensor, nn

from rt_utils.models.catalogue import load_encoder
from rt_utils.models.networks.few_channels import FewChannels, block_weight


def _pair(inputs: int, outputs: int, size: int, side: int) -> tuple[FewChannels, nn.Conv2d]:
    ours, plain = FewChannels(inputs, outputs, size, side=side), nn.Conv2d(inputs, outputs, size)
    plain.load_state_dict(ours.state_dict())
    return ours.requires_grad_(False), plain.requires_grad_(False)


def _gradient(layer: nn.Module, x: Tensor, gradient: Tensor | None = None) -> Tensor:
    point = x.detach().requires_grad_()
    found = layer(point)
    (slope,) = torch.autograd.grad(found, point, torch.ones_like(found) if gradient is None else gradient)
    return slope


@pytest.mark.parametrize(
    ("inputs", "outputs", "size", "side"), [(1, 6, 5, 4), (6, 16, 5, 2), (3, 2, 3, 4), (2, 5, 1, 2)]
)
def test_outputs_and_gradients_are_those_of_the_plain_layer(inputs: int, outputs: int, size: int, side: int) -> None:
    ours, plain = _pair(inputs, outputs, size, side)
    x = torch.rand(3, inputs, 16, 24).contiguous(memory_format=torch.channels_last)
    gradient = torch.randn_like(plain(x))
    assert (ours(x) == plain(x)).all()
    torch.testing.assert_close(_gradient(ours, x, gradient), _gradient(plain, x, gradient), rtol=1e-5, atol=1e-5)
    assert "InBlocks" in type(ours(x.requires_grad_()).grad_fn).__name__


def test_a_pixel_gets_each_output_that_it_enters_once() -> None:
    """With all weights 1 the gradient of the sum is how many windows a pixel lies in, by hand in one dimension."""
    ours, _ = _pair(1, 1, 3, 2)
    nn.init.ones_(ours.weight)
    counts = torch.tensor([1.0, 2.0, 3.0, 3.0, 2.0, 1.0])
    assert (_gradient(ours, torch.rand(1, 1, 6, 6))[0, 0] == counts[:, None] * counts).all()
    assert block_weight(ours.weight, 2).shape == (4, 1, 4, 4)


def test_other_inputs_and_training_take_the_plain_way() -> None:
    ours, plain = _pair(1, 2, 3, 4)
    odd = torch.rand(1, 1, 7, 8)
    assert (_gradient(ours, odd) == _gradient(plain, odd)).all()
    ours.requires_grad_(True)
    ours(torch.rand(1, 1, 8, 8).requires_grad_()).sum().backward()
    assert all(values.grad is not None for values in ours.parameters())


def test_the_network_of_table_6_has_them() -> None:
    network = load_encoder("embedded/sprites-robust").network
    assert {type(network.conv1), type(network.conv2)} == {FewChannels}
    x = torch.rand(4, 1, 64, 64).contiguous(memory_format=torch.channels_last)
    ours = _gradient(network, x)
    for layer in (network.conv1, network.conv2):
        layer.forward = lambda inputs, layer=layer: nn.Conv2d.forward(layer, inputs)
    torch.testing.assert_close(ours, _gradient(network, x), rtol=1e-4, atol=1e-4)
