"""What a handful of points can show, in words: the paper's own, the page's, and raw scores pooled over encoders."""

from collections.abc import Mapping
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from rt_utils.evaluation import score_orders
from rt_utils.evaluation.score_orders import COMMON, INDEPENDENT, MEAN_RHO, RHO
from rt_utils.pages.as_score_texts import Text
from rt_utils.pages.published import published_table
from rt_utils.pages.published_orders import GAP, RELATIVE

_PAPER = (
    "**The paper's eight points.** Four data sets for each of two encoders, six of the points downstream. From the "
    "printed numbers, ρ is {cifar100:.1f} for CIFAR-100 (exact p = {cifar100_p:.3f}: {good} of 24 orders are at least "
    "as good) and {imagenet:.1f} for ImageNet (p = {imagenet_p:.3f}; with four points no p can be below 1/24 = "
    "{least:.3f}). Pooled: {all_rho:.2f}, p = {all_independent:.3f} if the two orders are independent. On the six "
    "downstream points alone it is {downstream_rho:.2f}, p = {downstream_independent:.3f}, or "
    "{downstream_common:.3f} if one says that the data sets are what was drawn. The correlation for CIFAR-100 rests "
    "on near-ties: three of its four scores lie between {near:g} and {third:g}. By the loss gap, of which the paper "
    "also speaks, ρ is {cifar100_gap:.1f} and {imagenet_gap:.1f}. What the printed numbers do show is the coarser "
    "statement: where the score is many times that of the pretraining images (ImageNet to CIFAR-10 and to "
    "Fashion-MNIST), robustness is lost by far the most."
)


def _pooled(row: Mapping[Any, Any]) -> dict[str, float]:
    return {"rho": row[MEAN_RHO], "independent": row[INDEPENDENT], "common": row[COMMON]}


def papers_points(orders: pd.DataFrame, pooled: pd.DataFrame) -> Text:
    """What the paper's own points show, from `published_orders`."""
    by, (all_sets, downstream) = orders.set_index(["pretraining", "by"]), map(_pooled, pooled.to_dict("records"))
    values: dict[str, Any] = {f"all_{name}": value for name, value in all_sets.items()}
    values |= {f"downstream_{name}": value for name, value in downstream.items()}
    for name in ("cifar100", "imagenet"):
        values |= {name: by.loc[(name, RELATIVE), RHO], f"{name}_p": by.loc[(name, RELATIVE), "p"]}
        values[f"{name}_gap"] = by.loc[(name, GAP), RHO]
    table_4 = published_table("table4")
    near = sorted(table_4[table_4.pretraining == "cifar100"].as_score)
    counts = {"good": round(values["cifar100_p"] * 24), "least": 1 / 24, "near": near[0], "third": near[2]}
    return _PAPER, values | counts


_OWN = (
    "**This page's {n} points.** {m} data sets for each of {encoders} encoders. Within one encoder p cannot be below "
    "1/{orders} = "
)
_FEW = "{least:.3f}, so **no single rank correlation here is significant at 5%**, not even a perfect one. "
_POOLED = (
    "Pooled by relative difference, the mean ρ is {rho:.2f} (p = {independent:.3f} with independent orders, "
    "{common:.3f} with common ones)."
)


def own_points(pooled: pd.DataFrame, encoders: int, m: int) -> Text:
    """What `m` data sets for each of the page's encoders can show, from `score_orders.pooled`."""
    if m < 2:
        return "**This page's points.** With one data set there is nothing to order.", {}
    (best,) = pooled[pooled.what == "relative"].to_dict("records")
    numbers = _pooled(best)
    known = _POOLED if np.isfinite(numbers["rho"]) else "A rank correlation is undefined where all values are equal."
    counts = {"n": m * encoders, "m": m, "encoders": encoders, "orders": factorial(m), "least": 1 / factorial(m)}
    return _OWN + (_FEW if m <= 3 else "{least:.2g}. ") + known, counts | numbers


_RAW = (
    "Spearman's ρ over all {n} pairs of encoder and data set, as the features happen to be scaled: {own:.2f}. With the "
    "features of each encoder multiplied by some factor between 1/1000 and 1000 ({draws} draws), which changes no "
    "predictor: from {least:.2f} to {most:.2f}."
)


def raw_scores(found: pd.DataFrame, seed: int, draws: int = 500) -> Text:
    """What pooling the raw scores of several encoders gives (`score_orders.rescaled`)."""
    rhos = score_orders.rescaled(found, draws, seed)
    if not rhos or found.encoder.nunique() < 2:
        return "With one encoder, or without any loss of robustness, there is nothing to pool.", {}
    return _RAW, {"n": len(found), "own": rhos[0], "draws": draws, "least": min(rhos), "most": max(rhos)}
