"""Intervals for what was counted or averaged on few points, and the bootstrap samples that give them."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    z = math.sqrt(2) * float(torch.erfinv(torch.tensor(confidence, dtype=torch.float64)))
    p, z2n = successes / n, z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z2n / (4 * n))
    return max(0.0, (p + z2n / 2 - half) / (1 + z2n)), min(1.0, (p + z2n / 2 + half) / (1 + z2n))


def shown_wilson(successes: int, n: int) -> str:
    """Wilson's 95% interval of a sampled share as text; a dash where n is 0.

    Not for a share that is 1 by algebra: there is nothing to sample.
    """
    if not n:
        return "–"
    low, high = wilson_interval(successes, n)
    return f"{low:.3f} to {high:.3f}"


def mean_interval(values: Float[np.ndarray, " n"], resamples: int, seed: int) -> tuple[float, float]:
    """A 95% interval for the mean over items like these (BCa bootstrap); the value itself where all are equal."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    rng = np.random.default_rng(seed)
    interval = stats.bootstrap((values,), np.mean, n_resamples=resamples, rng=rng, batch=1000).confidence_interval
    return float(interval.low), float(interval.high)


def bootstrap_weights(sizes: Mapping[str, int], resamples: int, seed: int) -> dict[str, Float[np.ndarray, "k _n"]]:
    """By name of a sample of n points the weights of its points in k bootstrap samples; each row adds up to 1.

    What shares a name shares its samples, so that differences over the same points can be resampled too.
    """
    rng = np.random.default_rng(seed)
    return {name: rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n for name, n in sizes.items()}


def plus_minus(a: float, b: float, form: str = ".3f") -> str:
    """a ± b; a alone where there is no b."""
    return f"{a:{form}}" if math.isnan(b) else f"{a:{form}}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{b:{form.lstrip('+')}}"
