"""What predicts which single images an attack flips: the score, the margin, both, and what needs no representation.

The shift comes from the attack on the representation alone and the flips from attacks on the loss alone, neither
started from the other: else m/S would be right by algebra wherever it is above 1.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import nn

from rt_utils.evaluation import attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.deepfool import deepfool_distance
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measure import measure
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.statistics import bootstrap_weights
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.devices import device, placed
from rt_utils.theory.threat import Norm, Threat

RADII = tuple(k / 255 for k in (*(0.125, 0.1875, 0.25, 0.375, 0.5, 0.75), *(1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32)))
L2 = 16  # times as much in l_2
BETWEEN = (0.2, 0.8)  # the share of images that shall be flipped
SHORT = 0.45  # of a short attack, since the longer ones flip more
TRIED = 64  # images on which a radius is chosen
# By the name that tables show: each grows with the danger.
PREDICTORS = ("S", "m", "m/S", "m/S_P", "softmax margin", "DeepFool")
RIVALS = ("m", "softmax margin", "DeepFool")  # of m/S: what needs no attack on the representation
Case = tuple[Encoder, Head, DataSet]


def plan(seed: int) -> AttackPlan:
    """Attacks by PGD, on the representation and on the loss, each from its own random start."""
    return AttackPlan(
        representation=PGDSettings(steps=20, seed=seed),
        loss=PGDSettings(steps=20, seed=seed + 1),
        margin=HalvingSettings.of_margin(1, 70, seed=seed + 2),
        predicted=PGDSettings(steps=20, seed=seed + 3),
        subspace=PGDSettings(steps=20, seed=seed + 4),
        floor_points=0,
        apgd_points=0,
    )


def classifier(encoder: Encoder, head: Head) -> nn.Module:
    """Images to logits, where attacks run."""
    return nn.Sequential(placed(encoder), head.module().to(device())).eval()


def chosen_radius(case: Case, norm: Norm, seed: int) -> float:
    """The radius of RADII at which a short attack flips nearest to SHORT of the first TRIED test images."""
    encoder, head, data = case
    model, x = classifier(encoder, head), data.test.pixels()[:TRIED].to(device())
    predicted = model(x).argmax(1)

    def flipped(eps: float) -> float:
        settings = PGDSettings(steps=10, seed=seed)
        lost = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for found in attacks.loss_pgd(model, x, predicted, Threat(norm, eps), settings):
            lost |= model(found).argmax(1) != predicted
        return float(lost.float().mean())

    radii = [(1 if norm == "linf" else L2) * radius for radius in RADII]
    low, high = 0, len(radii) - 1
    while high - low > 1:  # the share grows with the radius
        middle = (low + high) // 2
        low, high = (middle, high) if flipped(radii[middle]) < SHORT else (low, middle)
    return min((radii[low], radii[high]), key=lambda eps: abs(flipped(eps) - SHORT))


def predictors(m: Measurement, distance: Float[np.ndarray, " n"]) -> dict[str, Float[np.ndarray, " n"]]:
    """PREDICTORS at every point, each turned so that it should grow with the danger of being flipped.

    `distance`: DeepFool's. S is what the attack on the representation alone found, S_P what the one aimed at the head's
    own subspace did.
    """
    points = table(m)
    shift = np.maximum(points.shift_representation.to_numpy(), 1e-12)
    aimed = np.maximum(points.shift_subspace_aimed.to_numpy(), 1e-12)
    margin = points.margin_ratio.to_numpy()
    shares = torch.softmax(m.head.logits(torch.from_numpy(m.z).double()), 1).topk(2, dim=1).values
    values = (shift, -margin, -margin / shift, -margin / aimed, (shares[:, 1] - shares[:, 0]).numpy(), -distance)
    return dict(zip(PREDICTORS, values, strict=True))


def areas(
    values: Float[np.ndarray, " n"], flipped: Bool[np.ndarray, " n"], weights: Float[np.ndarray, "k n"]
) -> Float[np.ndarray, " k"]:
    """The area under the curve of `values` for being flipped, for k weightings of the points; NaN without both kinds.

    The probability that a flipped point has the larger value than one that is not, ties counted half.
    """
    yes, no = values[flipped], values[~flipped]
    above = (yes[:, None] > no[None]) + 0.5 * (yes[:, None] == no[None])
    a, b = weights[:, flipped], weights[:, ~flipped]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.einsum("kp,pq,kq->k", a, above, b, optimize=True) / (a.sum(1) * b.sum(1))


def of_case(
    m: Measurement, distance: Float[np.ndarray, " n"], samples: int, seed: int
) -> tuple[dict[str, float], Mapping[str, Float[np.ndarray, " k"]]]:
    """The areas of all PREDICTORS for being flipped by attacks on the loss, and the same in bootstrap samples."""
    if m.flipped_by_loss is None:
        raise ValueError("no attack on the loss ran")
    n, flipped = len(m.labels), m.flipped_by_loss
    weights = bootstrap_weights({"points": n}, samples, seed)["points"]
    values = predictors(m, distance)
    seen = {name: float(areas(of, flipped, np.full((1, n), 1 / n))[0]) for name, of in values.items()}
    return seen, {name: areas(of, flipped, weights) for name, of in values.items()}


def resamples(part: float) -> int:
    """How many bootstrap samples an interval with that part of the error needs: so that 50 lie beyond each end."""
    return math.ceil(100 / part)


def measured(cases: Sequence[Case], norm: Norm, seed: int, error: float, *, workers: int = 0) -> pd.DataFrame:
    """One row a case: radius, share flipped, the areas, and intervals of m/S minus each of RIVALS.

    Each interval, in columns "NAME low" and "NAME high", has its part of `error`; all of a case resample the same
    points. In a case that no radius of RADII brings between BETWEEN the areas are NaN.
    """
    rows, part = [], error / max(1, len(RIVALS) * len(cases))
    for encoder, head, data in cases:
        eps = chosen_radius((encoder, head, data), norm, seed)
        (m,) = measure([(encoder, head, data)], Threat(norm, eps), plan(seed), workers=workers)
        distance = deepfool_distance(classifier(encoder, head), data.test.pixels().to(device()), norm).numpy()
        seen, samples = of_case(m, distance, resamples(part), seed)
        share = float(m.flipped_by_loss.mean()) if m.flipped_by_loss is not None else np.nan
        row: dict[str, object] = {"encoder": encoder.name, "data": data.name, "eps": eps, "n": len(m.labels)}
        inside = BETWEEN[0] <= share <= BETWEEN[1]
        row |= {"flipped": share} | {name: area if inside else np.nan for name, area in seen.items()}
        for other in RIVALS:
            both = samples["m/S"] - samples[other] if inside else np.full(1, np.nan)
            ends = np.nanquantile(both, (part / 2, 1 - part / 2)) if inside else (np.nan, np.nan)
            row |= {f"{other} low": float(ends[0]), f"{other} high": float(ends[1])}
        rows.append(row)
    return pd.DataFrame(rows)
