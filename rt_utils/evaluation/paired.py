"""The same images at two settings: how sure a change is."""

import math

import numpy as np
from jaxtyping import Float
from scipy.stats import binomtest


def two_standard_errors(differences: Float[np.ndarray, " n"]) -> float:
    """Two standard errors of the mean of paired differences, in their unit; NaN for a single one."""
    n = len(differences)
    return 2 * float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan


def sign_test(losses: int, gains: int) -> float:
    """The probability of so uneven a split if losing and gaining were equally likely, two-sided; 1 without either."""
    return float(binomtest(losses, losses + gains).pvalue) if losses + gains else 1.0
