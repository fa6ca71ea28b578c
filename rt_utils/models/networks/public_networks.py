"""The architectures of public networks that others trained, for the layers' names in their files, without the head."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rt_utils.models.networks.small_resnet import fold_into

Layers = OrderedDict[str, nn.Module]


class Standardised(nn.Sequential):
    """Layers behind (x - mean) / std: pixels in [0, 1], shape (n, 3, input_size, input_size), to features (n, width).

    A `grey` one gets the mean of the colours. `bounded`: it was trained for bounds at such radii that interval bounds
    of it are worth computing.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        layers: Layers,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        input_size: int,
        grey: bool = False,
        bounded: bool = False,
    ) -> None:
        super().__init__(layers)
        self.input_size, self.grey, self.bounded = input_size, grey, bounded
        self.width = [layer for layer in self.modules() if isinstance(layer, nn.Linear | nn.Conv2d)][-1].weight.shape[0]
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def scaled(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h w"]:
        """What the first layer gets; each entry grows with every pixel."""
        return ((x.mean(1, keepdim=True) if self.grey else x) - self.mean) / self.std

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n width"]:
        return super().forward(self.scaled(x))

    def fold_norms(self) -> "Standardised":
        """Fold every BatchNorm into the convolution before it, for evaluation only; returns the network."""
        for module in self.modules():
            for conv, norm in (("conv1", "bn1"), ("conv2", "bn2")):
                if isinstance(getattr(module, norm, None), nn.BatchNorm2d):
                    fold_into(module, conv, norm)
        return self


class EverySecond(nn.Module):
    """The shortcut without parameters (He et al. 2016): every second pixel, and channels of zeros on both sides."""

    def __init__(self, added: int) -> None:
        super().__init__()
        self.added = added

    def forward(self, x: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h2 w2"]:
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added // 2))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, with BatchNorm or with biases in its place."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=not norm)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=not norm)
        self.bn1, self.bn2 = (nn.BatchNorm2d(outputs) if norm else nn.Identity() for _ in range(2))
        self.shortcut: nn.Module = nn.Sequential()
        if stride == 2:
            projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride))
            self.shortcut = EverySecond(outputs - inputs) if norm else projection

    def forward(self, x: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h2 w2"]:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def _named(*layers: nn.Module) -> Layers:
    return OrderedDict((str(k), layer) for k, layer in enumerate(layers))


def strided(first: int, second: int, *, colours: int = 3, side: int = 32) -> Layers:
    """Two 4x4 convolutions of stride 2 and a linear layer, of Wong, Schmidt, Metzen and Kolter."""
    return _named(
        *(nn.Conv2d(colours, first, 4, 2, 1), nn.ReLU()),
        *(nn.Conv2d(first, second, 4, 2, 1), nn.ReLU()),
        nn.Flatten(),
        *(nn.Linear(second * (side // 4) ** 2, 100), nn.ReLU()),
    )


def deep() -> Layers:
    """Four convolutions of 8 channels, of which two have stride 2, and a linear layer."""
    return _named(
        *(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(8, 8, 4, 2, 1), nn.ReLU()),
        nn.Flatten(),
        *(nn.Linear(512, 100), nn.ReLU()),
    )


def _stage(inputs: int, outputs: int, stride: int, blocks: int, *, norm: bool) -> nn.Sequential:
    first = BasicBlock(inputs, outputs, stride, norm=norm)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs, 1, norm=norm) for _ in range(blocks - 1)))


def plain_resnet(width: int, stages: int) -> Layers:
    """A residual network without BatchNorm for verification: 3x3 of stride 2, stages of two blocks, a linear layer."""
    layers: Layers = OrderedDict(conv1=nn.Conv2d(3, width, 3, 2, 1), relu=nn.ReLU())
    for k in range(stages):
        layers[f"layer{k + 1}"] = _stage(width if k == 0 else 2 * width, 2 * width, 2, 2, norm=False)
    side = 16 // 2**stages
    return layers | OrderedDict(flatten=nn.Flatten(), linear1=nn.Linear(2 * width * side**2, 100), relu1=nn.ReLU())


def resnet20() -> Layers:
    """He et al.'s residual network of 20 layers for CIFAR."""
    layers: Layers = OrderedDict(conv1=nn.Conv2d(3, 16, 3, 1, 1, bias=False), bn1=nn.BatchNorm2d(16), relu=nn.ReLU())
    for k, (inputs, outputs, stride) in enumerate(((16, 16, 1), (16, 32, 2), (32, 64, 2)), 1):
        layers[f"layer{k}"] = _stage(inputs, outputs, stride, 3, norm=True)
    return layers | OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())


LAYERS: dict[str, Callable[[], Layers]] = {  # by the name that a card gives
    "wide": lambda: strided(16, 32),
    "base": lambda: strided(8, 16),
    "deep": deep,
    "grey": lambda: strided(16, 32, colours=1, side=28),
    "resnet2b": lambda: plain_resnet(8, 1),
    "resnet4b": lambda: plain_resnet(16, 2),
    "resnet20": resnet20,
}
