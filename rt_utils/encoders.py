"""From a name to a frozen encoder: eval mode, pixels in [0, 1] outside, preprocessing inside, hash of its weights."""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from embedded_world.network import SmallResNet
from embedded_world.regression_network import RegressionNetwork
from natural_world.networks import NETWORKS, WideResNet
from rt_utils import zoo
from rt_utils.devices import Parts
from rt_utils.errors import InputError
from rt_utils.names import ENCODERS, check_encoder
from rt_utils.transfer import Head

WEIGHTS = {"embedded": files("embedded_world") / "weights", "natural": files("natural_world") / "weights"}
_AGAIN = {"embedded": "make encoders", "natural": "make natural-encoders DATA=folder"}


class Encoder(nn.Module):
    """A representation f_theta that nothing changes: parameters frozen, eval mode always (no BatchNorm update).

    Maps pixels in [0, 1], shape (n, 3, input_size, input_size), to features, shape (n, width).
    """

    def __init__(self, name: str, network: nn.Module, *, input_size: int, width: int, weights_sha256: str) -> None:
        super().__init__()
        self.name, self.input_size, self.width, self.weights_sha256 = name, input_size, width, weights_sha256
        self.parts = Parts(max(4, 2**18 // input_size**2))  # 256 images of 32x32, 5 of 224x224
        self.network = network.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eval()

    def train(self, mode: bool = True) -> "Encoder":
        """Stays in eval mode, whatever `mode`: a linear probe must leave the encoder untouched."""
        return super().train(False)

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n width"]:
        features: Tensor = self.network(x)
        return features

    @torch.no_grad()
    def features(self, x: Float[Tensor, "n 3 h w"] | UInt8[Tensor, "n 3 h w"]) -> Float[Tensor, "n width"]:
        """Features of any number of images, in batches, without gradients. The one evaluation that results rest on.

        They come back on the CPU, wherever the encoder is. Images as they are stored, uint8, become pixels in [0, 1] a
        batch at a time: all at once they take four times the memory.
        """
        place = next(self.parameters(), x).device

        def evaluate(part: slice) -> Tensor:
            stored = x[part].to(place)
            pixels = stored if stored.is_floating_point() else stored.float() / 255
            features: Tensor = self(pixels.contiguous(memory_format=torch.channels_last)).cpu()
            return features

        return torch.cat(self.parts(evaluate, len(x)))


def model_card(name: str) -> dict[str, Any]:
    """The model card of a shipped encoder ('embedded/robust', 'natural/robust', ...): data, recipe, accuracy, hash."""
    world, _, own = name.partition("/")
    card: dict[str, Any] = json.loads((WEIGHTS[world] / f"{own}.json").read_text("utf-8"))
    return card


def pretrained_head(name: str, data: str, classes: Sequence[str]) -> Head | None:
    """The head that an encoder was pretrained with, where the data set `data`, with these classes, is that of then.

    Known for the natural encoders that were trained, and for RobustBench's; else None. Table 4's first rows have it.
    """
    world, _, own = name.partition("/")
    if world == "natural" and data == "tinyimagenet100":
        card = model_card(name)
        if card["recipe"]["epochs"] and card["data"]["classes"] == list(classes):
            weights = load_safetensors((WEIGHTS[world] / f"{own}.safetensors").read_bytes())
            return Head(weights["head.weight"].double(), weights["head.bias"].double())
    elif world == "robustbench" and own.partition("/")[0] == data:
        layer = zoo.classifier(name)[1]
        if layer.out_features == len(classes):
            return Head(layer.weight.detach().double(), layer.bias.detach().double())
    return None


def frozen(name: str, network: nn.Module, *, input_size: int, width: int) -> Encoder:
    """A network that was just trained, as an encoder that is known by the hash of its weights."""
    digest = zoo.weights_digest(network)
    network.eval()
    if isinstance(network, SmallResNet):
        network.fold_norms()
    return Encoder(name, network, input_size=input_size, width=width, weights_sha256=digest)


def _shipped(name: str, fold: bool) -> Encoder:
    world, _, own = name.partition("/")
    raw, card = (WEIGHTS[world] / f"{own}.safetensors").read_bytes(), model_card(name)
    digest = hashlib.sha256(raw).hexdigest()
    if digest != card["sha256"]:
        raise InputError(
            f"the weights of {name} have SHA-256 {digest[:12]}..., their card says {card['sha256'][:12]}...: "
            f"restore {world}_world/weights from the repository, or train them again with {_AGAIN[world]!r}"
        )
    network: SmallResNet | RegressionNetwork | WideResNet
    if world == "natural":
        network = NETWORKS[card["recipe"]["network"]]()
    else:
        network = RegressionNetwork() if own.startswith("sprites-") else SmallResNet(card["recipe"]["width"])
    weights = load_safetensors(raw)  # also in half precision, which becomes single
    network.load_state_dict({key: value for key, value in weights.items() if not key.startswith("head.")})
    network.eval()
    if fold and not isinstance(network, WideResNet):
        network.fold_norms()
    size, width = network.input_size, network.width
    return Encoder(name, network, input_size=size, width=width, weights_sha256=digest)


def load(name: str, *, fold: bool = True) -> Encoder:
    """The encoder of that name: embedded/robust, natural/robust, ... (see `names`), or one that `zoo` describes.

    With `fold` the shipped encoders' BatchNorm layers are merged into the convolutions before them: the same function,
    a fifth faster; without it they are there, to be trained. Raises InputError for a name that does not exist, and for
    weights that are not there, do not match their hash, do not fit the architecture or are not finite.
    """
    check_encoder(name)
    if name in ENCODERS:
        return _shipped(name, fold)
    network, input_size, width, sha256 = zoo.load(name)
    return Encoder(name, network, input_size=input_size, width=width, weights_sha256=sha256)
