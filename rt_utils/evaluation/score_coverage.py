"""How often the limits of `score_limits` miss, over samples from a population whose S and margins are known exactly."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy import ndarray

from rt_utils.evaluation import score_limits
from rt_utils.theory.statements import uniform_loss_gap_bound

LEVEL, RADIUS = 0.8, 0.5  # of the quantile, and of the certified share that is shown
GRID = np.linspace(0, 2, 101)  # radii
AT = int(np.searchsorted(GRID, RADIUS))
ABOVE = ("mean, S bounded, from above", "mean of min(1/2, S), from above", "quantile, from above")
BAND = "certified, all radii"


def population(seed: int, size: int = 20_000) -> tuple[Float[ndarray, " n"], Float[ndarray, " n"]]:
    """S of points whose adversary has three moves in R^4, none longer than 1; and up to which radius each is certified.

    Some points hardly move, others by nearly 1. The radius is 0 where the head is wrong.
    """
    rng = np.random.default_rng(seed)
    moves = rng.normal(size=(size, 3, 4))
    moves /= np.maximum(1, np.linalg.norm(moves, axis=2, keepdims=True))
    moves *= rng.beta(0.1, 0.2, (size, 1, 1))
    shifts = np.minimum(np.linalg.norm(moves, axis=2).max(1), 1)  # rounding
    return shifts, np.maximum(rng.normal(0.7, 0.4, size), 0)


def shares(certified: Float[ndarray, " n"]) -> Float[ndarray, " k"]:
    """The share of points that are certified beyond each radius of the grid."""
    return 1 - np.searchsorted(np.sort(certified), GRID, side="right") / len(certified)


def limits(
    shifts: Float[ndarray, " n"], certified: Float[ndarray, " n"], rho: float
) -> dict[str, Float[ndarray, " k"]]:
    """Every limit from one sample: one number each, and the band at each radius."""
    mean, quantile = score_limits.mean_limits(shifts, 1.0, rho), score_limits.quantile_limits(shifts, LEVEL, rho)
    found, n = shares(certified), len(shifts)
    numbers = {
        "mean, S bounded, from below": mean[0],
        ABOVE[0]: mean[1],
        "mean, from below": score_limits.mean_from_below(shifts, rho),
        ABOVE[1]: uniform_loss_gap_bound(torch.from_numpy(shifts), 1.0, 0.5, rho),
        "quantile, from below": quantile[0],
        ABOVE[2]: quantile[1],
        "certified, one radius": score_limits.share_from_below(round(n * found[AT]), n, rho),
    }
    return {name: np.array([value]) for name, value in numbers.items()} | {
        BAND: score_limits.shares_from_below(found, n, rho)
    }


def truth(shifts: Float[ndarray, " n"], certified: Float[ndarray, " n"]) -> dict[str, Float[ndarray, " k"]]:
    """What each of the limits is a limit for, in the population itself."""
    mean, quantile = shifts.mean(), np.quantile(shifts, LEVEL, method="inverted_cdf")
    numbers = [mean, mean, mean, np.minimum(shifts, 0.5).mean(), quantile, quantile, shares(certified)[AT]]
    names = limits(shifts, certified, 0.5)
    return dict(zip(names, [*(np.array([value]) for value in numbers), shares(certified)], strict=True))


def coverage(rho: float, n: int, repeats: int, seed: int) -> pd.DataFrame:
    """Per limit the true value, its average over `repeats` samples of n points, and the share of samples that miss it.

    The band misses where it is above the truth at any radius; what is shown of it is at RADIUS.
    """
    shifts, certified = population(seed)
    rng, true = np.random.default_rng(seed + 1), truth(shifts, certified)
    drawn = (rng.integers(len(shifts), size=n) for _ in range(repeats))
    samples = [limits(shifts[chosen], certified[chosen], rho) for chosen in drawn]
    rows = []
    for name, value in true.items():
        found = np.stack([sample[name] for sample in samples])
        missed = (found < value if name in ABOVE else found > value).any(1)
        at = AT if name == BAND else 0
        rows.append({"limit": name, "true": value[at], "average": found[:, at].mean(), "missed": missed.mean()})
    return pd.DataFrame(rows)
