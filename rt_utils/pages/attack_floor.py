"""The attack floor as a page shows it: two tables, a verdict in words, rows of the ledger."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.display import display

from rt_utils.evaluation.floor import POINTS, SHARE
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.search import AttackPlan

if TYPE_CHECKING:
    from rt_utils.pages.page import Page

ACCURACIES = ["n''", "robust acc.", "paper's PGD", "APGD"]
SEARCHES = (
    "The attack floor, on the first n test points of each data set (loss gap: n'). This page: {shift_gradients} "
    "gradients a point for the representation from {shift_starts} starts, {loss_gradients} for the loss from "
    "{loss_starts}, one of them what the first search found, and {margin_gradients} on the margin at points that this "
    "leaves right; the first step {first:g} eps. Ratios: this page over "
    "{strong_steps} steps with {strong_restarts} restarts. The paper's settings: {paper_steps} steps of constant size "
    "{paper_first:g} eps, one start (here from a random corner of the ball)."
)
ROBUST = (
    "Robust accuracy on the first n'' test points: under this page's attacks on the loss and the margin, the paper's, "
    "and under AutoAttack's APGD (cross-entropy, then DLR on what is left)."
)
VERDICT = (
    "The smallest ratio of AS scores is {shift_ratio:.3f} and of loss gaps {gap_ratio:.3f}; the page's robust accuracy "
    "is at most {points_above:.1f} points above APGD's. This **{floor_is_met}** the floor that the book asks for: "
    f"ratios of at least {1 - SHARE:.2f}, and at most {100 * POINTS:.0f} point."
)


def tables(floor: pd.DataFrame, plan: AttackPlan, table: Callable[..., Any], key: str = "floor") -> list[Any]:
    """The tables of a page, whose attacks `plan` names: shifts and losses, then accuracies. `table`: `Page.table`."""
    page, strong, paper = plan.loss, plan.floor, plan.paper
    shift = plan.representation
    assert isinstance(page, HalvingSettings)  # the plan of a page
    assert isinstance(shift, HalvingSettings)
    searches = table(
        f"{key}-searches",
        floor.drop(columns=ACCURACIES),
        dict.fromkeys(floor.columns[2:], ".3f") | {"n": ".0f", "n'": ".0f"},
        caption=SEARCHES,
        shift_gradients=shift.gradients,
        shift_starts=shift.starts,
        loss_gradients=page.gradients,
        loss_starts=page.starts,
        margin_gradients=plan.margin.gradients if plan.margin else 0,
        first=page.rel_stepsize,
        strong_steps=strong.steps,
        strong_restarts=strong.restarts,
        paper_steps=paper.steps,
        paper_first=paper.rel_stepsize,
    )
    accuracies = floor[["encoder", "data", *ACCURACIES]]
    formats = dict.fromkeys(ACCURACIES, ".3f") | {"n''": ".0f"}
    return [searches, table(f"{key}-accuracies", accuracies, formats, caption=ROBUST)]


def values(floor: pd.DataFrame) -> dict[str, float | str]:
    """What VERDICT says: the smallest ratios, how far PGD's accuracy is above APGD's, and whether the floor is met."""
    shift, gap = floor["AS ratio"].min(), floor["gap ratio"].min()
    accuracy = (floor["robust acc."] - floor["APGD"]).max()
    met = min(shift, gap) >= 1 - SHARE and accuracy <= POINTS + 1e-9
    return {
        "shift_ratio": shift,
        "gap_ratio": gap,
        "points_above": 100 * max(accuracy, 0.0),
        "floor_is_met": "meets" if met else "misses",
    }


def show(page: "Page", points: pd.DataFrame) -> None:
    """The tables of the page's points, and the verdict; both go into the ledger."""
    display(page.text("floor", VERDICT, **values(page.floor(points))))


def enter(floor: pd.DataFrame, claim: Callable[..., Any]) -> None:
    """Enter the floor into the ledger; `claim` is `Page.claim`."""
    for record in floor.to_dict("records"):
        where = {"encoder": record["encoder"], "data": record["data"]}
        for quantity, ratio, n in (("AS score", "AS ratio", "n"), ("loss gap", "gap ratio", "n'")):
            text = f"Attack floor: share of the {quantity} that 100 steps and 5 restarts add"
            more = 1 / record[ratio] - 1 if record[ratio] else math.inf
            claim(text, **where, n=int(record[n]), lhs=more, rhs=SHARE)
        gap = record["robust acc."] - record["APGD"]
        text = "Attack floor: robust accuracy of PGD above APGD's"
        claim(text, **where, n=int(record["n''"]), lhs=gap, rhs=POINTS, tolerance=1e-9)
