"""The attack floor: a page's attacks against a much stronger search on the first points, because a weak attack makes
every inequality look true. It compares lower bounds with lower bounds: no maximum is known.
"""

from collections.abc import Callable

import pandas as pd

from rt_utils.ledger import Claim
from rt_utils.names import short_name
from rt_utils.search import AttackPlan
from rt_utils.tables import Html, show_table

SHARE = 0.02  # of the AS score and of the loss gap that a stronger search may add
PAPER = "paper's AS ratio"
POINTS = 0.01  # of robust accuracy that APGD may take away


def _ratio(found: float, strongest: float) -> float:
    return found / strongest if strongest else 1.0


def summary(points: pd.DataFrame) -> pd.DataFrame:
    """Per encoder and data set: AS score and loss gap of the page over 100 steps x 5 restarts on the same points, and
    the robust accuracies of the page's PGD, of the paper's (20 constant steps, one start) and of APGD.
    """

    def row(group: pd.DataFrame) -> pd.Series:
        deep, apgd = group[group.shift_floor.notna()], group[group.shift_paper.notna()]
        both, on_loss = deep[deep.shift_paper.notna()], group[group.loss_floor.notna()]
        gap, strong = on_loss.loss_page.mean() - on_loss.loss.mean(), on_loss.loss_floor.mean() - on_loss.loss.mean()
        return pd.Series(
            {
                "n": len(deep),
                "AS score": deep.shift_page.mean(),
                "AS ratio": _ratio(deep.shift_page.mean(), deep.shift_floor.mean()),
                PAPER: _ratio(both.shift_paper.mean(), both.shift_floor.mean()),
                "n'": len(on_loss),
                "loss gap": gap,
                "gap ratio": _ratio(gap, strong),
                "n''": len(apgd),
                "robust acc.": 1 - apgd.wrong_pgd.mean(),
                "paper's PGD": 1 - apgd.wrong_paper.mean(),
                "APGD": 1 - apgd.wrong_apgd.mean(),
            }
        )

    groups = points.groupby(["encoder", "data"], sort=False)[list(points.columns[2:])]
    return groups.apply(row).reset_index()


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
