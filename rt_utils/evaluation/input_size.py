"""The same images at several sizes, for adversaries who act after or before the images are enlarged."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from rt_utils.evaluation.distribution_shift import both_sides
from rt_utils.evaluation.measurement import Measurement, table

AFTER, BEFORE = "after", "before"
OWED = {
    "owed": "So {share:.0%} of the AS score at that size is owed to pixels that the enlarging made.",
    "weak": "The attack found less with more pixels, which contradicts the proposition: it is too weak here.",
    "l2": "In this norm neither adversary contains the other.",
}
# What the paper's Table 10 says of the way from the size of pretraining down to smaller ones.
CLAIMED = {"acc.": "falls", "robust acc.": "rises", "AS": "falls"}


def by_size(after: Mapping[int, Measurement], before: Mapping[int, Measurement]) -> pd.DataFrame:
    """`both_sides` by the size that the encoder sees, for adversaries who act after and before the enlarging.

    AS / dist.: the AS score over the mean distance between two images' features at that size, without a unit.
    """
    rows = []
    for adversary, its in ((AFTER, after), (BEFORE, before)):
        for size, m in its.items():
            cells = both_sides(m)
            apart = torch.pdist(torch.from_numpy(m.z).double()[:300]).mean().item()
            relative = table(m)["shift"].mean() / apart if apart else np.nan
            rows.append({"size": size, "adversary": adversary} | cells | {"AS / dist.": relative})
    return pd.DataFrame(rows).sort_values("size", kind="stable", ignore_index=True)


def of_adversary(sizes: pd.DataFrame, adversary: str) -> pd.DataFrame:
    """The rows of one adversary, from the smallest size on, where nothing is enlarged and both are the same."""
    return sizes[(sizes.adversary == adversary) | (sizes["size"] == sizes["size"].min())].reset_index(drop=True)


def reading(rows: pd.DataFrame, norm: str) -> dict[str, Any]:
    """What `by_size` says of the paper's claim, from the largest size down to the smallest, and of both adversaries.

    owed: the share of the AS score at the largest size that is owed to pixels which the enlarging made.
    """
    found: dict[str, Any] = {}
    later, sooner = of_adversary(rows, AFTER), of_adversary(rows, BEFORE)
    agrees = []
    for column, claimed in CLAIMED.items():
        first, last = later[column].iloc[-1], later[column].iloc[0]
        word = "rises" if last > first else "falls" if last < first else "stays"
        found[column.rstrip(".").replace(" ", "_")] = {"word": word, "first": first, "last": last}
        agrees += [column] if word == claimed else []
    inside, outside = sooner.iloc[-1], later.iloc[-1]
    share = 1 - inside["AS"] / outside["AS"] if outside["AS"] else 0.0
    kept = zip(sooner["size"], sooner["robust acc."], strict=True)
    return found | {
        "agrees": ", ".join(agrees) or "nothing",
        "differs": ", ".join(column for column in CLAIMED if column not in agrees) or "nothing",
        "inside": inside.to_dict(),
        "outside": outside.to_dict(),
        "owed": OWED["l2" if norm == "l2" else "weak" if share < 0 else "owed"].format(share=share),
        "held": ", ".join(f"{accuracy:.1%} at size {size}" for size, accuracy in kept),
    }
