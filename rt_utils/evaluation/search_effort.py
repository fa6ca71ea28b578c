"""What a search finds at the same images with more steps and more starts: each effort keeps what the ones before found.

The steps are the paper's: PGD on the representation with a constant step of 0.7 eps, from random starts.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.attacks import PGDSettings, representation_pgd
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime import processes
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.devices import device, placed
from rt_utils.theory import statements
from rt_utils.theory.threat import Threat

STEPS = (1, 2, 5, 10, 20, 40)  # of the first start
STARTS = (2, 4)  # of the largest number of steps
EFFORTS = (*(f"{n} step{'s' * (n > 1)}" for n in STEPS), *(f"{STEPS[-1]} steps, {n} starts" for n in STARTS))


def shifts_by_effort(
    encoder: Encoder, x: Float[Tensor, "n 3 h w"], threat: Threat, seed: int
) -> Float[np.ndarray, "n k"]:
    """The largest shift found at each image with each of the k EFFORTS, in feature units; pixels in [0, 1].

    The larger effort goes on from the smaller one, and its best counts: so no row falls.
    """
    network, x = placed(encoder), x.to(device())
    clean, columns = network.features(x).cpu().double(), []
    largest = torch.zeros(len(x), dtype=torch.float64)
    for start in range(STARTS[-1]):
        moved = None
        for before, steps in pairwise((0, *STEPS)):
            settings = PGDSettings(steps - before, rel_stepsize=0.7, decay=False, seed=seed + start)
            (moved,) = representation_pgd(network, x, threat, settings, start=moved)
            largest = torch.maximum(largest, statements.shift(clean, network.features(moved).cpu().double()))
            if start == 0 or (steps == STEPS[-1] and start + 1 in STARTS):
                columns.append(largest)
    return torch.stack(columns, dim=1).numpy()


def by_effort(
    encoders: Sequence[Encoder], data: DataSet, threat: Threat, probe: ProbeSettings, points: int, *, workers: int = 0
) -> pd.DataFrame:
    """Per encoder and effort, over the first test points of one data set, what a search of that effort says.

    `found`: the mean shift found, as a share of the mean with the largest effort; `fulfilled`: the share of points
    whose margin ratio is above the shift found, with a linear probe. Kept in the cache. An encoder that is named twice
    counts once; with radius 0 nothing moves, and `found` is NaN.
    """
    x = data.test.pixels()[:points].clone()
    cases = list({encoder.name: encoder for encoder in encoders}.values())
    tasks: list[processes.Task] = []
    for encoder in cases:
        key = (encoder.name, data.name, encoder.weights_sha256, data.fingerprint, repr(threat), points, probe.seed)
        entry = Entry("efforts", (*key, *EFFORTS), encoder.code | {__name__})
        tasks.append((entry, shifts_by_effort, (encoder, x, threat, probe.seed)))
    rows = []
    heads = fit_probes([(encoder, data) for encoder in cases], probe, workers=workers)
    for encoder, head, shifts in zip(cases, heads, processes.compute(tasks, workers), strict=True):
        ratios = statements.margin_ratio(head.logits(encoder.features(x).double()), head.weight).numpy()
        for effort, column in zip(EFFORTS, shifts.T, strict=True):
            found = column.mean() / shifts[:, -1].mean() if shifts[:, -1].any() else np.nan
            fulfilled = float((column < ratios).mean())
            rows.append({"encoder": encoder.name, "effort": effort, "found": found, "fulfilled": fulfilled})
    return pd.DataFrame(rows)
