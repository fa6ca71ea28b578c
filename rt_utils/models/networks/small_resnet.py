"""The one small architecture of the embedded encoders: a residual network for 32x32 RGB images."""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_into(module: nn.Module, conv: str, norm: str) -> None:
    """Merge the BatchNorm `norm` of a module into its convolution `conv` (eval mode)."""
    setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
    setattr(module, norm, nn.Identity())


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut: nn.Module = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def fold_norms(self) -> None:
        """Fold each BatchNorm into the convolution before it (eval mode): the same function, a fifth faster."""
        fold_into(self, "conv1", "norm1")
        fold_into(self, "conv2", "norm2")

    def forward(self, x: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h2 w2"]:
        # In place: no layer needs what it gave to go back, and a copy of it costs an attack some percent.
        y = torch.relu_(self.norm1(self.conv1(x)))
        return torch.relu_(self.norm2(self.conv2(y)).add_(self.shortcut(x)))


class SmallResNet(nn.Sequential):
    """Pixels in [0, 1], shape (n, 3, 32, 32), to features, shape (n, 4 * width).

    The stem has stride 2: it costs a quarter of a stem at full resolution, and an attack's cost is all in such layers.
    The input is centred inside (x - 1/2) / (1/4), so the outside always speaks in pixels of [0, 1].
    """

    input_size = 32

    def __init__(self, width: int = 16) -> None:
        self.width = 4 * width
        super().__init__(
            OrderedDict(
                stem=nn.Conv2d(3, width, 3, 2, 1, bias=False),
                norm=nn.BatchNorm2d(width),
                relu=nn.ReLU(),
                block1=ResidualBlock(width, width, 1),
                block2=ResidualBlock(width, 2 * width, 2),
                block3=ResidualBlock(2 * width, 4 * width, 2),
                pool=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
            )
        )

    def fold_norms(self) -> "SmallResNet":
        """Fold every BatchNorm into the convolution before it, for evaluation only; returns the network."""
        fold_into(self, "stem", "norm")
        for block in self:
            if isinstance(block, ResidualBlock):
                block.fold_norms()
        return self

    @staticmethod
    def scaled(x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """What the first layer gets."""
        return (x - 0.5) * 4.0

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n width"]:
        return super().forward(self.scaled(x))
