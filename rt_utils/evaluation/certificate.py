"""Theorem 2 as a certificate: with a Lipschitz constant of the encoder in place of what an attack found."""

from collections.abc import Mapping, Sequence

import pandas as pd
from jaxtyping import Float
from numpy import ndarray

from rt_utils.evaluation.measure import measure
from rt_utils.evaluation.measurement import table
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat


def attacked(
    encoder: Encoder, head: Head, data: DataSet, radii: Sequence[float], plan: AttackPlan
) -> dict[float, pd.DataFrame]:
    """The test points (`measurement.table`) attacked in the l_2 ball, by its radius in pixels of [0, 1]."""
    return {radius: table(measure([(encoder, head, data)], Threat("l2", radius), plan)[0]) for radius in radii}


def certified(points: pd.DataFrame, shift: float) -> pd.Series:
    """Which points no perturbation changes that moves the features by at most `shift`: those with m(x) above it."""
    return points.margin_ratio > shift


def certificates(by_radius: Mapping[float, pd.DataFrame], constant: float) -> pd.DataFrame:
    """Per radius what is certified with this Lipschitz constant, and what attacks found. Shifts in feature units."""
    rows = []
    for radius, points in by_radius.items():
        proved, right = certified(points, constant * radius), points.label == points.predicted
        rows.append(
            {
                "radius": radius,
                "Λ radius": constant * radius,
                "AS found": points["shift"].mean(),
                "clean": right.mean(),
                "certified": proved.mean(),
                "and right": (proved & right).mean(),
                "PGD": 1 - points.wrong.mean(),
                "flipped": int((proved & points.flipped).sum()),
            }
        )
    return pd.DataFrame(rows)


def certified_and_right(points: pd.DataFrame, constant: float, radii: Float[ndarray, " k"]) -> list[float]:
    """The share of points that are classified correctly and certified, at each radius."""
    right = points.label == points.predicted
    return [(right & certified(points, constant * radius)).mean() for radius in radii]
