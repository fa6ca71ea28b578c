"""Networks that others trained and published, public/NAME: our classes, their cards, weights in the user's folder.

No weights come with the book. A card (`shipped/public`) names the repository and the path that a user fetches, and the
SHA-256 of the file; any other file is refused.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from rt_utils.models import checkpoint_keys, checkpoints
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.networks.public_networks import LAYERS, Standardised
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.public_files import card, check, place, remedy
from rt_utils.models.weights import check_finite, content
from rt_utils.runtime.errors import InputError

OWN_DATA = {"CIFAR-10": ("cifar10", "cifar10-jpeg"), "Fashion-MNIST": ("fashion-mnist",)}  # by what a card says
# The layers of the paper's dSprites networks by their names in this book's class.
_SPRITES = {
    "feature_extractor.": {"0": "conv1", "3": "norm1", "4": "conv2", "7": "norm2"},
    "linear_projections.": {"0": "linear3", "2": "norm3", "3": "linear4", "5": "norm4"},
    "linear_projections_output.": {"0": "linear5", "2": "norm5"},
}


def _renamed(key: str) -> str:
    for prefix, layers in _SPRITES.items():
        if found := re.fullmatch(rf"{re.escape(prefix)}(\d+)\.(\w+)", key):
            return f"{layers[found[1]]}.{found[2]}"
    return key


def network(its: dict[str, Any]) -> Standardised | RegressionNetwork:
    """The untrained network that a card describes, without its head."""
    recipe = its["recipe"]
    if recipe["network"] == "RegressionNetwork":
        return RegressionNetwork()
    wants = {key: recipe[key] for key in ("mean", "std", "input_size", "grey", "bounded")}
    return Standardised(LAYERS[recipe["network"]](), **wants)


def _read(name: str) -> tuple[Standardised | RegressionNetwork, dict[str, Tensor], list[str]]:
    """The network with its file's weights, what the file holds besides them, and in words what was done."""
    check(name)
    its, path = card(name), str(place(name))
    sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if sha256 != its["sha256"]:
        raise InputError(
            f"{path!r} is not the file of {name} (SHA-256 {sha256[:12]}..., its card says {its['sha256'][:12]}...): "
            f"{remedy(name)}"
        )
    state, notes = checkpoints.state(content(path, remedy(name)), path, remedy(name))
    check_finite(state, path)
    made = network(its)
    state, done = checkpoint_keys.fitted({_renamed(key): value for key, value in state.items()}, made.state_dict())
    counters = {key: value for key, value in made.state_dict().items() if key.endswith("num_batches_tracked")}
    state = counters | state  # files of before PyTorch 0.4 lack them, and they change no feature
    made.load_state_dict({key: state[key] for key in made.state_dict()})
    return made, {key: value for key, value in state.items() if key not in made.state_dict()}, [*notes, *done]


def load(name: str, *, fold: bool = True) -> Encoder:
    """The encoder: the network without its last linear layer. With `fold` BatchNorm layers are merged where it can.

    Raises InputError where the file is not there, or is another one.
    """
    made, _, notes = _read(name)
    its = card(name)
    made.eval()
    if fold:
        made.fold_norms()
    size, width, sha256 = made.input_size, made.width, its["sha256"]
    notes.append(f"trained by others, {its['repository']}, for radius {its['radius']}")
    return Encoder(name, made, input_size=size, width=width, weights_sha256=sha256, made_by=__name__, notes=notes)


def own_head(name: str) -> Head:
    """The linear layer that the network was trained with. Raises InputError as `load` does."""
    left = _read(name)[1]
    (weight,) = (key for key, value in left.items() if value.ndim == 2)
    outputs, inputs = left[weight].shape
    layer = nn.Linear(inputs, outputs)
    layer.load_state_dict({"weight": left[weight], "bias": left[weight.replace("weight", "bias")]})
    return Head.of(layer)


def pretrained_head(name: str, data: str, classes: Sequence[str]) -> Head | None:
    """`own_head`, where `data` is what the network was trained on; CIFAR-10 as JPEG too."""
    if data not in OWN_DATA.get(card(name)["data"], ()):
        return None
    return own_head(name)
