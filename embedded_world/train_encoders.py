"""`make encoders`: train the embedded encoders from nothing, write their weights and their model cards."""

import argparse
import hashlib
import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from embedded_world.recipes import RECIPES, Recipe, train
from rt_utils import attacks, datasets
from rt_utils.attacks import PGDSettings
from rt_utils.encoders import WEIGHTS
from rt_utils.files import whole_file
from rt_utils.names import EMBEDDED
from rt_utils.radius import format_eps
from rt_utils.threat import Threat

CARD_EPS = 8 / 255
CARD_POINTS = 500


def accuracies(model: nn.Module, seed: int, points: int) -> dict[str, Any]:
    """Clean accuracy on held-out glyphs, and robust accuracy under PGD-20 and then APGD on the cross-entropy."""
    model.requires_grad_(False).eval()
    test = datasets.load("glyphs", size=32, n_train=1, n_test=points, seed=seed).test
    x, y = test.pixels().contiguous(memory_format=torch.channels_last), test.required_labels()
    threat = Threat("linf", CARD_EPS)
    clean = model(x).argmax(1) == y
    (found,) = attacks.loss_pgd(model, x, y, threat, PGDSettings(seed=seed))
    pgd = clean & (model(found).argmax(1) == y)
    found = attacks.apgd(model, x, y, threat, loss="ce", seed=seed)
    both = pgd & (model(found).argmax(1) == y)
    return {
        "points": points,
        "threat": str(threat),
        "clean_accuracy": clean.double().mean().item(),
        "robust_accuracy_pgd20": pgd.double().mean().item(),
        "robust_accuracy_pgd20_and_apgd_ce": both.double().mean().item(),
        "head": "the linear layer it was pretrained with (not shipped)",
    }


def write_encoder(name: str, recipe: Recipe, folder: Path, *, points: int = CARD_POINTS, progress: bool = True) -> Path:
    """Train one encoder and write `name`.safetensors and `name`.json to `folder`; the card names the weights' hash."""
    start = time.perf_counter()
    encoder, head = train(recipe, progress=progress)
    seconds = time.perf_counter() - start
    raw = save_safetensors({key: value.contiguous() for key, value in encoder.state_dict().items()})
    adversarial = f"adversarial training, {recipe.attack_steps} PGD steps, l_inf eps {format_eps(recipe.eps)}"
    card = {
        "name": f"embedded/{name}",
        "architecture": f"SmallResNet({recipe.width}): {sum(p.numel() for p in encoder.parameters())} parameters, "
        f"{encoder.width} features, 32x32 RGB in [0, 1]",
        "data": f"{recipe.images} glyphs of 36 classes, drawn by embedded_world.glyphs, stream 0, seed {recipe.seed}",
        "training": "none: PyTorch's initialisation, BatchNorm statistics from the data"
        if recipe.epochs == 0
        else adversarial
        if recipe.eps
        else "standard",
        "recipe": recipe.as_dict(),
        "measured": accuracies(nn.Sequential(encoder, head), recipe.seed, points),
        "training_seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__.split("+")[0]},
        "sha256": hashlib.sha256(raw).hexdigest(),
        "licence": "MIT",
    }
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.safetensors"
    for path, content in ((target, raw), (folder / f"{name}.json", json.dumps(card, indent=2).encode() + b"\n")):
        with whole_file(path) as partial:
            partial.write_bytes(content)
    return target


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the encoders that are named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(EMBEDDED), help=f"which of: {', '.join(EMBEDDED)}")
    parser.add_argument("--folder", type=Path, default=Path(str(WEIGHTS)), help="where the weights and cards go")
    chosen = parser.parse_args(arguments)
    if odd := set(chosen.names) - set(EMBEDDED):
        parser.error(f"unknown encoder {sorted(odd)[0]!r}: use {', '.join(EMBEDDED)}")
    for name in chosen.names:
        print(f"wrote {write_encoder(name, RECIPES[name], chosen.folder)}")


if __name__ == "__main__":
    main()
