"""The same images at two settings: how sure a change is, and whether two quantities have the same order."""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.stats import binomtest, kendalltau


def two_standard_errors(differences: Float[np.ndarray, " n"]) -> float:
    """Two standard errors of the mean of paired differences, in their unit; NaN for a single one."""
    n = len(differences)
    return 2 * float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan


def sign_test(losses: int, gains: int) -> float:
    """The probability of so uneven a split if losing and gaining were equally likely, two-sided; 1 without either."""
    return float(binomtest(losses, losses + gains).pvalue) if losses + gains else 1.0


def kendall_tau(a: ArrayLike, b: ArrayLike) -> float:
    """Kendall's rank correlation (tau-b); 0 where one side is constant."""
    tau = float(kendalltau(a, b).statistic)
    return 0.0 if math.isnan(tau) else tau
