"""How weak the attack on the representation is, as a page shows it: a table, a reading, rows of the ledger."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from IPython.display import display

from rt_utils.evaluation.summary import ALONE, representation_alone
from rt_utils.pages.claims import below
from rt_utils.pages.experiment import attack_plan
from rt_utils.pages.labels import labels
from rt_utils.pages.page import Page

FLIPS = 0.05  # of what the attack leaves fulfilled, the share that others may flip before the ledger says so
CLAIM = (
    "Observation, attack on the representation: of points fulfilled by it alone, share that an attack on the loss flips"
)
_HEADS = {"fulfilled": "of them", "share": "share flipped", "its 95% interval": "95% of that"}
_TABLE = (
    "How weak this page's attack on the representation is, profile {profile}: {threat}. "
    "\\(S_{{\\mathrm{{rep}}}}\\): the shift that it found alone, without label or head. First the share of points that "
    "fulfil the criterion with it, and how many these are; then how many of them the attacks on the loss flip: this "
    "page's, the margin's included, on all points, the paper's and APGD on the first {checked}, a longer one on the "
    "first {longer}. Each flip proves a larger shift, so the last columns measure that attack, not the theorem. "
    "Intervals: over images, each for itself; the ledger decides all of the page's together."
)
_READING = (
    "**What the attack on the representation misses.** With what it found alone {fulfilled} of {n} points fulfil the "
    "criterion, and attacks on the loss flip {flipped} of them{worst}. A flip proves that the attack on the "
    "representation found too little: by the proof of Theorem 2 it moves the features by at least $m(x)$, so "
    "$S(x)\\ge m(x)$. Where none is flipped nothing is proved either way."
)
Text = tuple[str, dict[str, Any]]


def reading(found: pd.DataFrame) -> Text:
    """How much of what the attack leaves fulfilled is flipped, and where most."""
    values: dict[str, Any] = {name: int(found[name].sum()) for name in ("fulfilled", "n", "flipped")}
    worst = ""
    if values["flipped"]:
        row = found.iloc[found.share.argmax()]
        where = f"{row['data']}, {labels(found.encoder)[row['encoder']]} encoder"
        worst = f", most at {where}: {row['share']:.1%} of {row['fulfilled']} points"
    return _READING, values | {"worst": worst}


def enter(points: pd.DataFrame, claim: Callable[..., Any]) -> pd.DataFrame:
    """Enter each share into the ledger; `claim` is `Page.claim`. Returns `summary.representation_alone`."""
    found = representation_alone(points)
    for row in found.to_dict("records"):
        own = {"encoder": row["encoder"], "data": row["data"], "n": row["fulfilled"]}
        own |= {"units": "images", "evidence": below(row["flipped"], row["fulfilled"], FLIPS)}
        claim(CLAIM, **own, lhs=row["share"], rhs=FLIPS, vacuous=row["fulfilled"] == 0)
    return found


def show(page: Page, points: pd.DataFrame) -> None:
    """A table and its reading, for the points of a page's own attacks; its shares go into the ledger."""
    found, plan = enter(points, page.claim), attack_plan(page.p)
    formats = {ALONE: ".3f", "share flipped": ".3f"} | dict.fromkeys(("n", "of them", "flipped"), "d")
    ran = {"checked": plan.apgd_points, "longer": plan.loss_floor_points}
    table = page.table("representation-alone", found.rename(columns=_HEADS), formats, wide=True, caption=_TABLE, **ran)
    display(table, page.text("reading-representation-alone", *reading(found)))
