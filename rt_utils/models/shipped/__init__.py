"""The encoders that come with the book, embedded/ and natural/: weights, model cards, and how they are loaded."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from safetensors.torch import load as load_safetensors

from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.networks import build
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.paths import SHIPPED

_AGAIN = {"embedded": "make encoders", "natural": "make natural-encoders DATA=folder"}


def _read(name: str, suffix: str) -> bytes:
    path = SHIPPED / f"{name}.{suffix}"
    try:
        return path.read_bytes()
    except OSError as error:
        what = "the model card" if suffix == "json" else "the weights"
        again = _AGAIN[name.partition("/")[0]]
        raise InputError(
            f"{what} of {name} cannot be read ({path.name}: {error.strerror}): restore rt_utils/models/shipped from "
            f"the repository, or train it again with {again!r}"
        ) from None


def model_card(name: str) -> dict[str, Any]:
    """The model card of a shipped encoder ('embedded/robust', ...): data, recipe, accuracy, hash. Raises InputError."""
    raw = _read(name, "json")
    try:
        card: dict[str, Any] = json.loads(raw)
    except ValueError:
        raise InputError(f"the model card of {name} is not JSON: restore it from the repository") from None
    if not isinstance(card, dict) or not {"sha256", "recipe"} <= card.keys():
        raise InputError(f"the model card of {name} lacks its recipe or hash: restore it from the repository")
    return card


def _checked(name: str, card: Mapping[str, Any]) -> bytes:
    """The file of weights that the card names. Raises InputError for another one."""
    raw = _read(name, "safetensors")
    sha256 = hashlib.sha256(raw).hexdigest()
    if sha256 != card["sha256"]:
        raise InputError(
            f"the weights of {name} have SHA-256 {sha256[:12]}..., their card says {card['sha256'][:12]}...: restore "
            f"rt_utils/models/shipped from the repository, or train them again with {_AGAIN[name.partition('/')[0]]!r}"
        )
    return raw


def load(name: str, *, fold: bool = True) -> Encoder:
    """The encoder. With `fold` its BatchNorm layers are merged into the convolutions before them, where it can.

    Raises InputError for weights or a card that are not there, or do not match.
    """
    card = model_card(name)
    weights = load_safetensors(_checked(name, card))  # also in half precision, which becomes single
    network = build(card)
    network.load_state_dict({key: value for key, value in weights.items() if not key.startswith("head.")})
    network.eval()
    if fold and (fold_norms := getattr(network, "fold_norms", None)):
        fold_norms()
    size, width = network.input_size, network.width
    return Encoder(name, network, input_size=size, width=width, weights_sha256=card["sha256"], made_by=__name__)


def pretrained_head(name: str, data: str, classes: Sequence[str]) -> Head | None:
    """The head that a natural encoder was trained with, where `data` and its classes are those of its training."""
    if not name.startswith("natural/") or data != "tinyimagenet100":
        return None
    card = model_card(name)
    if not card["recipe"]["epochs"] or card["data"]["classes"] != list(classes):
        return None
    weights = load_safetensors(_checked(name, card))
    return Head(weights["head.weight"].double(), weights["head.bias"].double())
