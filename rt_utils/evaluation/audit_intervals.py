"""Intervals for what an audit reports: shares, means over images, and means over pairs of images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped

from rt_utils.evaluation.pairs import Pairs
from rt_utils.evaluation.statistics import FEWEST, Evidence, bootstrap_weights, mean_interval, share_interval


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval over other images of the same kind. What attacks missed is not in it.

    The ends are NaN where so few images give no interval.
    """

    value: float
    low: float
    high: float

    def shown(self, form: str) -> str:
        """The value and its interval in one format.

        >>> Estimate(0.5, 0.25, 0.75).shown(".0%")
        '50% (25% to 75%)'
        """
        if np.isnan(self.value):
            return "–"
        if np.isnan(self.low):
            return f"{self.value:{form}} (–)"
        return f"{self.value:{form}} ({self.low:{form}} to {self.high:{form}})"


def share(hits: Bool[np.ndarray, " n"]) -> Estimate:
    """A share of n images, with Clopper and Pearson's interval; NaN where there are none."""
    value = float(hits.mean()) if len(hits) else float("nan")
    return Estimate(value, *share_interval(int(hits.sum()), len(hits)))


def mean(values: Float[np.ndarray, " n"], resamples: int, seed: int) -> Estimate:
    """A mean over n images, with its BCa bootstrap interval; with none below `FEWEST` images."""
    if len(values) < FEWEST:
        return Estimate(float(values.mean()), float("nan"), float("nan"))
    return Estimate(float(values.mean()), *mean_interval(values, resamples, seed))


def square(pairs: Pairs, values: Shaped[np.ndarray, " k"], n: int) -> Float[np.ndarray, "n n"]:
    """Values of the pairs i < j as a symmetric matrix with 0 on its diagonal."""
    full = np.zeros((n, n))
    full[pairs.i, pairs.j] = full[pairs.j, pairs.i] = values
    return full


class OverPairs:
    """Bootstrap over n images of statistics of their pairs: a pair counts as often as both its images are drawn.

    Percentile intervals, none below `FEWEST` images; two copies of one image are no pair.
    """

    def __init__(self, pairs: Pairs, n: int, resamples: int, seed: int) -> None:
        self.pairs, self.n = pairs, n
        self.weights = bootstrap_weights({"images": n}, resamples, seed)["images"]

    def _sums(self, values: Shaped[np.ndarray, " k"], weights: Float[np.ndarray, "m n"]) -> Float[np.ndarray, " m"]:
        matrix = square(self.pairs, values, self.n)
        return np.einsum("mn,mn->m", weights @ matrix, weights)

    def _estimate(self, statistic: Callable[[Float[np.ndarray, "_m n"]], Float[np.ndarray, " _m"]]) -> Estimate:
        with np.errstate(invalid="ignore", divide="ignore"):
            (value,), drawn = statistic(np.full((1, self.n), 1 / self.n)), statistic(self.weights)
        drawn = drawn[np.isfinite(drawn)]
        if np.isnan(value) or not len(drawn):
            return Estimate(float("nan"), float("nan"), float("nan"))
        low, high = np.quantile(drawn, (0.025, 0.975)) if self.n >= FEWEST else (np.nan, np.nan)
        return Estimate(float(value), float(low), float(high))

    def mean(self, values: Shaped[np.ndarray, " k"], counted: Bool[np.ndarray, " k"] | None = None) -> Estimate:
        """The mean of the values of those pairs that are counted; NaN where none is."""
        counted = np.ones(len(values), bool) if counted is None else counted
        return self._estimate(lambda w: self._sums(values * counted, w) / self._sums(counted, w))

    def ratio(self, shifts: Float[np.ndarray, " n"]) -> Estimate:
        """The mean of one value an image over the mean distance of two images: AS / D."""
        return self._estimate(lambda w: self._ratio(shifts, w))

    def ratios(self, shifts: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
        """The same in each of the m bootstrap samples; NaN in those of one image alone."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._ratio(shifts, self.weights)

    def _ratio(self, shifts: Float[np.ndarray, " n"], w: Float[np.ndarray, "m n"]) -> Float[np.ndarray, " m"]:
        every = np.ones(len(self.pairs.i))
        return np.asarray((w @ shifts) * self._sums(every, w) / self._sums(self.pairs.apart, w))


def of_ratios(
    left: tuple[Pairs, Float[np.ndarray, " n"]], right: tuple[Pairs, Float[np.ndarray, " n"]], resamples: int, seed: int
) -> Evidence:
    """AS / D of two encoders on the same n images, each as (pairs, shifts): of right minus left, both resampled alike.

    Infinite below `FEWEST` images.
    """
    n = len(left[1])
    drawn = np.subtract(*(OverPairs(pairs, n, resamples, seed).ratios(shifts) for pairs, shifts in (right, left)))
    drawn = drawn[np.isfinite(drawn)]

    def interval(error: float) -> tuple[float, float]:
        low, high = np.quantile(drawn, (error / 2, 1 - error / 2)) if n >= FEWEST else (-np.inf, np.inf)
        return float(low), float(high)

    return interval


def _apart(pairs: Pairs, counted: Bool[np.ndarray, " k"], n: int) -> Float[np.ndarray, "n n"]:
    """The distances of counted pairs as a matrix; infinite elsewhere."""
    apart = square(pairs, np.where(counted, pairs.apart, np.inf), n)
    np.fill_diagonal(apart, np.inf)
    return apart


def nearest_other(pairs: Pairs, counted: Bool[np.ndarray, " k"], n: int) -> Float[np.ndarray, " n"]:
    """The distance from each image to its nearest one among those with which it makes a counted pair; inf for none.

    With labels those pairs count whose labels differ, so that it is the distance to the nearest other class.
    """
    return _apart(pairs, counted, n).min(1)


def blocked_with_nearest(
    pairs: Pairs, counted: Bool[np.ndarray, " k"], shifts: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Whether each image is blocked with the nearest one of another class, or the nearest at all."""
    n = len(shifts)
    apart = _apart(pairs, counted, n)
    nearest = apart.argmin(1)
    return np.asarray(shifts + shifts[nearest] >= apart[np.arange(n), nearest])
