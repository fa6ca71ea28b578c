"""Heads trained with a penalty lambda / 2 ||W||_F^2 (weight decay): both sides of Lemma 1 along a path of lambda."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.summary import CASE, LEMMA_1, lemma_1
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory.threat import Threat

STRENGTH = "λ"
Penalised = list[tuple[float, Measurement]]  # with the head's lambda


Pairs = Sequence[tuple[Encoder, DataSet]]


def _penalised(
    pairs: Pairs, strength: float, settings: ProbeSettings, threat: Threat, plan: AttackPlan, workers: int
) -> Penalised:
    heads = fit_probes(pairs, replace(settings, weight_decay=strength), workers=workers)
    cases = [(encoder, head, data) for (encoder, data), head in zip(pairs, heads, strict=True)]
    return [(strength, m) for m in measure(cases, threat, plan, workers=workers)]


def penalised(
    leading: Pairs,
    others: Pairs,
    path: Sequence[float],
    chosen: float,
    settings: ProbeSettings,
    threat: Threat,
    plan: AttackPlan,
    *,
    workers: int = 0,
) -> tuple[Penalised, list[Measurement]]:
    """Linear probes with each lambda of the `path` for the `leading` pairs, with the `chosen` one for the others.

    All are attacked. Second the leading ones with the chosen lambda, the only ones on which the plan's stronger search
    ran too. `settings` gives everything else of a probe. Nothing is chosen where `chosen` is not on the path.
    """
    bare = replace(plan, floor_points=0, apgd_points=0)
    measured, checked = Penalised(), Penalised()
    for strength in path:
        is_chosen = strength == chosen
        found = _penalised(leading, strength, settings, threat, plan if is_chosen else bare, workers)
        measured += found
        if is_chosen:
            checked = found
            measured += _penalised(others, strength, settings, threat, bare, workers)
    return measured, [m for _, m in checked]


def along_path(measured: Penalised, first: int) -> pd.DataFrame:
    """Table 2: both sides of Lemma 1 (`summary.lemma_1`) on the first test points, by case, then by lambda.

    One representation has one AS score: the mean of the largest shifts found with any of its heads.
    """
    furthest: dict[tuple[str, str], np.ndarray] = {}
    for _, m in measured:
        shifts = table(m)["shift"].to_numpy()[:first]
        furthest[m.encoder, m.data] = np.maximum(furthest.get((m.encoder, m.data), 0.0), shifts)
    rows = [
        {STRENGTH: strength} | lemma_1(m, first) | {"AS score": furthest[case].mean()}
        for case in furthest
        for strength, m in sorted(measured, key=lambda pair: pair[0])
        if (m.encoder, m.data) == case
    ]
    return pd.DataFrame(rows)


def effect(path: pd.DataFrame, strength: float) -> dict[str, int | float]:
    """What lambda = `strength` changes in `along_path` against lambda = 0: in how many cases, and by how much."""
    values = path.set_index(CASE)
    with_penalty, without = (values[values[STRENGTH] == some][LEMMA_1] for some in (strength, 0.0))
    change = with_penalty - without
    return {
        "cases": len(change),
        "gap_fell": int((change["diff. CE"] < 0).sum()),
        "lhs_rose": int((change["LHS"] > 0).sum()),
        "robust_low": change["robust acc."].min(),
        "robust_high": change["robust acc."].max(),
        "clean_low": change["clean acc."].min(),
        "clean_high": change["clean acc."].max(),
    }
