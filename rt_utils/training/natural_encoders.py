"""`make natural-encoders DATA=folder`: train the natural encoders, write their weights and their model cards.

The folder has `train` and `val` (or `test`), each with one sub-folder a class. A training that is stopped goes on where
its last epoch ended, when the same command is given again.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.paths import SHIPPED
from rt_utils.theory.threat import format_eps
from rt_utils.training.cards import UNTRAINED, accuracies, versions, write_weights
from rt_utils.training.natural_recipes import RECIPES, Recipe
from rt_utils.training.natural_training import train

CARD_POINTS = 1000
EVERYTHING = 10**6  # no folder of small images holds more


def halves(module: nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    """The weights as they are shipped: numbers in half precision."""
    return {
        prefix + key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in module.state_dict().items()
    }


Log = Sequence[dict[str, float]]


def stages(name: str, recipe: Recipe) -> list[tuple[str, Recipe]]:
    """The recipes that lead to an encoder, by name, the one that it starts from first."""
    before = stages(recipe.start, RECIPES[recipe.start]) if recipe.start else []
    return [*before, (name, recipe)]


def _training(recipe: Recipe) -> str:
    if recipe.epochs == 0:
        return UNTRAINED
    if recipe.threat.eps == 0:
        return "standard"
    before = f"after {recipe.start}, " if recipe.start else ""
    steps = f"{recipe.attack_steps} step{'s' * (recipe.attack_steps > 1)} of {recipe.attack_stepsize:g} eps"
    return f"{before}adversarial, {steps} from a random start, l_inf eps {format_eps(recipe.threat.eps)}"


def card(name: str, recipe: Recipe, data: DataSet, described: str, logs: Sequence[Log]) -> dict[str, Any]:
    """What is known of an encoder without its weights; `logs`: of every stage of its training."""
    trained = [(stage, its, log) for (stage, its), log in zip(stages(name, recipe), logs, strict=True)]
    return {
        "name": f"natural/{name}",
        "architecture": recipe.network,
        "data": {
            "what": described,
            "images": len(data.train),
            "fingerprint": data.fingerprint,
            "classes": list(data.classes),
        },
        "training": _training(recipe),
        "recipe": recipe.as_dict(),
        "stages": [
            {
                "name": stage,
                "training": _training(its),
                "recipe": its.as_dict(),
                "log": [{key: round(value, 4) for key, value in line.items()} for line in log],
            }
            for stage, its, log in trained
        ],
        "training_seconds": round(sum(line["seconds"] for log in logs for line in log)),
        "hardware": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} of {os.cpu_count()} cores",
        "versions": versions(),
        "licence": "MIT (the weights; the images are not shipped)",
    }


def write_encoder(
    name: str,
    recipe: Recipe,
    data: DataSet,
    described: str,
    folder: Path,
    *,
    minutes: float = float("inf"),
    points: int = CARD_POINTS,
    progress: bool = True,
) -> Path | None:
    """Train one encoder and write `name`.safetensors and `name`.json to `folder`; None where `minutes` ended it.

    With the encoder goes the head that it was trained with (head.weight, head.bias). The accuracies of the card are
    those of the weights as they are shipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts, model, logs = (data.train, data.test), None, []
    for stage, its in stages(name, recipe):
        state = folder / f"{stage}.state.pt"
        done = train(its, parts, len(data.classes), state, start=model, minutes=minutes, progress=progress)
        if done is None:
            return None
        model, log = done
        logs.append(log)
    assert model is not None  # there is always a last stage
    encoder, head = model.cpu()
    raw = save_safetensors(halves(encoder) | halves(head, "head."))
    model.half().float()
    content = card(name, recipe, data, described, logs)
    head_is = "the linear layer it was pretrained with, shipped beside it"
    content["measured"] = accuracies(model, data.first(points).test, recipe.seed) | {"head": head_is}
    return write_weights(name, raw, content, folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the encoders that are named. Exits with 3 where a training has to go on in another call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["robust", "standard", "random"], help=f"of: {', '.join(RECIPES)}")
    parser.add_argument("--data", required=True, help="the folder of images")
    parser.add_argument("--described", help="what they are, for the model card (default: the folder's name)")
    parser.add_argument("--folder", type=Path, default=SHIPPED / "natural", help="where the weights and cards go")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no epoch after so many minutes")
    chosen = parser.parse_args(arguments)
    if odd := set(chosen.names) - set(RECIPES):
        parser.error(f"unknown encoder {sorted(odd)[0]!r}: use {', '.join(RECIPES)}")
    try:
        described = chosen.described or f"the images in the folder {Path(chosen.data).name!r}"
        data = load_data_set(f"folder:{chosen.data}", size=32, n_train=EVERYTHING, n_test=EVERYTHING)
        for name in chosen.names:
            done = write_encoder(name, RECIPES[name], data, described, chosen.folder, minutes=chosen.minutes)
            if done is None:
                print(f"{name} is not finished: give the same command again")
                sys.exit(3)
            print(f"wrote {done}")
    except InputError as error:
        sys.exit(f"pretrain: {error}")


if __name__ == "__main__":
    main()
