"""What the training of every shipped encoder writes down: its accuracies, its weights and its model card."""

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rt_utils.evaluation import apgd, attacks, interval_bounds
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.images.data_set import Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat, format_eps

CARD_THREAT = Threat("linf", 8 / 255)
CERTIFIED_RADII = (1 / 255, 2 / 255, 4 / 255, 8 / 255)
UNTRAINED = "none: PyTorch's initialisation, BatchNorm statistics from the data"


def versions() -> dict[str, str]:
    """Of what made the weights."""
    return {"python": platform.python_version(), "torch": torch.__version__.split("+")[0]}


def accuracies(model: nn.Module, test: Split, seed: int, threat: Threat = CARD_THREAT) -> dict[str, Any]:
    """Clean accuracy on held-out images, and robust accuracy under PGD-20 and then APGD on the cross-entropy."""
    model.requires_grad_(False).eval()
    x, y = test.pixels().contiguous(memory_format=torch.channels_last), test.required_labels()
    clean = model(x).argmax(1) == y
    (found,) = attacks.loss_pgd(model, x, y, threat, PGDSettings(seed=seed))
    pgd = clean & (model(found).argmax(1) == y)
    found = apgd.apgd(model, x, y, threat, loss="ce", seed=seed)
    both = pgd & (model(found).argmax(1) == y)
    return {
        "points": len(test),
        "threat": str(threat),
        "clean_accuracy": clean.double().mean().item(),
        "robust_accuracy_pgd20": pgd.double().mean().item(),
        "robust_accuracy_pgd20_and_apgd_ce": both.double().mean().item(),
        "head": "the linear layer it was pretrained with (not shipped)",
    }


def certified_accuracies(encoder: Encoder, head: Head, test: Split) -> dict[str, dict[str, float]]:
    """The shares of held-out images that are right and certified, by the radius (l_inf) and by the bounds' `WAYS`."""
    by_radius = {}
    for eps in CERTIFIED_RADII:
        box = interval_bounds.feature_box(encoder, test.images, eps)
        rows = interval_bounds.points(box, head, test.required_labels())
        by_radius[format_eps(eps)] = {way: float((rows.right & rows[way]).mean()) for way in interval_bounds.WAYS}
    return by_radius


def write_weights(name: str, raw: bytes, card: dict[str, Any], folder: Path) -> Path:
    """Write `name`.safetensors and `name`.json, each whole or not at all; the card gets the weights' SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    target, named = folder / f"{name}.safetensors", card | {"sha256": hashlib.sha256(raw).hexdigest()}
    for path, content in ((target, raw), (folder / f"{name}.json", json.dumps(named, indent=2).encode() + b"\n")):
        with whole_file(path) as partial:
            partial.write_bytes(content)
    return target
