"""The claims of one run of a chapter, as they go into the ledger, and how the inferential ones are decided together."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from rt_utils.evaluation.measurement import Measurement, above_bound
from rt_utils.evaluation.statistics import Evidence, Interval, family, share_interval
from rt_utils.pages import elements
from rt_utils.pages.ledger import Claim
from rt_utils.pages.parameters import Parameters

FLOAT32 = 1e-4  # relative: attacks and features are float32, the bound is float64
ROUNDING = 1e-5  # of a feature vector's length: so much may differ between two batches


def share_of_bound(m: Measurement) -> float:
    """`above_bound`, where a bound below the rounding of the features counts as that rounding.

    A network whose units are all silent at an image has the bound 0 there, and features that differ by rounding alone.
    """
    if m.shift_upper is None:
        return above_bound(m)
    rounding = ROUNDING * np.linalg.norm(m.z, axis=1)
    return above_bound(replace(m, shift_upper=np.maximum(m.shift_upper, rounding)))


def below(successes: int, n: int, limit: float) -> Evidence | None:
    """That a share of n is at most `limit`: of limit minus the share, by Clopper and Pearson; None of no point."""
    if not n:
        return None

    def interval(error: float) -> Interval:
        low, high = share_interval(successes, n, error)
        return limit - high, limit - low

    return interval


class Claims:
    """What a chapter that ran with the parameters `p` claims, in `claims`."""

    def __init__(self, chapter: str, p: Parameters) -> None:
        self.chapter, self.p = chapter, p
        self.claims: list[Claim] = []
        self._decided = False

    def claim(self, claim: str, *, n: int, lhs: float, rhs: float, seed: int | None = None, **where: Any) -> Claim:
        """Enter lhs <= rhs, checked on n points, into the ledger; `where`: encoder, data, tolerance, vacuous, ...

        `threat`: where it is not the page's; None for a claim that is about none.
        With `evidence` and `units` it is one of the run's inferential claims, which `decide` decides together.
        """
        if self._decided and "evidence" in where:
            raise ValueError(f"{claim!r} comes too late: the run's inferential claims are decided")
        threat = {"threat": self.p.threat} if hasattr(self.p, "eps") and hasattr(self.p, "norm") else {}
        given = {"chapter": self.chapter, "profile": self.p.profile, "seed": self.p.seed if seed is None else seed}
        entered = Claim(claim=claim, n=n, lhs=lhs, rhs=rhs, **(given | threat | where))
        self.claims.append(entered)
        return entered

    def claim_rows(self, rows: pd.DataFrame, claim: str, lhs: str, rhs: str, **where: Any) -> None:
        """Enter a claim for each row: `claim` is a template for it, `lhs` and `rhs` are columns.

        Encoder, data, n, vacuous, evidence and seed (counted from the page's) come from the columns of these names or
        `where`.
        """
        own_columns = ("encoder", "data", "n", "vacuous", "evidence")
        for row in rows.to_dict("records"):
            own = {name: row[name] for name in own_columns if name in row} | where
            seed = self.p.seed + row.get("seed", 0)
            self.claim(elements.filled(claim, row), lhs=row[lhs], rhs=row[rhs], seed=seed, **own)

    def decide(self) -> list[Claim]:
        """Give each inferential claim of the run its interval; returns these claims. They are one family, now fixed."""
        if not self._decided:
            chosen = [k for k, claim in enumerate(self.claims) if claim.evidence is not None]
            intervals = family([e for claim in self.claims if (e := claim.evidence) is not None])
            for k, (low, high) in zip(chosen, intervals, strict=True):
                self.claims[k] = replace(self.claims[k], low=low, high=high)
            self._decided = True
        return [claim for claim in self.claims if claim.evidence is not None]
