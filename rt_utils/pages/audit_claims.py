"""What an audit with labels enters into the ledger."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from numpy import ndarray

from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_theorems import Theorems, within
from rt_utils.pages import representation_alone, subspace_section

PAIRS = "Pairs: largest (m(x_1) + m(x_2)) / ||z_1 - z_2|| over pairs predicted apart"
LEMMA = "Lemma 1, linf: loss gap found over C_1 L(W) against the AS score"
MEAN = "Theorem 1: mean cut loss gap found against the bound on its expectation"
SHARE = "Theorem 2: share of fulfilled points that a perturbation found flips"


def enter(audit: Audit, found: Theorems, reach: Float[ndarray, " k"], claim: Callable[..., Any], **where: Any) -> None:
    """Both theorems for the probe; `reach`: the sum of two margin ratios over the distance, of pairs predicted apart.

    `claim` is `Page.claim`; `where`: encoder and data.
    """
    assert audit.points is not None
    n, flipped = len(audit.z), audit.flipped[audit.fulfilled]
    claim(PAIRS, **where, n=len(reach), lhs=reach.max(initial=0), rhs=1.0, tolerance=1e-9)
    claim(LEMMA, **where, n=n, lhs=found.lemma, rhs=audit.score, tolerance=1e-9)
    claim(MEAN, **where, n=n, lhs=found.gap, rhs=found.theorem_1)
    claim(SHARE, **where, n=len(flipped), lhs=flipped.sum() / max(len(flipped), 1), rhs=0.0)
    representation_alone.enter(audit.points.assign(**where), claim)
    subspace_section.enter(within(audit), claim, **where)
