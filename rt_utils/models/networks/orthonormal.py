"""A small network whose Lipschitz constant is known: every layer has norm 1, or is linear with a norm by hand."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import orthogonal
from torch.nn.utils.parametrize import remove_parametrizations


class MaxMin(nn.Module):
    """Sorts pairs of entries (Anil et al. 2019): 1-Lipschitz, since sorting never moves two vectors apart."""

    def forward(self, x: Float[Tensor, "n r"]) -> Float[Tensor, "n r"]:
        a, b = x.chunk(2, dim=1)
        return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], dim=1)


class Grey(nn.Module):
    """The mean of the colours, then of 2 x 2 pixels: linear, of norm 1 / (2 sqrt 3)."""

    norm = 1 / (2 * 3**0.5)

    def forward(self, x: Float[Tensor, "n 3 32 32"]) -> Float[Tensor, "n 256"]:
        return nn.functional.avg_pool2d(x.mean(1, keepdim=True), 2).flatten(1)


class OrthonormalNetwork(nn.Sequential):
    """Pixels in [0, 1], shape (n, 3, 32, 32), to features, shape (n, 64): layers with orthonormal rows, and MaxMin.

    While it is trained its weights are made orthonormal by Cayley's map.
    """

    input_size = 32
    width = 64

    def __init__(self) -> None:
        sizes = ((256, 128), (128, 128), (128, self.width))
        first, second, third = (orthogonal(nn.Linear(a, b), orthogonal_map="cayley") for a, b in sizes)
        super().__init__(Grey(), first, MaxMin(), second, MaxMin(), third)

    @property
    def _linear(self) -> list[nn.Linear]:
        return [layer for layer in self if isinstance(layer, nn.Linear)]

    def fix(self) -> "OrthonormalNetwork":
        """Keep the weights as they are now, as plain parameters; returns the network."""
        for layer in self._linear:
            remove_parametrizations(layer, "weight")
        return self

    def lipschitz_constant(self) -> float:
        """The product of the layers' norms, each computed from its weights in float64: features per pixel, in l_2."""
        weights = [layer.weight.detach().double() for layer in self._linear]
        return math.prod(torch.linalg.matrix_norm(weight, 2).item() for weight in weights) * Grey.norm
