"""A small network written down as plain steps and numbers, for the script that runs it in a reader's browser."""

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from rt_utils.models.networks.small_resnet import ResidualBlock


def base64_of(values: Shaped[np.ndarray, "..."]) -> str:
    """The array's bytes in its own order, in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


@dataclass
class LiveNetwork:
    """Steps, each of which makes one array of channels, rows and columns; array 0 is the image, step i makes i + 1.

    Of a step: `input` is the array it reads. `scale` subtracts `centre` and multiplies by `factor`, after the mean of
    the colours if `grey`. `conv` is a convolution with zeros around (a linear layer is one whose kernel is the whole
    array), then array `add` is added, if any, and negative entries become 0 if `relu`. `mean` is over rows and columns.
    `weights` are those of all convolutions: outputs, inputs, rows, columns of each, then its bias.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    weights: list[Float[np.ndarray, " n"]] = field(default_factory=list)

    def _append(self, **step: Any) -> int:
        self.steps.append(step)
        return len(self.steps)

    def _conv(self, layer: nn.Conv2d, at: int, *, relu: bool = False, add: int | None = None) -> int:
        same = layer.kernel_size[0] == layer.kernel_size[1] and layer.stride[0] == layer.stride[1]
        if not same or layer.groups != 1 or set(layer.dilation) != {1} or not isinstance(layer.padding[0], int):
            raise ValueError(f"no step of the browser's for {layer}")
        sizes = {"kernel": layer.kernel_size[0], "stride": layer.stride[0], "padding": layer.padding[0]}
        return self._linear(layer.weight, layer.bias, at, sizes, relu=relu, add=add)

    def _linear(
        self,
        weight: Float[Tensor, "o i k l"],
        bias: Float[Tensor, " o"] | None,
        at: int,
        sizes: dict[str, int],
        *,
        relu: bool,
        add: int | None,
    ) -> int:
        bias = torch.zeros(len(weight)) if bias is None else bias
        self.weights += [values.detach().float().numpy().ravel() for values in (weight, bias)]
        channels = {"inputs": weight.shape[1], "outputs": weight.shape[0]}
        return self._append(op="conv", input=at, **channels, **sizes, relu=relu, add=add)

    def _block(self, block: ResidualBlock, at: int) -> int:
        inner = self._conv(block.conv1, at, relu=True)
        shortcut = self._conv(block.shortcut, at) if isinstance(block.shortcut, nn.Conv2d) else at
        return self._conv(block.conv2, inner, relu=True, add=shortcut)

    def scale(self, *, grey: bool) -> int:
        """The step that the networks of this package begin with: (x - 1/2) * 4."""
        return self._append(op="scale", input=0, centre=0.5, factor=4.0, grey=grey)

    def layers(self, layers: nn.Sequential, at: int) -> int:
        """Append the steps of these layers, the first of which reads array `at`; returns the array they end in.

        Raises ValueError for a layer that is none of a residual block with folded norms, a convolution, ReLU, a global
        average and a linear layer behind a flattening of a square of 4 x 4.
        """
        for layer in layers:
            match layer:
                case ResidualBlock():
                    at = self._block(layer, at)
                case nn.Conv2d():
                    at = self._conv(layer, at)
                case nn.ReLU() if self.steps[-1]["op"] == "conv":
                    self.steps[-1]["relu"] = True
                case nn.Linear() if layer.in_features % 16 == 0 and self.steps[-1]["op"] == "conv":
                    weight = layer.weight.unflatten(1, (-1, 4, 4))
                    sizes = {"kernel": 4, "stride": 1, "padding": 0}
                    at = self._linear(weight, layer.bias, at, sizes, relu=False, add=None)
                case nn.AdaptiveAvgPool2d(output_size=1):
                    at = self._append(op="mean", input=at)
                case nn.Identity() | nn.Flatten():
                    pass
                case _:
                    raise ValueError(f"no step of the browser's for {layer}")
        return at

    def data(self) -> dict[str, Any]:
        """Steps, and the weights as float32 in base64, as JSON takes them."""
        return {"steps": self.steps, "weights": base64_of(np.concatenate(self.weights).astype("<f4"))}


def live_network(network: nn.Sequential) -> LiveNetwork:
    """The steps of an embedded encoder's network, whose norms are folded into its convolutions.

    A network whose first convolution takes one channel gets the mean of the colours. Raises ValueError for layers that
    the browser's script does not know.
    """
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    live = LiveNetwork()
    live.layers(network, live.scale(grey=first.in_channels == 1))
    return live
