"""The network of the paper's Table 6, for 64x64 grey images: two convolutions, three linear layers, 84 features."""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rt_utils.models.networks.few_channels import FewChannels


class RegressionNetwork(nn.Sequential):
    """Pixels in [0, 1], shape (n, 1 or 3, 64, 64), to features, shape (n, 84).

    Colours are averaged first, so a grey image may come with one channel or with three equal ones. BatchNorm has no
    parameters of its own and stands after ReLU and pooling, as in the released code; the features are its last output.
    """

    input_size = 64
    width = 84

    def __init__(self) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for k, (inputs, outputs, side) in enumerate(((1, 6, 4), (6, 16, 2)), start=1):
            layers[f"conv{k}"] = FewChannels(inputs, outputs, 5, side=side)
            layers[f"relu{k}"] = nn.ReLU()
            layers[f"pool{k}"] = nn.AvgPool2d(2)
            layers[f"norm{k}"] = nn.BatchNorm2d(outputs, affine=False)
        layers["flatten"] = nn.Flatten()
        for k, (inputs, outputs) in enumerate(((16 * 13 * 13, 120), (120, 84), (84, self.width)), start=3):
            layers[f"linear{k}"] = nn.Linear(inputs, outputs)
            layers[f"relu{k}"] = nn.ReLU()
            layers[f"norm{k}"] = nn.BatchNorm1d(outputs, affine=False)
        super().__init__(layers)

    @torch.no_grad()
    def fold_norms(self) -> "RegressionNetwork":
        """Fold each BatchNorm into the layer after it, for evaluation only (the last has none); returns the network.

        Exact, because the convolutions have no padding: the same function, a fifth faster.
        """
        for k, name in enumerate(("conv2", "linear3", "linear4", "linear5"), start=1):
            norm, layer = getattr(self, f"norm{k}"), getattr(self, name)
            places = layer.weight[0].numel() // norm.num_features  # weights of one output for each channel
            scale = (norm.running_var + norm.eps).rsqrt().repeat_interleave(places).view(layer.weight.shape[1:])
            mean = norm.running_mean.repeat_interleave(places).view(layer.weight.shape[1:])
            layer.weight *= scale
            layer.bias -= (layer.weight * mean).flatten(1).sum(1)
            setattr(self, f"norm{k}", nn.Identity())
        return self

    @staticmethod
    def scaled(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1 h w"]:
        """What the first layer gets."""
        return torch.mean(x, dim=1, keepdim=True)

    def forward(self, x: Float[Tensor, "n c 64 64"]) -> Float[Tensor, "n 84"]:
        return super().forward(self.scaled(x))
