"""What the page on paper and code enters into the ledger."""

from dataclasses import replace

import pandas as pd

from rt_utils.evaluation.criterion_variants import AS_STATED
from rt_utils.evaluation.lost_robustness import head_size
from rt_utils.evaluation.measurement import table
from rt_utils.evaluation.statistics import of_means
from rt_utils.pages.code_switches import FROZEN, HALVED, MOVED, Switched
from rt_utils.pages.page import Page
from rt_utils.pages.printed_numbers import LHS
from rt_utils.pages.switch_tables import ratio

LEMMA_1 = (
    "Lemma 1, linf, under each switch: loss gap / (2 max_j ||W_j||) against the AS score of the encoder as it then is"
)
TRAIN_MODE = "M3: loss gap after a probe in train mode, normalised, against the AS score before it (no theorem says so)"
FLIPPED = "Theorem 2: share of fulfilled points that a perturbation found flips, all data sets"
LIPSCHITZ = "M8: largest change of the unsquared residual over the change of the prediction"
LEFT_SIDES = "Printed left sides that do not follow from printed gap and norm within rounding; one is known (Table 2)"
IN_PRINT = "Printed: largest LHS / AS score over all tables (Lemma 1)"


def enter_measured(page: Page, its: Switched, before_after: pd.DataFrame, variants: pd.DataFrame) -> None:
    """Lemma 1 under each switch, what M3 has no theorem for, and Theorem 2 as it is stated."""
    for (key, m), row in zip(its.measured.items(), its.rows.to_dict("records"), strict=True):
        threat = replace(page.threat, eps=page.p.eps / 2) if key[0] in HALVED else page.threat
        sides = {"lhs": row["LHS"], "rhs": row["AS"], "tolerance": 1e-9}
        page.claim(LEMMA_1, encoder=m.encoder, data=m.data, n=row["n"], threat=threat, **sides)
    for row in before_after.to_dict("records"):
        old, new = (its.measured[which, row["encoder"], row["data"]] for which in (FROZEN, MOVED))
        points, shifts = table(new), table(old)["shift"].to_numpy()
        each = (points.adversarial_loss - points.loss).to_numpy() / head_size(new)
        sides = {"lhs": row["LHS after"], "rhs": row["before"], "units": "images"}
        sides["evidence"] = of_means(each, shifts, page.p.seed)
        page.claim(TRAIN_MODE, encoder=row["encoder"], data=row["data"], n=row["n"], **sides)
    for encoder in page.encoders:
        fulfilled, flipped = (int(variants[what][(encoder, *AS_STATED)]) for what in ("pass", "flip"))
        data = ", ".join(page.p.data)
        page.claim(FLIPPED, encoder=encoder, data=data, n=fulfilled, lhs=ratio(flipped, fulfilled), rhs=0.0)


def enter_regression(page: Page, regression: pd.DataFrame, n: int) -> None:
    """The residual is 1-Lipschitz, over all encoders and the n test sprites."""
    sides = {"lhs": regression["rate unsquared"].max(), "rhs": 1.0, "tolerance": 1e-6}
    page.claim(LIPSCHITZ, encoder=", ".join(page.encoders), data="sprites", n=n, **sides)


def enter_printed(page: Page, checked: pd.DataFrame, lemma: pd.DataFrame) -> None:
    """What the printed numbers say of each other, and of Lemma 1."""
    own = checked[checked.relation == LHS]
    page.claim(LEFT_SIDES, n=len(own), lhs=int((~own.consistent).sum()), rhs=1.0, threat=None)
    page.claim(IN_PRINT, n=len(lemma), lhs=(lemma.lhs / lemma.rhs).max(), rhs=1.0, threat=None)
