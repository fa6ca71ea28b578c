"""Both theorems for an audit's probe, with the shifts found; Theorem 2 in the head's own subspace too."""

from dataclasses import dataclass

import pandas as pd
import torch

from rt_utils.evaluation import subspace
from rt_utils.evaluation.audit import Audit
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY


@dataclass(frozen=True)
class Theorems:
    """Both theorems for the probe, with the shifts found. Losses in nats, `lemma` (left side) in feature units."""

    lemma: float
    gap: float  # mean loss gap found, losses cut at the bound C_2
    theorem_1: float
    all_heads: float  # this book's bound for all heads at once


def theorems(audit: Audit, loss_bound: float, rho: float) -> Theorems | None:
    """Lemma 1 and Theorem 1 in l_inf for the cross-entropy cut at `loss_bound`, which may fail with probability rho.

    None without labels.
    """
    if audit.measurement is None or audit.points is None:
        return None
    m, points, found = audit.measurement, audit.points, torch.from_numpy(audit.found)
    clean, adversarial = (torch.tensor(points[column].to_numpy()) for column in ("loss", "adversarial_loss"))
    c1, norm = CROSS_ENTROPY.lipschitz["linf"], statements.head_norm(torch.from_numpy(m.weight))
    cut = adversarial.clamp(max=loss_bound) - clean.clamp(max=loss_bound)
    return Theorems(
        lemma=statements.loss_gap_lhs(clean, adversarial, c1, norm),
        gap=cut.mean().item(),
        theorem_1=statements.loss_gap_bound(found, c1 * norm, loss_bound, rho),
        all_heads=statements.uniform_loss_gap_bound(found, c1 * norm, loss_bound, rho),
    )


def within(audit: Audit) -> pd.DataFrame:
    """The criteria in the head's own subspace, one row as of `subspace.table_of`.

    No row without labels, or where no attack was aimed at the subspace.
    """
    m = audit.measurement
    return subspace.table_of([m] if m is not None and m.subspace is not None else [])
