"""`make encoders`: train the embedded encoders from nothing, write their weights and their model cards."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from rt_utils.evaluation import attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.drawn import sprites
from rt_utils.models.catalogue import EMBEDDED
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.networks.small_resnet import SmallResNet
from rt_utils.runtime.paths import SHIPPED
from rt_utils.theory.threat import format_eps
from rt_utils.training.cards import CARD_THREAT, UNTRAINED, accuracies, versions, write_weights
from rt_utils.training.embedded_recipes import RECIPES, Recipe, Training, train

CARD_POINTS = 500


def errors(model: nn.Module, seed: int, points: int) -> dict[str, Any]:
    """Squared errors on held-out sprites: clean, and the largest that PGD finds, with the attack that found it."""
    model.requires_grad_(False).eval()
    test = load_data_set("sprites", size=RegressionNetwork.input_size, n_train=1, n_test=points, seed=seed).test
    assert test.factors is not None
    x, y = test.pixels()[:, :1], test.factors[:, [sprites.FACTORS.index("orientation")]]
    settings = PGDSettings(steps=20, restarts=2, seed=seed)
    squares = [(model(x) - y).square()]
    for part in attacks.loss_pgd(model, x, y, CARD_THREAT, settings, lambda f, t: (f - t).abs()[:, 0]):
        squares.append((model(part) - y).square())
    return {
        "points": points,
        "threat": str(CARD_THREAT),
        "task": "orientation in [0, 1]",
        "clean_squared_error": squares[0].mean().item(),
        "adversarial_squared_error_pgd20": torch.stack(squares).amax(0).mean().item(),
        "variance_of_the_target": y.var(correction=0).item(),
        "head": "the linear layer it was pretrained with (not shipped)",
    }


def describe(encoder: nn.Module, recipe: Training) -> tuple[str, str]:
    """The architecture and the data of a model card."""
    parameters = sum(p.numel() for p in encoder.parameters())
    if isinstance(recipe, Recipe):
        return (
            f"SmallResNet({recipe.width}): {parameters} parameters, {4 * recipe.width} features, 32x32 RGB in [0, 1]",
            f"{recipe.images} glyphs of 36 classes, drawn by images.drawn.glyphs, stream 0, seed {recipe.seed}",
        )
    width, size = RegressionNetwork.width, RegressionNetwork.input_size
    return (
        f"RegressionNetwork: {parameters} parameters, {width} features, {size}x{size} grey in [0, 1]",
        f"{recipe.images} sprites, drawn by images.drawn.sprites, stream 0, seed {recipe.seed}; target: orientation",
    )


def write_encoder(
    name: str, recipe: Training, folder: Path, *, points: int = CARD_POINTS, progress: bool = True
) -> Path:
    """Train one encoder and write `name`.safetensors and `name`.json to `folder`; the card names the weights' hash."""
    start = time.perf_counter()
    encoder, head = train(recipe, progress=progress)
    seconds = time.perf_counter() - start
    raw = save_safetensors({key: value.contiguous() for key, value in encoder.state_dict().items()})
    adversarial = f"adversarial training, {recipe.attack_steps} PGD steps, l_inf eps {format_eps(recipe.eps)}"
    architecture, data = describe(encoder, recipe)
    model = nn.Sequential(encoder, head)
    if isinstance(recipe, Recipe):
        test = load_data_set("glyphs", size=SmallResNet.input_size, n_train=1, n_test=points, seed=recipe.seed).test
        measured = accuracies(model, test, recipe.seed)
    else:
        measured = errors(model, recipe.seed, points)
    card = {
        "name": f"embedded/{name}",
        "architecture": architecture,
        "data": data,
        "training": UNTRAINED if recipe.epochs == 0 else adversarial if recipe.eps else "standard",
        "recipe": recipe.as_dict(),
        "measured": measured,
        "training_seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "licence": "MIT",
    }
    return write_weights(name, raw, card, folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the encoders that are named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(EMBEDDED), help=f"which of: {', '.join(EMBEDDED)}")
    parser.add_argument("--folder", type=Path, default=SHIPPED / "embedded", help="where the weights and cards go")
    chosen = parser.parse_args(arguments)
    if odd := set(chosen.names) - set(EMBEDDED):
        parser.error(f"unknown encoder {sorted(odd)[0]!r}: use {', '.join(EMBEDDED)}")
    for name in chosen.names:
        print(f"wrote {write_encoder(name, RECIPES[name], chosen.folder)}")


if __name__ == "__main__":
    main()
