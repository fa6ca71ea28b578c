"""What Section 5.2 says of Table 3: how many points fulfil the criterion, where most, and where none does."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rt_utils.evaluation.summary import CASE

_READING = (
    "**How to read it.** Over all seeds {fulfilled} points fulfil the criterion, and {verdict}. The largest share is "
    "{share:.1%} ({encoder} encoder, {data}), where {robust:.1%} of the points are robust; in the paper's table it is "
    "{paper_share:.1%}, where {paper_robust:.1%} are robust.{nowhere}"
)
_NOWHERE = (
    " On {} of {} pairs no point fulfils it: there it accounts for none of the robust accuracy, whatever that is."
)
_HOLDS = "none of them was flipped, as the theorem's algebra demands"
_BROKEN = "{} of them {} flipped: that contradicts the algebra, so there is a mistake in the code"


def reading(
    seeds: pd.DataFrame, flips: pd.DataFrame, published: pd.DataFrame, label: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """`seeds`, `flips`: `summary.criterion` and `summary.flips` of every seed; `published`: the paper's Table 3."""
    mean = seeds.groupby(CASE, sort=False)[["fulfilled", "robust acc."]].mean().reset_index()
    best, flipped = mean.iloc[int(mean.fulfilled.argmax())], int(flips.flipped.sum())
    papers, none = published.iloc[int(published.prop_fulfilled.argmax())], int((mean.fulfilled == 0).sum())
    return _READING, {
        "fulfilled": int(flips.n.sum()),
        "verdict": _BROKEN.format(flipped, "were" if flipped > 1 else "was") if flipped else _HOLDS,
        "share": best["fulfilled"],
        "encoder": label[best["encoder"]],
        "data": best["data"],
        "robust": best["robust acc."],
        "paper_share": papers["prop_fulfilled"],
        "paper_robust": papers["robust_acc"],
        "nowhere": _NOWHERE.format(none, len(mean)) if none else "",
    }
