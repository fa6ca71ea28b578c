"""Can an attack on the representation be believed? Signs of masked gradients, and searches that must not beat it.

In the spirit of Carlini et al. (2019) and Tramer et al. (2020), adapted to feature shifts. Passed checks are no proof
that the gradient is good; failed ones are reason enough not to use the score.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation import floor
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime.errors import InputError
from rt_utils.theory import perturbations, statements
from rt_utils.theory.threat import MAX_EPS, Threat

NOISE = 8  # random perturbations for each image
CHECKS = {  # what is computed, and what is asked of it (at most)
    "zero": ("share of pixels whose gradient is exactly 0", 0.5),
    "twice": ("relative difference between two evaluations of the same images", 1e-5),
    "noise": ("share of images that random noise moves at least as far as the attack", 0.0),
    "single": ("share of the AS score that a single step adds", floor.SHARE),
    "strong": ("share of the AS score that more steps and restarts add", floor.SHARE),
    "fall": ("largest fall of the AS score found from one radius to the next", floor.SHARE),
    "blind": ("share of images that noise or a step towards another image moves further, at the largest radius", 0.0),
}

Case = tuple[Encoder, DataSet, Threat, AttackPlan]
Found = tuple[
    Float[np.ndarray, "n r"], dict[str, Float[np.ndarray, " n"]]
]  # what `measure.label_free` gives for a case


def radii(threat: Threat) -> Float[np.ndarray, " k"]:
    """Five radii from the threat's to the norm's largest, or that alone."""
    largest = MAX_EPS[threat.norm]
    return np.geomspace(threat.eps, largest, 5) if threat.eps < largest else np.array([threat.eps])


def searches(encoder: Encoder, data: DataSet, threat: Threat, plan: AttackPlan, k: int, seed: int) -> list[Case]:
    """What is searched: the attack, random noise, one step, and the attack anew at each larger radius.

    The last two on the first k images. For `measure.label_free`, whose answer `examine` takes.
    """
    bare = replace(plan, floor_points=0, apgd_points=0)
    noise = replace(bare, representation=PGDSettings(steps=0, restarts=NOISE, seed=seed + 400))
    single = PGDSettings(steps=1, rel_stepsize=2, decay=False, seed=seed + 500)
    some = data.first(k)
    larger = [(encoder, some, Threat(threat.norm, float(radius)), bare) for radius in radii(threat)[1:]]
    one_step = (encoder, some, threat, replace(bare, representation=single))
    return [(encoder, data, threat, plan), (encoder, data, threat, noise), one_step, *larger]


def gradient(encoder: Encoder, x: Float[Tensor, "n 3 h w"], threat: Threat, seed: int) -> tuple[float, float]:
    """Share of pixels whose gradient is exactly 0 at a random perturbation; relative difference of two evaluations.

    Raises InputError where features or gradients are not finite.
    """
    generator = torch.Generator().manual_seed(seed + 600)
    start = perturbations.random_start(threat, x, generator).clamp(0, 1).requires_grad_()
    z, again = encoder.features(x), encoder.features(x)
    if not z.isfinite().all():
        bad = int((~z.isfinite()).any(1).sum())
        raise InputError(f"{encoder.name} gives features that are not finite at {bad} of {len(x)} images")
    (encoder(start) - z).norm(dim=1).sum().backward()
    slope = start.grad
    assert slope is not None
    if bad := int((~slope.isfinite()).flatten(1).any(1).sum()):
        raise InputError(
            f"the gradient of {encoder.name} is not finite at {bad} of {len(x)} images: no attack can follow it"
        )
    twice = (again - z).norm() / z.norm().clamp(min=1e-12)
    return (slope == 0).double().mean().item(), twice.item()


def blind(encoder: Encoder, x: Float[Tensor, "n 3 h w"], threat: Threat, seed: int) -> Float[np.ndarray, " n"]:
    """The largest shift within `threat` by a step towards another of the images, or by noise: without gradients."""
    z, reached, generator = encoder.features(x).double(), [], torch.Generator().manual_seed(seed + 700)
    for image, here in zip(x, z, strict=True):
        step = x - image
        share = (threat.eps / perturbations.size(threat, step).clamp(min=1e-12)).clamp(max=1)
        noise = perturbations.random_start(threat, image.expand(NOISE, -1, -1, -1), generator).clamp(0, 1)
        tried = torch.cat([image + step * share[:, None, None, None], noise])
        reached.append(statements.shift(here[None], encoder.features(tried).double()).max().item())
    return np.array(reached)


def added(rival: Float[np.ndarray, " n"], attack: Float[np.ndarray, " n"]) -> float:
    """The share of the attack's mean that the better of both adds; 1 where only the rival found anything."""
    return float(np.maximum(rival, attack).mean() / attack.mean() - 1) if attack.any() else float(rival.any())


def verdict(n: int, found: float, at_most: float) -> str:
    """'passes', 'fails', or 'not checked' where there was nothing to compare."""
    if n == 0 or math.isnan(found):
        return "not checked"
    return "passes" if found <= at_most else "fails"


def examine(
    slopes: tuple[float, float], unguided: Float[np.ndarray, " k"], found: Sequence[Found]
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The CHECKS, one row each, and the largest shifts by kind of search, of what `searches` lists.

    `slopes` from `gradient`, `unguided` from `blind`, on the first k images. Kinds: attack, strong, paper, noise and
    single with one value an image, NaN where they did not run; ladder, of shape (radii, k); blind.
    """
    k, by_kind = len(unguided), found[0][1]
    none = np.full(len(found[0][0]), np.nan)
    attack, strong = by_kind["representation"], by_kind.get("floor", none)
    shifts = {"attack": attack, "strong": strong, "paper": by_kind.get("paper", none)}
    shifts |= {"noise": found[1][1]["representation"], "single": np.r_[found[2][1]["representation"], none[k:]]}
    deep = ~np.isnan(strong)
    ladder = np.array([attack[:k], *(part[1]["representation"] for part in found[3:])])
    means = ladder.mean(1)
    values = {
        "zero": (k, slopes[0]),
        "twice": (k, slopes[1]),
        "noise": (len(attack), float((shifts["noise"] >= attack).mean())),
        "single": (k, added(shifts["single"][:k], attack[:k])),
        "strong": (int(deep.sum()), added(strong[deep], attack[deep]) if deep.any() else math.nan),
        "fall": (k if len(means) > 1 else 0, float(np.max(1 - means[1:] / np.maximum(means[:-1], 1e-12), initial=0.0))),
        "blind": (k, float((unguided > ladder[-1] * (1 + 1e-6)).mean())),
    }
    rows = [
        {"key": key, "check": text, "n": n, "found": value, "at most": asked, "verdict": verdict(n, value, asked)}
        for (key, (text, asked)), (n, value) in zip(CHECKS.items(), values.values(), strict=True)
    ]
    return pd.DataFrame(rows), shifts | {"ladder": ladder, "blind": unguided}
