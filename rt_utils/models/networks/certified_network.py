"""A small convolutional network without normalisation, for 32x32 images: what interval bounds can be trained on."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class CertifiedNetwork(nn.Sequential):
    """Pixels in [0, 1], shape (n, 3, 32, 32), to features, shape (n, 64), none of them negative.

    The mean g of the colours, scaled to (g - 1/2) * 4; four convolutions and a linear layer, each with a ReLU.
    """

    input_size = 32
    width = 64
    bounded = True  # interval bounds of it are worth computing

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU()),
            *(nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(64, 64, 4, 2, 1), nn.ReLU()),
            nn.Flatten(),
            *(nn.Linear(64 * 16, self.width), nn.ReLU()),
        )

    @staticmethod
    def scaled(x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """What the first layer gets; each entry grows with every pixel."""
        return (x.mean(1, keepdim=True) - 0.5) * 4.0

    @torch.no_grad()
    def start_small(self) -> None:
        """Weights drawn from N(0, sqrt(2 pi) / fan_in), biases 0: an interval's width then neither grows nor fades.

        Shi, Wang, Zhang, Yi, Hsieh (NeurIPS 2021). With PyTorch's own start it grows in every layer.
        """
        for layer in self:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, 0, math.sqrt(2 * math.pi) / layer.weight[0].numel())
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: Float[Tensor, "n 3 32 32"]) -> Float[Tensor, "n 64"]:
        return super().forward(self.scaled(x))
