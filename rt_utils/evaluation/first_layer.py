"""The filters of a real encoder's first layer as hidden nodes: how much each listens to one direction of a basis.

No one knows the features of an image, so purity is taken in bases that are fixed beforehand or come from the images.
"""

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory.purity import purity

FEW = 1e-3  # of the largest norm of a filter: smaller filters are dead
COLOURS = [[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]  # grey, red-green, yellow-blue


def live_filters(layer: nn.Conv2d) -> Float[Tensor, "k c h w"]:
    """The filters of a convolution without the dead ones, in the layer's order."""
    weight = layer.weight.detach()
    norms = weight.double().flatten(1).norm(dim=1)
    return weight[norms > FEW * norms.max()]


def first_convolution(encoder: Encoder) -> nn.Conv2d:
    """The first convolution of an encoder, with the BatchNorm after it where that is folded. Raises ValueError."""
    found = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    if not found:
        raise ValueError(f"{encoder.name} has no convolution")
    return found[0]


def cosines(side: int) -> Float[Tensor, "d d"]:
    """Orthonormal rows, d = 3 side^2: a colour direction (grey, red-green, yellow-blue) times two cosines."""
    k = torch.arange(side, dtype=torch.float64)
    waves = functional.normalize(torch.cos(torch.pi * k[:, None] * (k + 0.5) / side), dim=1)
    colours = functional.normalize(torch.tensor(COLOURS, dtype=torch.float64), dim=1)
    return torch.kron(torch.kron(colours, waves), waves)


def patches(images: Float[Tensor, "n 3 h w"], layer: nn.Conv2d) -> Float[Tensor, "m d"]:
    """What each filter sees of the images, pixels in [0, 1]: its windows without the padded ones at the border."""
    size, stride = layer.kernel_size, layer.stride
    return functional.unfold(images.double(), size, stride=stride).transpose(1, 2).flatten(0, 1)


def filters(encoder: Encoder, images: Float[Tensor, "n 3 h w"]) -> pd.DataFrame:
    """One row a filter: its purity in three bases, and how far an l_inf perturbation of size 1 moves it.

    pixels, cosines, components: purity in single pixels, in `cosines`, and in the patches' principal components.
    reach: ||w||_1 over the standard deviation of the filter's value over the images' patches, per unit of pixels.
    """
    layer = first_convolution(encoder)
    weight, seen = live_filters(layer).double().flatten(1), patches(images, layer)
    components = torch.linalg.eigh(torch.cov(seen.T)).eigenvectors.T
    bases = {"pixels": torch.eye(weight.shape[1]).double(), "cosines": cosines(layer.kernel_size[0])}
    found = {name: purity(weight @ basis.T) for name, basis in (bases | {"components": components}).items()}
    found["reach"] = weight.abs().sum(1) / (seen @ weight.T).std(0)
    return pd.DataFrame({name: values.numpy() for name, values in found.items()}).assign(encoder=encoder.name)
