"""How weak the attack on the representation is, as a page shows it: a table, a reading, rows of the ledger."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from rt_utils.evaluation.summary import ALONE
from rt_utils.pages.labels import short_name

FLIPS = 0.05  # of what the attack leaves fulfilled, the share that others may flip before the ledger says so
CLAIM = (
    "Observation, attack on the representation: of points fulfilled by it alone, share that an attack on the loss flips"
)
_HEADS = {"fulfilled": "of them", "share": "share flipped", "its 95% interval": "95% of that"}
_TABLE = (
    "How weak this page's attack on the representation is, profile {profile}: {threat}. "
    "\\(S_{{\\mathrm{{rep}}}}\\): the shift that it found alone, without label or head. First the share of points that "
    "fulfil the criterion with it, and how many these are; then how many of them the attacks on the loss flip: this "
    "page's on all points, the paper's and APGD on the first {checked}, a longer one on the first {longer}. Each flip "
    "proves a larger shift, so the last columns measure that attack, not the theorem. Intervals: Wilson's, over images."
)
_READING = (
    "**What the attack on the representation misses.** With what it found alone {fulfilled} of {n} points fulfil the "
    "criterion, and attacks on the loss flip {flipped} of them. Where they do, their perturbation moves the features "
    "by at least $m(x)$, by the proof of Theorem 2; so $S(x)\\ge m(x)$, and the attack on the representation had found "
    "too little. Most are missed at: {worst}. Where none is flipped nothing is proved either way."
)
Text = tuple[str, dict[str, Any]]


def table(
    found: pd.DataFrame, checked: int, longer: int, show: Callable[..., Any], key: str = "representation-alone"
) -> Any:
    """`evaluation.summary.representation_alone`; `show` is `Page.table`.

    `checked`, `longer`: on how many points the paper's attack and APGD ran, and the longer attack on the loss.
    """
    formats = {ALONE: ".3f", "share flipped": ".3f"} | dict.fromkeys(("n", "of them", "flipped"), "d")
    return show(key, found.rename(columns=_HEADS), formats, wide=True, caption=_TABLE, checked=checked, longer=longer)


def reading(found: pd.DataFrame) -> Text:
    """How much of what the attack leaves fulfilled is flipped, and where most."""
    values: dict[str, Any] = {name: int(found[name].sum()) for name in ("fulfilled", "n", "flipped")}
    worst = "none"
    if values["flipped"]:
        row = found.iloc[found.share.argmax()]
        where = f"{row['data']}, {short_name(row['encoder'])} encoder"
        worst = f"{where}, {row['share']:.1%} of {row['fulfilled']} points"
    return _READING, values | {"worst": worst}


def enter(found: pd.DataFrame, claim: Callable[..., Any], **where: Any) -> None:
    """Enter the share of each row into the ledger; `claim` is `Page.claim`."""
    for row in found.to_dict("records"):
        own = {"encoder": row["encoder"], "data": row["data"]} | where
        claim(CLAIM, **own, n=row["fulfilled"], lhs=row["share"], rhs=FLIPS, vacuous=row["fulfilled"] == 0)
