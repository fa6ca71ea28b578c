"""What fulfilling the criterion at one radius goes with under attacks of larger ones: Table 8, and the joint shares."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rt_utils.evaluation.measure import measure
from rt_utils.evaluation.measurement import table
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.statistics import of_groups, share_interval
from rt_utils.evaluation.summary import CASE, by_case
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import MAX_EPS, Threat, format_eps

FACTORS = (2, 3)
AT = {1: "ε"} | {factor: f"{factor}ε" for factor in FACTORS}


def multiples(threat: Threat) -> dict[int, Threat]:
    """The threat with each of FACTORS times its radius. Raises InputError where the largest is too large."""
    if max(FACTORS) * threat.eps > MAX_EPS[threat.norm]:
        largest = MAX_EPS[threat.norm] / max(FACTORS)
        raise InputError(
            f"eps {format_eps(threat.eps, threat.norm)} is too large for this page, which triples it: "
            f"give at most {largest:.3g}"
        )
    return {factor: replace(threat, eps=factor * threat.eps) for factor in FACTORS}


def measured(
    cases: Sequence[tuple[Encoder, Head, DataSet]],
    threats: Mapping[int, Threat],
    plan: AttackPlan,
    *,
    workers: int = 0,
) -> dict[int, list[pd.DataFrame]]:
    """The tables of every case under every threat; no stronger search for the AS score, which is not used."""
    bare = replace(plan, floor_points=0)
    return {
        factor: [table(m) for m in measure(cases, threat, bare, workers=workers)] for factor, threat in threats.items()
    }


def survival(at: pd.DataFrame, beyond: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Per point of `at` whether it is right, fulfils the criterion, and is unchanged and robust at each radius (AT).

    `at` and `beyond` are tables (`measurement.table`) of the same points. What a smaller ball allows, a larger one
    allows: a point that fell at eps has fallen at 2 eps.
    """
    points = at[[*CASE, "fulfilled"]].assign(right=at.label == at.predicted)
    wrong, flipped = np.zeros(len(at), bool), np.zeros(len(at), bool)
    for factor, found in {1: at, **beyond}.items():
        wrong, flipped = wrong | found.wrong.to_numpy(), flipped | found.flipped.to_numpy()
        points[f"robust {factor}"], points[f"unchanged {factor}"] = ~wrong, ~flipped
    return points


def robust_accuracies(points: pd.DataFrame) -> pd.DataFrame:
    """Table 8, from `survival`: the share that fulfils the criterion at eps, and robust accuracies at each radius."""

    def row(part: pd.DataFrame) -> dict[str, object]:
        first = {"n": len(part), "clean acc.": part.right.mean(), "fulfilled": part.fulfilled.mean()}
        return {**first, **{shown: part[f"robust {factor}"].mean() for factor, shown in AT.items()}}

    return by_case(points, row)


def joint_shares(points: pd.DataFrame) -> pd.DataFrame:
    """From `survival`: of the points that fulfil the criterion at eps, the shares unchanged and robust beyond.

    As text with the 95% interval ("robust, 2ε"), and of those unchanged as a number ("unchanged 2"), beside that
    of the other points ("others 2"); NaN and a dash where there are no such points. "evidence 2": `statistics.Evidence`
    on the first of these against the second.
    """

    def row(part: pd.DataFrame) -> dict[str, object]:
        fulfilled, others = part[part.fulfilled], part[~part.fulfilled]
        n, shares = len(fulfilled), dict[str, object]({"fulfilled at ε": len(fulfilled)})
        for factor in FACTORS:
            for what in ("unchanged", "robust"):
                kept = int(fulfilled[f"{what} {factor}"].sum())
                low, high = share_interval(kept, n)
                shares[f"{what}, {AT[factor]}"] = f"{kept / n:.2f} ({low:.2f}–{high:.2f})" if n else "–"
            shares[f"unchanged {factor}"] = fulfilled[f"unchanged {factor}"].mean()
            shares[f"others {factor}"] = others[f"unchanged {factor}"].mean()
            kept, left = (int(part[f"unchanged {factor}"].sum()) for part in (fulfilled, others))
            shares[f"evidence {factor}"] = of_groups((left, len(others)), (kept, n))
        return shares

    return by_case(points, row)


def cross_checked(beyond: Mapping[int, Sequence[pd.DataFrame]], n: int) -> pd.DataFrame:
    """Robust accuracy on the first n points under the page's PGD and under APGD, by radius, then by case."""
    rows = []
    for factor, tables in beyond.items():
        for found in tables:
            part, where = found[:n], {"data": found["data"].iloc[0], "radius": AT[factor]}
            accuracies = {"robust acc.": 1 - part.wrong_pgd.mean(), "APGD": 1 - part.wrong_apgd.mean()}
            rows.append(where | {"n'": len(part)} | accuracies)
    return pd.DataFrame(rows)
