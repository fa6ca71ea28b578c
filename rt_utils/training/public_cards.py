"""What the cards of public networks say of their accuracy: by their own heads, clean and attacked, measured here.

`python -m rt_utils.training.public_cards` measures those whose files and images are there, and writes their cards.
"""

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from rt_utils.images.catalogue import load_data_set
from rt_utils.models import public, public_files
from rt_utils.models.catalogue import load_encoder
from rt_utils.runtime import paths
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat, format_eps
from rt_utils.training.cards import accuracies

EVERYTHING = 10_000
IMAGES = {"CIFAR-10": ("cifar10-jpeg", "CIFAR-10 (JPEG)"), "Fashion-MNIST": ("fashion-mnist", "Fashion-MNIST")}


def measured(name: str, radii: Sequence[float], points: int) -> dict[str, Any]:
    """Clean accuracy of the own head on all test images; at each l_inf radius that of `points` of them, attacked."""
    data, shown = IMAGES[public_files.card(name)["data"]]
    encoder, head = load_encoder(name), public.own_head(name)
    test = load_data_set(data, size=encoder.input_size, n_train=10, n_test=EVERYTHING).test
    right = head.logits(encoder.features(test.images)).argmax(1) == test.required_labels()
    some = load_data_set(data, size=encoder.input_size, n_train=10, n_test=points).test
    model = nn.Sequential(encoder, head.module())
    attacked = {format_eps(eps): accuracies(model, some, 0, Threat("linf", eps)) for eps in radii}
    for found in attacked.values():
        found["head"] = "its own"
    return {
        "images": shown,
        "all_points": len(test),
        "clean_accuracy_on_all": right.double().mean().item(),
        "attacked": attacked,
    }


def main() -> None:
    """Measure every classifier whose file is there: ResNet-20 on fewer images, since it takes fifty times as long."""
    torch.set_num_threads(1)
    for name in public_files.NAMES:
        card = public_files.card(name)
        if card["data"] not in IMAGES or not public_files.place(name).is_file():
            continue
        radii = (8 / 255, 0.1) if card["data"] == "Fashion-MNIST" else (2 / 255, 8 / 255)
        card["measured"] = measured(name, radii, 200 if "resnet20" in name else 1000)
        with whole_file(paths.SHIPPED / f"{name}.json") as partial:
            partial.write_text(json.dumps(card, indent=2) + "\n", "utf-8")
        print(name, card["measured"]["clean_accuracy_on_all"], flush=True)


if __name__ == "__main__":
    main()
