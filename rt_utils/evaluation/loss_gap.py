"""Both sides of Lemma 1 and of Theorem 1 on measured points, for cross-entropy."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.statements import Alpha

HEAD_NORM = "\\(L_\\infty(W)\\)"
CONSTANTS: dict[Alpha, str] = {"l1": "\\(L_1\\)", "l2": "\\(\\sqrt2 L_2\\)", "linf": "\\(2L_\\infty\\)"}


@dataclass(frozen=True)
class LossGap:
    """What Lemma 1 speaks of, at the test points of one encoder and data set.

    Losses in nats, shifts in feature units.
    """

    encoder: str
    data: str
    weight: Float[Tensor, "c r"]
    clean: Float[Tensor, " n"]
    adversarial: Float[Tensor, " n"]
    shifts: Float[Tensor, " n"]

    @classmethod
    def of(cls, m: Measurement, first: int | None = None) -> "LossGap":
        """With the largest losses and shifts found, each over every perturbation; of the first points, or of all."""
        points = table(m)[:first]
        columns = (torch.tensor(points[name].to_numpy()) for name in ("loss", "adversarial_loss", "shift"))
        return cls(m.encoder, m.data, torch.from_numpy(m.weight), *columns)

    @property
    def factors(self) -> dict[Alpha, float]:
        """C_1 L_alpha(W) for each norm of the logits."""
        return {alpha: c1 * statements.head_norm(self.weight, alpha) for alpha, c1 in CROSS_ENTROPY.lipschitz.items()}

    @property
    def lhs(self) -> dict[Alpha, float]:
        """The left-hand side of Lemma 1 for each norm of the logits, in feature units."""
        return {
            alpha: statements.loss_gap_lhs(self.clean, self.adversarial, c1, statements.head_norm(self.weight, alpha))
            for alpha, c1 in CROSS_ENTROPY.lipschitz.items()
        }

    @property
    def score(self) -> float:
        """The right-hand side: the AS score, in feature units."""
        return statements.as_score(self.shifts)

    @property
    def holds(self) -> bool:
        """Whether no left-hand side is above the AS score, up to rounding."""
        return all(lhs <= self.score + 1e-9 for lhs in self.lhs.values())

    def cut(self, c2: float) -> float:
        """The mean gap of min(l, C_2), in nats."""
        return float((self.adversarial.clamp(max=c2) - self.clean.clamp(max=c2)).mean())

    def bounds(self, c2: float, rho: float) -> dict[str, float]:
        """The right-hand side of Theorem 1 and of the bound for all heads, with the best constant, for min(l, C_2)."""
        best = min(self.factors.values())
        return {
            "Theorem 1": statements.loss_gap_bound(self.shifts, best, c2, rho),
            "all heads": statements.uniform_loss_gap_bound(self.shifts, best, c2, rho),
        }


def lemma_1_sides(gap: LossGap) -> dict[str, float]:
    """Both sides of Lemma 1 in l_inf and what they are made of. diff. CE in nats; LHS and AS score in feature units."""
    return {
        "diff. CE": (gap.adversarial - gap.clean).mean().item(),
        HEAD_NORM: statements.head_norm(gap.weight),
        "LHS": gap.lhs["linf"],
        "AS score": gap.score,
    }


def lemma_1_table(gaps: Iterable[LossGap]) -> pd.DataFrame:
    """One row per encoder and data set: both sides of Lemma 1 in l_inf, what they are made of, and their ratio."""
    rows = []
    for gap in gaps:
        case = {"encoder": gap.encoder, "data": gap.data, "n": len(gap.clean), "clean CE": gap.clean.mean().item()}
        sides = lemma_1_sides(gap)
        lhs, score = sides["LHS"], sides["AS score"]
        rows.append(case | sides | {"AS / LHS": score / lhs if lhs else math.nan})
    return pd.DataFrame(rows)


def theorem_1_table(gaps: Iterable[LossGap], c2: float, rho: float) -> pd.DataFrame:
    """One row per encoder and data set: the three constants, the mean cut gap, and the bounds on its expectation."""
    rows = []
    for gap in gaps:
        constants = {CONSTANTS[alpha]: factor for alpha, factor in gap.factors.items()}
        found = {"gap, cut": gap.cut(c2), "Hoeffding": statements.hoeffding(c2, len(gap.clean), rho)}
        case: dict[str, object] = {"encoder": gap.encoder, "data": gap.data}
        rows.append(case | constants | found | gap.bounds(c2, rho))
    return pd.DataFrame(rows)
