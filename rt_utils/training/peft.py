"""Methods that train few parameters of an encoder: bias-only, adapters, LoRA; and all of them (full finetuning)."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

PEFT = ("bias", "adapter", "LoRA")
REDUCTION = 8  # of an adapter's channels


class LowRank(nn.Module):
    """LoRA as a parametrisation of a weight, read as a matrix with one row for each output: V becomes V + BA.

    Hu et al. 2022. B is zero at first, so the weight starts where it was.
    """

    def __init__(self, weight: Float[Tensor, "o ..."], rank: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.zeros(len(weight), rank))
        self.down = nn.Parameter(torch.randn(rank, weight[0].numel()) / weight[0].numel() ** 0.5)

    def forward(self, weight: Float[Tensor, "o ..."]) -> Float[Tensor, "o ..."]:
        return weight + (self.up @ self.down).view(weight.shape)


class Adapter(nn.Module):
    """h + U max(D h, 0), with biases, at every place of the image alike; U is zero at first (Houlsby et al. 2019)."""

    def __init__(self, channels: int, reduction: int = REDUCTION) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, max(1, channels // reduction), 1)
        self.up = nn.Conv2d(max(1, channels // reduction), channels, 1)
        for values in self.up.parameters():
            nn.init.zeros_(values)

    def forward(self, h: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return h + self.up(self.down(h).relu())


def prepared(network: nn.Module, method: str, rank: int) -> nn.Module:
    """A copy of an encoder's network in which exactly the parameters that the method trains need a gradient.

    `method`: "full", one of PEFT, or "linear", which trains none. Draws from PyTorch's global generator.
    """
    network = copy.deepcopy(network).requires_grad_(method == "full")
    for parameter, values in network.named_parameters():
        if method == "bias" and parameter.split(".")[-1] == "bias":
            values.requires_grad_(True)
    for name, layer in [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]:
        if method == "LoRA":
            parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank))
        if method == "adapter" and layer.kernel_size != (1, 1):
            network.set_submodule(name, nn.Sequential(layer, Adapter(layer.out_channels)))
    return network.eval()


def merged(network: nn.Module) -> nn.Module:
    """The same network with every V + BA as one weight, frozen."""
    for layer in network.modules():
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight")
    return network.requires_grad_(False)


def trained_parameters(network: nn.Module, method: str, rank: int) -> int:
    """How many numbers of an encoder the method trains."""
    with torch.random.fork_rng(devices=[]):
        return sum(values.numel() for values in prepared(network, method, rank).parameters() if values.requires_grad)
