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
from rt_utils.images.drawn import glyphs, letters, sprites
from rt_utils.models.catalogue import EMBEDDED
from rt_utils.models.frozen_encoder import frozen
from rt_utils.models.head import Head
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.runtime.paths import SHIPPED
from rt_utils.theory.threat import format_eps
from rt_utils.training.cards import CARD_THREAT, UNTRAINED, accuracies, certified_accuracies, versions, write_weights
from rt_utils.training.certified_recipe import CertifiedTraining
from rt_utils.training.embedded_recipes import RECIPES, Recipe, SpritesRecipe
from rt_utils.training.recipe import AdversarialTraining, Training, train

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


def describe(encoder: nn.Module, recipe: Training) -> dict[str, str]:
    """What a model card says in words: architecture, data, training."""
    parameters = sum(p.numel() for p in encoder.parameters())
    width, size = (getattr(encoder, name) for name in ("width", "input_size"))
    what = f"{parameters} parameters, {width} features, {size}x{size}"
    radius, drawn, by = format_eps(recipe.threat.eps), f"stream 0, seed {recipe.seed}", "drawn by images.drawn"
    if isinstance(recipe, CertifiedTraining):
        return {
            "architecture": f"{recipe.network}: {what} RGB in [0, 1]",
            "data": f"{recipe.images} letters of {len(letters.CLASSES)} classes, {by}.letters, {drawn}; no numeral",
            "training": f"interval bounds, Theorem 2's margin the worst case, l_inf eps {radius}",
        }
    assert isinstance(recipe, AdversarialTraining)
    adversarial = f"adversarial training, {recipe.attack_steps} PGD steps, l_inf eps {radius}"
    training = {"training": UNTRAINED if recipe.epochs == 0 else adversarial if recipe.threat.eps else "standard"}
    if isinstance(recipe, Recipe):
        architecture = f"SmallResNet({recipe.width}): {what} RGB in [0, 1]"
        data = f"{recipe.images} glyphs of {len(glyphs.CLASSES)} classes, {by}.glyphs, {drawn}"
    else:
        architecture = f"RegressionNetwork: {what} grey in [0, 1]"
        data = f"{recipe.images} sprites, {by}.sprites, {drawn}; target: orientation"
    return {"architecture": architecture, "data": data} | training


def measure(encoder: nn.Module, head: nn.Linear, recipe: Training, points: int) -> dict[str, Any]:
    """What a model card says in numbers, on held-out images of the pretraining's kind."""
    model = nn.Sequential(encoder, head)
    if isinstance(recipe, SpritesRecipe):
        return errors(model, recipe.seed, points)
    name = "letters" if isinstance(recipe, CertifiedTraining) else "glyphs"
    size = getattr(encoder, "input_size", glyphs.SIZE)
    test = load_data_set(name, size=size, n_train=1, n_test=points, seed=recipe.seed).test
    measured = accuracies(model, test, recipe.seed)
    if isinstance(recipe, CertifiedTraining):
        bounded = frozen(name, encoder, input_size=size, width=head.in_features)
        measured["certified"] = certified_accuracies(bounded, Head.of(head), test)
    return measured


def write_trained(
    name: str, recipe: Training, encoder: nn.Module, head: nn.Linear, seconds: float, folder: Path, points: int
) -> Path:
    """Write `name`.safetensors and `name`.json to `folder`; the card names the weights' hash."""
    raw = save_safetensors({key: value.contiguous() for key, value in encoder.state_dict().items()})
    card = {
        "name": f"embedded/{name}",
        **describe(encoder, recipe),
        "recipe": recipe.as_dict(),
        "measured": measure(encoder, head, recipe, points),
        "training_seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "licence": "MIT",
    }
    return write_weights(name, raw, card, folder)


def write_encoder(
    name: str, recipe: Training, folder: Path, *, points: int = CARD_POINTS, progress: bool = True
) -> Path:
    """Train one encoder and write its weights and its card."""
    start = time.perf_counter()
    encoder, head = train(recipe, progress=progress)
    return write_trained(name, recipe, encoder, head, time.perf_counter() - start, folder, points)


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
