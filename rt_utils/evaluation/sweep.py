"""One encoder and the same images at growing radii."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.attacks import PGDSettings, representation_pgd
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime import processes
from rt_utils.runtime.cache import Entry
from rt_utils.theory import statements
from rt_utils.theory.perturbations import allowed
from rt_utils.theory.threat import MAX_EPS, Norm, Threat

MULTIPLES = (0, 1 / 8, 1 / 4, 1 / 2, 1, 3 / 2, 2)  # of a page's radius, in its sweep


def largest_shifts(
    encoder: Encoder, x: Float[Tensor, "n 3 h w"], norm: Norm, radii: Sequence[float], settings: PGDSettings
) -> Float[np.ndarray, "n k"]:
    """The largest shift found at each image with each of the k radii, in feature units; pixels in [0, 1].

    A larger ball contains the smaller one, so what a smaller one allowed counts for it too. Radii beyond the norm's
    largest count as that. Kept in the cache.
    """
    key = (encoder.name, encoder.weights_sha256, joblib.hash(x.numpy()), norm, tuple(radii), repr(settings))
    entry = Entry("sweeps", key, encoder.code | {__name__})
    # In one thread: so few images only get slower on several, and very slow beside other work.
    found: np.ndarray = processes.kept(entry, _largest_shifts, encoder, x, norm, radii, settings)
    return found


def _largest_shifts(
    encoder: Encoder, x: Float[Tensor, "n 3 h w"], norm: Norm, radii: Sequence[float], settings: PGDSettings
) -> Float[np.ndarray, "n k"]:
    clean = encoder.features(x).double()
    largest, columns = torch.zeros(len(x), dtype=torch.float64), []
    for radius in radii:
        threat = Threat(norm, min(radius, MAX_EPS[norm]))
        for found in representation_pgd(encoder, x, threat, settings):
            largest = torch.maximum(largest, statements.shift(clean, encoder.features(found).double()))
        columns.append(largest)
    return torch.stack(columns, dim=1).numpy()


def radii_around(radius: float, norm: Norm) -> list[float]:
    """MULTIPLES of `radius`, none above the norm's largest, ascending from 0."""
    return sorted({min(multiple * radius, MAX_EPS[norm]) for multiple in MULTIPLES})


class _Best:
    """The largest shift found so far at each image, and the perturbation that gave it."""

    def __init__(self, encoder: Encoder, x: Float[Tensor, "n 3 h w"]) -> None:
        self.encoder, self.x, self.clean = encoder, x, encoder.features(x).double()
        self.shifts, self.delta = torch.zeros(len(x), dtype=torch.float64), torch.zeros_like(x)

    def add(self, ball: Threat, found: Float[Tensor, "n 3 h w"]) -> None:
        if not allowed(ball, self.x, found).all():
            raise RuntimeError(f"an image of the sweep lies outside {ball}")
        shifts = statements.shift(self.clean, self.encoder.features(found).double())
        further = shifts > self.shifts
        self.shifts[further], self.delta[further] = shifts[further], (found - self.x)[further]


def traced_shifts(
    encoder: Encoder, x: Float[Tensor, "n 3 h w"], norm: Norm, radii: Sequence[float], seed: int
) -> Float[np.ndarray, "n k"]:
    """The largest shift found at each image with each of the k radii, which ascend from 0; pixels in [0, 1].

    At each radius the search starts from what it found at the radius before, stretched to the new ball, and from two
    random corners; then it refines the best. What a smaller ball allows a larger one allows too, so no curve falls.
    """
    best = _Best(encoder, x)
    columns = [best.shifts.clone()]
    corners = PGDSettings(steps=8, restarts=2, seed=seed)
    refined = PGDSettings(steps=24, rel_stepsize=2.0, seed=seed)
    for before, radius in pairwise(radii):
        ball = Threat(norm, radius)
        if before:
            best.add(ball, (x + radius / before * best.delta).clamp(0, 1))
        for found in representation_pgd(encoder, x, ball, corners):
            best.add(ball, found)
        for found in representation_pgd(encoder, x, ball, refined, start=x + best.delta):
            best.add(ball, found)
        columns.append(best.shifts.clone())
    return torch.stack(columns, dim=1).numpy()


def bands(curves: Mapping[tuple[str, str], Float[np.ndarray, "_n k"]], radii: Sequence[float]) -> pd.DataFrame:
    """Per encoder, data set and radius `eps` the mean shift, and its quartiles, low and high, over the n points."""
    return pd.concat(
        [
            pd.DataFrame({"encoder": encoder, "data": data, "eps": radii, "mean": curve.mean(0)}).assign(
                low=np.percentile(curve, 25, axis=0), high=np.percentile(curve, 75, axis=0)
            )
            for (encoder, data), curve in curves.items()
        ],
        ignore_index=True,
    )


def traced(
    cases: Sequence[tuple[Encoder, DataSet]],
    norm: Norm,
    radii: Sequence[float],
    points: int,
    seed: int,
    *,
    workers: int = 0,
) -> dict[tuple[str, str], Float[np.ndarray, "_n k"]]:
    """`traced_shifts` of the first test points of every case, by encoder and data set; kept in the cache."""
    tasks: list[processes.Task] = []
    for encoder, data in cases:
        key = (encoder.name, data.name, encoder.weights_sha256, data.fingerprint, norm, tuple(radii), points, seed)
        x = data.test.pixels()[:points].clone()
        tasks.append((Entry("sweeps", key, encoder.code | {__name__}), traced_shifts, (encoder, x, norm, radii, seed)))
    values = processes.compute(tasks, workers)
    return {(encoder.name, data.name): value for (encoder, data), value in zip(cases, values, strict=True)}
