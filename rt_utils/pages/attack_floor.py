"""The attack floor as a page shows it: two tables, a verdict in words, rows of the ledger."""

from collections.abc import Callable

import pandas as pd

from rt_utils.evaluation.floor import POINTS, SHARE
from rt_utils.evaluation.search import AttackPlan
from rt_utils.pages.labels import short_name
from rt_utils.pages.ledger import Claim
from rt_utils.pages.tables import Html, show_table


def show(floor: pd.DataFrame, plan: AttackPlan) -> Html:
    """The tables of a page, whose attacks `plan` names: shifts and losses, then accuracies."""
    page, strong, paper = plan.loss, plan.floor, plan.paper
    shown = floor.assign(encoder=floor.encoder.map(short_name))
    accuracies = ["n''", "robust acc.", "paper's PGD", "APGD"]
    first = show_table(
        shown.drop(columns=accuracies),
        dict.fromkeys(floor.columns[2:], ".3f") | {"n": ".0f", "n'": ".0f"},
        caption="The attack floor, on the first n test points of each data set (loss gap: n'). This page: "
        f"{page.restarts} runs of {page.steps} steps, the best refined by {page.refine} (loss) or "
        f"{plan.representation.refine} (representation), the first step {page.rel_stepsize:g} eps. Ratios: this page "
        f"over {strong.steps} steps with {strong.restarts} restarts. The paper's settings: {paper.steps} steps of "
        f"constant size {paper.rel_stepsize:g} eps, one start (here from a random corner of the ball).",
    )
    second = show_table(
        shown[["encoder", "data", *accuracies]],
        dict.fromkeys(accuracies, ".3f") | {"n''": ".0f"},
        caption="Robust accuracy on the first n'' test points: under this page's attack on the loss, the paper's, and "
        "under AutoAttack's APGD (cross-entropy, then DLR on what is left).",
    )
    return Html(first.source + second.source, f"{first.text}\n\n{second.text}")


def verdict(floor: pd.DataFrame) -> str:
    """One sentence on whether the floor is met, in Markdown."""
    shift, gap = floor["AS ratio"].min(), floor["gap ratio"].min()
    accuracy = (floor["robust acc."] - floor["APGD"]).max()
    met = min(shift, gap) >= 1 - SHARE and accuracy <= POINTS + 1e-9
    return (
        f"The smallest ratio of AS scores is {shift:.3f} and of loss gaps {gap:.3f}; the page's robust accuracy is "
        f"at most {100 * max(accuracy, 0.0):.1f} points above APGD's. This **{'meets' if met else 'misses'}** the "
        f"floor that the book asks for: ratios of at least {1 - SHARE:.2f}, and at most {100 * POINTS:.0f} point."
    )


def claims(floor: pd.DataFrame, claim: Callable[..., Claim]) -> list[Claim]:
    """The floor as rows of the ledger; `claim` is a ledger.Claim that lacks claim, encoder, data, n, lhs, rhs."""
    rows = []
    for record in floor.to_dict("records"):
        where = {"encoder": record["encoder"], "data": record["data"]}
        for quantity, ratio, n in (("AS score", "AS ratio", "n"), ("loss gap", "gap ratio", "n'")):
            text = f"Attack floor: share of the {quantity} that 100 steps and 5 restarts add"
            rows.append(claim(claim=text, **where, n=int(record[n]), lhs=1 / record[ratio] - 1, rhs=SHARE))
        text = "Attack floor: robust accuracy of PGD above APGD's"
        gap = record["robust acc."] - record["APGD"]
        rows.append(claim(claim=text, **where, n=int(record["n''"]), lhs=gap, rhs=POINTS, tolerance=1e-9))
    return rows
