"""Two-layer networks on sparse codes, pretrained clean and against an adversary, then probed on a new task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.code_probe import floor, probed
from rt_utils.evaluation.code_tables import ADVERSARIES, KINDS
from rt_utils.evaluation.sparse_codes import purity, radii
from rt_utils.runtime import processes
from rt_utils.runtime.cache import Entry
from rt_utils.training.code_pretraining import Purities, Recipe, pretrain, pretrain_together

RECIPES = [Recipe(*rest) for rest in product(KINDS, ADVERSARIES)]
RECIPES += [Recipe("eight tasks", adversary, "hard") for adversary in ADVERSARIES]
BY_CONTRAST = Recipe("contrastive", "clean")
CONTROL, ALONE = "hard threshold", "noise 0.2"  # purified by an adversary, and without one
SWEEP = {  # contrastive pretrainings, each at a third of the page's steps
    "as above": BY_CONTRAST,
    "temperature 0.05": replace(BY_CONTRAST, temperature=0.05),
    "temperature 1": replace(BY_CONTRAST, temperature=1.0),
    "second view: one feature": replace(BY_CONTRAST, one_feature=True),
    "noise 0.1": replace(BY_CONTRAST, noise=0.1),
    ALONE: replace(BY_CONTRAST, noise=0.2),
    CONTROL: replace(BY_CONTRAST, activation="hard"),
}
TURNED = {  # clean or against the l_2 adversary, which no rotation changes
    "eight tasks": Recipe("eight tasks", "clean"),
    "eight tasks, ℓ2": Recipe("eight tasks", "l2"),
    "contrastive, noise 0.2": SWEEP[ALONE],
}
SWEPT_POINTS = 60  # inputs that are attacked after a pretraining of the sweep


@dataclass(frozen=True)
class Simulation:
    """`runs`: one row a pretraining and seed; `floor`: the attacks of the first seed against a longer search.

    `purities`: of every node over the pretraining, by kind and adversary; the first seed, the soft threshold.
    """

    runs: pd.DataFrame
    floor: pd.DataFrame
    purities: Mapping[tuple[str, str], Purities]


def _seeds(seed: int, n_seeds: int) -> list[int]:
    return [1000 * seed + k for k in range(n_seeds)]


def _kept(function: Callable[..., Any], *arguments: float) -> Any:
    """From the cache, or computed in one thread: matrices this small only get slower on several."""
    entry = Entry("sparse codes", (function.__name__, *arguments), frozenset({__name__}))
    return processes.kept(entry, function, *arguments)


def _simulate(
    eps: float, threshold: float, steps: int, n_test: int, n_seeds: int, seed: int, checked: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[tuple[str, str], dict[int, np.ndarray]]]:
    rows, floor_rows, along = [], [], {}
    seeds = _seeds(seed, n_seeds)
    for recipe in RECIPES:
        trained = pretrain_together(recipe, eps=eps, threshold=threshold, steps=steps, seeds=seeds)
        for k, (nodes, seen) in enumerate(trained):
            row, found = probed(nodes, radii(eps), n_test, seeds[k] + 500)
            place = {"threshold": recipe.activation, "pretraining": recipe.kind, "adversary": recipe.adversary}
            rows.append({**place, "seed": k, **row})
            if k == 0:
                floor_rows += [place | its for its in floor(nodes, radii(eps), n_test, seeds[k] + 500, found, checked)]
                if recipe.activation == "soft":
                    along[recipe.kind, recipe.adversary] = {step: values.numpy() for step, values in seen.items()}
    return rows, floor_rows, along


def simulate(
    *, eps: float, threshold: float, steps: int, n_test: int, n_seeds: int, seed: int, checked: int
) -> Simulation:
    """Every pretraining of RECIPES with `n_seeds` seeds, each with a clean probe of a new task under attack.

    eps in units of the code; `checked`: on how many inputs a longer search checks the attacks.
    """
    rows, floor_rows, along = _kept(_simulate, eps, threshold, steps, n_test, n_seeds, seed, checked)
    purities = {place: {k: torch.from_numpy(v) for k, v in seen.items()} for place, seen in along.items()}
    return Simulation(pd.DataFrame(rows), pd.DataFrame(floor_rows), purities)


def _sweep(eps: float, threshold: float, steps: int, n_test: int, n_seeds: int, seed: int) -> list[dict[str, Any]]:
    rows, seeds = [], _seeds(seed, n_seeds)
    for (name, recipe), adversary in product(SWEEP.items(), ADVERSARIES[::2]):
        one = replace(recipe, adversary=adversary)
        each = pretrain_together(one, eps=eps, threshold=threshold, steps=steps, seeds=seeds)
        for k, (nodes, _) in enumerate(each):
            row, _ = probed(nodes, radii(eps), min(SWEPT_POINTS, n_test), seeds[k] + 500)
            rows.append({"contrastive": name, "adversary": adversary, "seed": k, **row})
    return rows


def sweep(*, eps: float, threshold: float, steps: int, n_test: int, n_seeds: int, seed: int) -> pd.DataFrame:
    """The contrastive pretrainings of SWEEP, clean and against the l_inf adversary: one row each and seed."""
    return pd.DataFrame(_kept(_sweep, eps, threshold, steps, n_test, n_seeds, seed))


def _turned(eps: float, threshold: float, steps: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    for name, recipe in TURNED.items():
        both = {
            how: pretrain(
                replace(recipe, rotated=how == "rotated"), eps=eps, threshold=threshold, steps=steps, seed=1000 * seed
            )
            for how in ("axes", "rotated")
        }
        medians = {how: purity(nodes.weight).median().item() for how, (nodes, _) in both.items()}
        rows.append({"pretraining": name, **medians})
    return rows


def turned(*, eps: float, threshold: float, steps: int, seed: int) -> pd.DataFrame:
    """Median purity after the pretrainings TURNED, with features along the axes and with rotated ones.

    Adam treats the axes as special; whether purity comes from that alone shows here.
    """
    return pd.DataFrame(_kept(_turned, eps, threshold, steps, seed))


def nested(purities: Mapping[tuple[str, str], Purities]) -> dict[str, dict[str, dict[str, Float[Tensor, " k"]]]]:
    """Purities by kind, adversary and step, as a figure takes them."""
    found: dict[str, dict[str, dict[str, Tensor]]] = {}
    for (kind, adversary), seen in purities.items():
        found.setdefault(kind, {})[adversary] = {str(step): values for step, values in seen.items()}
    return found
