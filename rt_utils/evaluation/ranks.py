"""Do two rankings of a handful of items agree? Rank correlations with exact one-sided p-values.

If one ranking knew nothing of the other, every order of the m items would be equally likely. The exact p-value is the
share of the m! orders whose Spearman's rho is at least the one found; it cannot fall below 1/m!.
"""

import math
from collections.abc import Sequence
from itertools import combinations, pairwise, permutations
from typing import TypedDict

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import ArrayLike
from scipy import stats

EXACT = 8  # items up to which all orders are tried
DRAWS = 40_000  # random orders where there are more
_ROUNDING = 1e-6  # of sums of correlations

Values = Float[np.ndarray, " m"]
Pair = tuple[Float[np.ndarray, " _m"], Float[np.ndarray, " _m"]]  # two rankings; other pairs may be of other items


class Agreement(TypedDict):
    """How two rankings agree: pairs in the same order, Spearman's rho, Kendall's tau, exact one-sided p of rho."""

    same: int
    rho: float
    tau: float
    p: float


class Pooled(TypedDict):
    """The mean rho of several pairs of rankings, and its exact p-values by what could have been otherwise."""

    rho: float
    independent: float
    common: float


def all_orders(m: int, seed: int = 0) -> Int64[np.ndarray, "k m"]:
    """Every order of m items; DRAWS random ones, from `seed`, where there are more than EXACT items."""
    if m <= EXACT:
        return np.array(list(permutations(range(m))))
    return np.random.default_rng(seed).permuted(np.tile(np.arange(m), (DRAWS, 1)), axis=1)


def rho_of_all_orders(x: Values, y: Values, seed: int = 0) -> Float[np.ndarray, " k"]:
    """Spearman's rho of x and y for every order of y: its distribution if y knew nothing of x."""
    a, b = (stats.zscore(stats.rankdata(values)) for values in (x, y))
    return b[all_orders(len(b), seed)] @ a / len(a)


def pairs_in_order(x: Float[np.ndarray, "m ..."], y: Float[np.ndarray, "m ..."]) -> list[np.ndarray]:
    """For every pair of the m items whether x and y order it alike, strictly; one array of bools, shape k, a pair."""
    return [np.asarray((x[i] - x[j]) * (y[i] - y[j]) > 0) for i, j in combinations(range(len(x)), 2)]


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's rank correlation (tau-b); 0 where one side is constant."""
    tau = float(stats.kendalltau(x, y).statistic)
    return 0.0 if math.isnan(tau) else tau


def agreement(x: Sequence[float] | Values, y: Sequence[float] | Values, seed: int = 0) -> Agreement:
    """How the rankings by x and by y agree; correlations are NaN where one side is constant or not finite."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    same = int(sum(pairs_in_order(x, y)))
    if len(x) < 2 or not np.isfinite([x, y]).all() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Agreement(same=same, rho=np.nan, tau=np.nan, p=np.nan)
    rho = float(stats.spearmanr(x, y).statistic)
    p = float((rho_of_all_orders(x, y, seed) >= rho - 1e-9).mean())
    return Agreement(same=same, rho=rho, tau=kendall_tau(x, y), p=p)


def pooled(pairs: Sequence[Pair], seed: int = 0) -> Pooled:
    """The mean rho over `pairs` of rankings, with exact one-sided p-values.

    `independent`: every pair could have come in any order of its own, (m!)^e cases for e pairs. `common`: the same
    reordering applies to all pairs, m! cases; NaN where the pairs differ in length.
    """
    rhos = [agreement(x, y, seed)["rho"] for x, y in pairs]
    if not rhos or np.isnan(rhos).any():
        return Pooled(rho=np.nan, independent=np.nan, common=np.nan)
    nulls = [rho_of_all_orders(x, y, seed) for x, y in pairs]
    sums: np.ndarray = np.zeros(1)  # the distribution of the sum, one pair after another
    weights: np.ndarray = np.ones(1)
    for null in nulls:
        own, counts = np.unique(null.round(9), return_counts=True)
        sums, where = np.unique(np.add.outer(sums, own).ravel().round(9), return_inverse=True)
        weights = np.bincount(where, np.multiply.outer(weights, counts / counts.sum()).ravel())
    common = np.sum(nulls, axis=0) if len({len(x) for x, _ in pairs}) == 1 else np.full(1, np.nan)
    least = sum(rhos) - _ROUNDING
    return Pooled(
        rho=float(np.mean(rhos)),
        independent=float(weights[sums >= least].sum()),
        common=np.nan if np.isnan(common).any() else float((common >= least).mean()),
    )


def order(names: Sequence[str], values: Sequence[float] | Values) -> str:
    """The names from the smallest to the largest value, as "b < a = c"."""
    at = np.argsort(values, kind="stable")
    signs = ["", *(" = " if values[i] == values[j] else " < " for i, j in pairwise(at))]
    return "".join(sign + names[i] for sign, i in zip(signs, at, strict=True))
