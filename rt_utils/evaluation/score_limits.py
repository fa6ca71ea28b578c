"""What a sample's shifts say of new images: one-sided confidence limits for the mean, quantiles and certified shares.

The n values are of independent draws. Each limit misses with probability at most rho, for every distribution that its
docstring allows. Shifts found by an attack may stand in for S in lower limits alone.
"""

import math

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy import ndarray
from scipy import optimize, stats

from rt_utils.evaluation.certificate import certified
from rt_utils.theory.statements import hoeffding


def _divergence(p: float, q: float) -> float:
    """The Kullback-Leibler divergence of coins with these chances of heads, p against q in (0, 1); in nats."""
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def mean_limits(values: Float[ndarray, " n"], bound: float, rho: float) -> tuple[float, float]:
    """A lower and an upper limit for the mean of a variable in [0, bound], each with probability 1 - rho.

    Hoeffding's inequality before it is simplified: n kl(mean / bound, limit / bound) = log(1 / rho). The bound must be
    known beforehand. Raises ValueError for values outside [0, bound].
    """
    if values.min() < 0 or values.max() > bound:
        raise ValueError(f"a value is outside [0, {bound}]")
    mean, allowed = float(values.mean()) / bound, math.log(1 / rho) / len(values)

    def excess(q: float) -> float:
        return _divergence(mean, q) - allowed

    tiny = 1e-12
    low = optimize.brentq(excess, tiny, mean) if mean > tiny and excess(tiny) > 0 else 0.0
    high = optimize.brentq(excess, mean, 1 - tiny) if mean < 1 - tiny and excess(1 - tiny) > 0 else 1.0
    return bound * low, bound * high


def mean_from_below(values: Float[ndarray, " n"], rho: float) -> float:
    """A lower limit for the mean of any variable that is not negative: the integral of (1 - F_n - eta)_+.

    eta = sqrt(log(1/rho) / (2n)), rho <= 1/2: on the event of the Dvoretzky-Kiefer-Wolfowitz inequality the tail is
    nowhere below this. No such upper limit exists: a rare, huge value may be missing from the sample.
    """
    n, steps = len(values), np.diff(np.sort(values), prepend=0.0)
    tail = 1 - np.arange(n) / n
    return float((steps * np.maximum(tail - hoeffding(1.0, n, rho, sides=1), 0)).sum())


def quantile_limits(values: Float[ndarray, " n"], level: float, rho: float) -> tuple[float, float]:
    """A lower and an upper limit for the quantile at `level` of any variable >= 0, each for all levels at once."""
    n, values = len(values), np.sort(values)
    eta = hoeffding(1.0, n, rho, sides=1)
    low, high = math.ceil(n * (level - eta)), math.ceil(n * (level + eta))
    return (float(values[low - 1]) if low >= 1 else 0.0), (float(values[high - 1]) if high <= n else math.inf)


def share_from_below(count: int, n: int, rho: float) -> float:
    """The Clopper-Pearson lower limit for a chance that came true `count` times out of n."""
    return float(stats.beta.ppf(rho, count, n - count + 1)) if count else 0.0


def shares_from_below(shares: Float[ndarray, " k"], n: int, rho: float) -> Float[ndarray, " k"]:
    """Lower limits for P(R > radius) at all radii at once, from the shares of n points with R > radius; rho <= 1/2."""
    return np.maximum(shares - hoeffding(1.0, n, rho, sides=1), 0)


def of_certificate(points: pd.DataFrame, constant: float, radius: float, rho: float) -> pd.DataFrame:
    """What one attack on an encoder with this Lipschitz constant says of new images, each limit at 1 - rho.

    `points` as from `certificate.attacked`, in the l_2 ball of this radius. Shifts in feature units.
    """
    most, shifts = constant * radius, points["shift"].to_numpy()
    proved = (points.label == points.predicted) & certified(points, most)
    n, mean, share = len(points), "mean of S", f"certified and right at {radius:g}"
    rows = [
        (mean, shifts.mean(), "S ≤ Λε, Kullback-Leibler", mean_limits(np.minimum(shifts, most), most, rho)[0]),
        (mean, shifts.mean(), "no bound on S, DKW", mean_from_below(shifts, rho)),
        (share, proved.mean(), "this radius alone, Clopper-Pearson", share_from_below(int(proved.sum()), n, rho)),
        (share, proved.mean(), "all radii at once, DKW", shares_from_below(np.array([proved.mean()]), n, rho)[0]),
    ]
    return pd.DataFrame(rows, columns=["of new images", "in the sample", "limit from", "at least"])
