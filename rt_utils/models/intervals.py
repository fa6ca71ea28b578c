"""Interval bounds of networks: from a box of inputs to a box that holds every output (Gowal et al. 2018).

A linear layer W x + b maps the box with centre c and radius r into the one with centre W c + b and radius |W| r, the
smallest that holds the image; a layer that grows with each of its inputs maps a box end by end. Layer after layer the
bounds stay true and become wider than they must be. In float64 they are true up to rounding.
"""

from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.networks.certified_network import CertifiedNetwork
from rt_utils.models.networks.no_representation import GreyMeans
from rt_utils.models.networks.public_networks import BasicBlock, EverySecond, Standardised
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.networks.small_resnet import ResidualBlock, SmallResNet
from rt_utils.runtime.errors import InputError

Box = tuple[Tensor, Tensor]


@singledispatch
def interval(layer: nn.Module, lower: Float[Tensor, "n ..."], upper: Float[Tensor, "n ..."]) -> Box:
    """Bounds, entry by entry, on what `layer` makes of every input between `lower` and `upper`.

    They can be differentiated, in the weights too. The weights are taken in the precision of the inputs: float64 inputs
    give float64 bounds.

    Args:
        layer: An encoder, a network of this book, a Sequential, or one of its layers.
        lower: Of the inputs, shape (n, ...): of pixels, (n, 3, h, w).
        upper: Of the same shape, nowhere below `lower`.

    Returns:
        Lower and upper bound, each of the shape of the layer's output.

    Raises:
        InputError: for a layer that has no interval bound here.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> _ = layer.load_state_dict({"weight": torch.tensor([[1.0, -2.0]]), "bias": torch.zeros(1)})
        >>> lower, upper = interval(layer, torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
        >>> lower.tolist(), upper.tolist()
        ([[-2.0]], [[1.0]])
    """
    known = sorted({kind.__name__ for kind in interval.registry if kind is not object})
    raise InputError(f"no interval bound for the layer {type(layer).__name__}: there is one for {', '.join(known)}")


@interval.register(nn.Linear)
@interval.register(nn.Conv2d)
def _linear(layer: nn.Linear | nn.Conv2d, lower: Tensor, upper: Tensor) -> Box:
    def image(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if isinstance(layer, nn.Linear):
            return functional.linear(x, weight, bias)
        return layer._conv_forward(x, weight, bias)  # with the layer's own padding, stride and groups

    weight = layer.weight.to(lower.dtype)
    bias = None if layer.bias is None else layer.bias.to(lower.dtype)
    centre, radius = image((lower + upper) / 2, weight, bias), image((upper - lower) / 2, weight.abs(), None)
    return centre - radius, centre + radius


@interval.register(nn.BatchNorm1d)
@interval.register(nn.BatchNorm2d)
def _norm(layer: nn.BatchNorm1d | nn.BatchNorm2d, lower: Tensor, upper: Tensor) -> Box:
    if layer.training or layer.running_mean is None or layer.running_var is None:
        raise InputError(f"{type(layer).__name__} has no interval bound while it trains: call .eval() first")
    shape = (1, -1, *(1,) * (lower.dim() - 2))
    scale = (layer.running_var.to(lower.dtype) + layer.eps).rsqrt()
    mean, bias = layer.running_mean.to(lower.dtype), torch.zeros_like(scale)
    if layer.affine:
        scale, bias = scale * layer.weight.to(lower.dtype), layer.bias.to(lower.dtype)
    one, other = ((x - mean.view(shape)) * scale.view(shape) + bias.view(shape) for x in (lower, upper))
    return torch.minimum(one, other), torch.maximum(one, other)


@interval.register(nn.ReLU)
def _relu(layer: nn.ReLU, lower: Tensor, upper: Tensor) -> Box:
    return lower.relu(), upper.relu()  # not by the layer, which may work in place


@interval.register(nn.MaxPool2d)
@interval.register(nn.AdaptiveMaxPool2d)
@interval.register(nn.AvgPool2d)
@interval.register(nn.AdaptiveAvgPool2d)
@interval.register(nn.Sigmoid)
@interval.register(nn.Tanh)
@interval.register(nn.Flatten)
@interval.register(nn.Identity)
@interval.register(GreyMeans)
@interval.register(EverySecond)
def _end_by_end(layer: nn.Module, lower: Tensor, upper: Tensor) -> Box:
    return layer(lower), layer(upper)


@interval.register(nn.Sequential)
def _chain(layer: nn.Sequential, lower: Tensor, upper: Tensor) -> Box:
    for part in layer:
        lower, upper = interval(part, lower, upper)
    return lower, upper


@interval.register(Encoder)
def _encoder(layer: Encoder, lower: Tensor, upper: Tensor) -> Box:
    return interval(layer.network, lower, upper)


@interval.register(CertifiedNetwork)
@interval.register(RegressionNetwork)
@interval.register(SmallResNet)
@interval.register(Standardised)
def _scaled(
    layer: CertifiedNetwork | RegressionNetwork | SmallResNet | Standardised, lower: Tensor, upper: Tensor
) -> Box:
    return _chain(layer, layer.scaled(lower), layer.scaled(upper))


def _two_paths(inner: nn.Module, shortcut: nn.Module, lower: Tensor, upper: Tensor) -> Box:
    """The two paths share their input: adding their bounds is true, and wider than it must be."""
    one, other = interval(inner, lower, upper), interval(shortcut, lower, upper)
    return (one[0] + other[0]).relu(), (one[1] + other[1]).relu()


@interval.register(ResidualBlock)
def _residual(layer: ResidualBlock, lower: Tensor, upper: Tensor) -> Box:
    inner = nn.Sequential(layer.conv1, layer.norm1, nn.ReLU(), layer.conv2, layer.norm2)
    return _two_paths(inner, layer.shortcut, lower, upper)


@interval.register(BasicBlock)
def _basic(layer: BasicBlock, lower: Tensor, upper: Tensor) -> Box:
    inner = nn.Sequential(layer.conv1, layer.bn1, nn.ReLU(), layer.conv2, layer.bn2)
    return _two_paths(inner, layer.shortcut, lower, upper)
