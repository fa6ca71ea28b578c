"""The book's one policy for what was counted or averaged on few units: intervals, and how they decide order claims.

Shares have Clopper and Pearson's interval, means the bootstrap's. A claim that one quantity is at most another is
decided by an interval for their difference over its units. Two fixed predictors are compared on the same images, by
the images on which they differ (McNemar), never pooled over seeds; methods are compared by seeds (the sign test). A
family is the inferential claims of one run; each of k gets the k-th part of the error (Bonferroni), in its interval
and so in its verdict. What holds by algebra, and the attack floor, is not inferential.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from scipy import stats

ERROR = 0.05  # of a family's intervals together
FEWEST = 8  # values from which a bootstrap gives an interval: of fewer its resamples are too few
Interval = tuple[float, float]
Evidence = Callable[[float], Interval]  # from an error to the two-sided interval of a difference, right minus left


def share_interval(successes: int, n: int, error: float = ERROR) -> Interval:
    """Clopper and Pearson's interval for a share, whose coverage is at least 1 - error; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    found = stats.binomtest(successes, n).proportion_ci(1 - error, method="exact")
    return float(found.low), float(found.high)


def shown_share(successes: int, n: int) -> str:
    """The 95% interval of a sampled share as text; a dash where n is 0.

    Not for a share that is 1 by algebra: there is nothing to sample.
    """
    if not n:
        return "–"
    low, high = share_interval(successes, n)
    return f"{low:.3f} to {high:.3f}"


def mean_interval(
    values: Float[np.ndarray, " n"], resamples: int, seed: int, error: float = ERROR
) -> tuple[float, float]:
    """An interval for the mean over items like these (BCa bootstrap); the value itself where all are equal."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    rng = np.random.default_rng(seed)
    found = stats.bootstrap((values,), np.mean, confidence_level=1 - error, n_resamples=resamples, rng=rng, batch=1000)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def sign_test(losses: int, gains: int) -> float:
    """The probability of so uneven a split if losing and gaining were equally likely, two-sided; 1 without either.

    Of the images on which two predictors differ this is McNemar's exact test.
    """
    return float(stats.binomtest(losses, losses + gains).pvalue) if losses + gains else 1.0


def of_predictors(left: Bool[np.ndarray, " n"], right: Bool[np.ndarray, " n"]) -> Evidence:
    """Two fixed predictors on the same n images: of the difference of their shares, right minus left.

    Given on how many images they differ; its sign is decided exactly where McNemar's exact test is at that error.
    """
    gains, losses = int((right & ~left).sum()), int((left & ~right).sum())

    def interval(error: float) -> Interval:
        low, high = (2 * end - 1 for end in share_interval(gains, gains + losses, error))
        return (gains + losses) / len(left) * low, (gains + losses) / len(left) * high

    def without_difference(error: float) -> Interval:
        most = share_interval(0, len(left), error)[1]  # of images on which they could differ
        return -most, most

    return interval if gains + losses else without_difference


def of_seeds(left: ArrayLike, right: ArrayLike) -> Evidence:
    """Two methods, one number a seed: of the median of the differences, right minus left, by the sign test.

    Both ends are differences that were seen, or infinite: below `least_seeds` no sign test decides.
    """
    seen = np.sort(np.asarray(right, float) - np.asarray(left, float))

    def interval(error: float) -> Interval:
        k = int(stats.binom.ppf(error / 2, len(seen), 0.5))  # P(fewer than k signs) <= error / 2
        return (float(seen[k - 1]), float(seen[-k])) if k else (-math.inf, math.inf)

    return interval


def least_seeds(claims: int, error: float = ERROR) -> int:
    """The least n of seeds with 2 * 0.5**n <= error / claims: with fewer no sign test of a family of claims decides.

    That many decide only where all seeds agree.
    """
    return next(n for n in itertools.count(1) if 2 * 0.5**n * claims <= error)


def of_groups(left: tuple[int, int], right: tuple[int, int]) -> Evidence:
    """Two shares, each as (successes, n), of different images or of unknown pairs: of right minus left.

    From the two shares' own intervals, at half the error each, so whatever their dependence.
    """

    def interval(error: float) -> Interval:
        (a, b), (c, d) = (share_interval(*share, error / 2) for share in (left, right))
        return c - b, d - a

    return interval


def of_means(left: Float[np.ndarray, " n"], right: Float[np.ndarray, " n"], seed: int) -> Evidence:
    """Two means over the same n images: of right minus left, by the bootstrap; infinite below `FEWEST` images."""
    if len(left) < FEWEST:
        return lambda error: (-math.inf, math.inf)
    return lambda error: mean_interval(right - left, 10_000, seed, error)


def of_orders(
    one: Float[np.ndarray, "m k"], other: Float[np.ndarray, "m k"], seen: Float[np.ndarray, "2 m"]
) -> Evidence:
    """Of minus the number of pairs of m items that two quantities order differently: how many surely do, and may.

    A pair is ordered by a quantity where the interval of the difference excludes 0: what was `seen`, of both, and the
    standard deviation over k bootstrap samples. Each of the m (m - 1) differences gets its part of the error.
    """
    pairs = [(i, j) for i in range(len(one)) for j in range(i)]

    def interval(error: float) -> Interval:
        z = stats.norm.isf(error / max(1, 4 * len(pairs)))
        products = []
        for i, j in pairs:
            signs = []
            for values, (a, b) in zip((one, other), ((row[i], row[j]) for row in seen), strict=True):
                sure = abs(a - b) > z * (values[i] - values[j]).std(ddof=1)
                signs.append(float(np.sign(a - b)) if sure else 0.0)
            products.append(signs[0] * signs[1])
        return 0.0 - sum(sign <= 0 for sign in products), 0.0 - sum(sign < 0 for sign in products)

    return interval


def family(evidence: Sequence[Evidence], error: float = ERROR) -> list[Interval]:
    """The intervals of all claims of a family, which hold together with probability 1 - error."""
    return [interval(error / len(evidence)) for interval in evidence]


def decided(interval: Interval, tolerance: float = 0.0) -> str:
    """What the interval of right minus left says of left <= right: 'holds', 'undecided' or 'violated'."""
    low, high = interval
    if low >= -tolerance:
        return "holds"
    return "violated" if high < -tolerance else "undecided"


def bootstrap_weights(sizes: Mapping[str, int], resamples: int, seed: int) -> dict[str, Float[np.ndarray, "k _n"]]:
    """By name of a sample of n points the weights of its points in k bootstrap samples; each row adds up to 1.

    What shares a name shares its samples, so that differences over the same points can be resampled too.
    """
    rng = np.random.default_rng(seed)
    return {name: rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n for name, n in sizes.items()}


def plus_minus(a: float, b: float, form: str = ".3f") -> str:
    """a ± b; a alone where there is no b."""
    return f"{a:{form}}" if math.isnan(b) else f"{a:{form}}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{b:{form.lstrip('+')}}"
