"""What an attack does to a linear head on thresholded nodes, in closed form: purity and threshold apart.

The chapter `purification` proves each line. A code s in R^d, nodes sigma_t(<u_i, s>), a target <beta, s>. The largest
move of an output, |f(s + delta) - f(s)| over ||delta|| <= eps, is called its reach.
"""

from itertools import combinations
from math import nan

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

ACTIVATIONS = {
    "soft": functional.softshrink,  # sign(v) max(|v| - t, 0)
    "hard": functional.hardshrink,  # v where |v| > t, else 0: what is active is not shrunk
}


def purity(u: Float[Tensor, "*r d"]) -> Float[Tensor, "*r"]:
    """``max_j |u_ij| / ||u_i||_2`` of each node, in [1 / sqrt(d), 1]; no node may be zero."""
    return u.abs().amax(-1) / u.norm(dim=-1)


def dual(v: Float[Tensor, "*n d"], norm: str) -> Float[Tensor, "*n"]:
    """``max <v, delta>`` over ||delta|| <= 1: the l_2 norm of v for "l2", its l_1 norm for "linf"."""
    return v.norm(dim=-1) if norm == "l2" else v.abs().sum(-1)


def constant_pattern(
    u: Float[Tensor, "r d"], s: Float[Tensor, "n d"], t: float, eps: float, norm: str
) -> Bool[Tensor, " n"]:
    """Whether no perturbation of the closed ball wakes, silences or turns round a node: condition of part 1.

    Each node must be silent at every point of the ball, or active at every one with the same sign. Without a threshold
    every node counts as active and the function is linear: always true.
    """
    if t == 0:
        return torch.ones(len(s), dtype=torch.bool)
    values, moves = (s @ u.T).abs(), eps * dual(u, norm)
    return ((values + moves <= t) | (values - moves > t)).all(-1)


def pattern_reach(
    a: Float[Tensor, " r"], u: Float[Tensor, "r d"], s: Float[Tensor, "n d"], t: float, eps: float, norm: str
) -> Float[Tensor, " n"]:
    """``eps ||sum of a_i u_i over the active nodes||``, dual norm: the reach where the pattern is constant, part 1.

    Where it is not, this is no bound in either direction. Without a threshold every node counts as active: part 2.
    """
    values = (s @ u.T).abs()
    active = values > t if t else torch.ones_like(values)
    return eps * dual(active.to(a.dtype) * a @ u, norm)


def linear_reach(beta: Float[Tensor, " d"], eps: float, norm: str) -> float:
    """``eps ||beta||``, dual norm: nodes without a threshold that compute <beta, s>, pure or mixed, part 2."""
    return eps * float(dual(beta, norm))


def pure_reach(
    beta: Float[Tensor, " d"], s: Float[Tensor, "n d"], eps: float, norm: str, gamma: float = 1.0
) -> Float[Tensor, " n"]:
    """``gamma eps ||beta on the support of s||``, dual norm: pure nodes with a threshold and head gamma beta, part 4.

    For eps <= t and eps < |s_j| - t on the support.
    """
    return gamma * eps * dual(beta * (s != 0), norm)


def mean_over_supports(beta: Float[Tensor, " d"], k: int, norm: str) -> float:
    """The mean of ``||beta on a set of k features||``, dual norm, over all such sets, each counted: part 5."""
    chosen = torch.tensor(list(combinations(range(len(beta)), k)))
    return float(dual(beta[chosen], norm).mean())


def mean_square_over_supports(beta: Float[Tensor, " d"], k: int, norm: str) -> float:
    """The mean of its square, in closed form: part 5."""
    d, square = len(beta), float(beta.square().sum())
    if norm == "l2":
        return k / d * square
    pairs = (float(beta.abs().sum()) ** 2 - square) / (d * (d - 1)) if d > 1 else 0.0
    return k / d * square + k * (k - 1) * pairs


def rescaling(activation: str, t: float, low: float, high: float) -> float:
    """``gamma = E |s| g / E g^2``, g = sigma_t(|s|), |s| uniform in [low, high]: what least squares puts before beta.

    1 for the hard threshold; nan where every entry is silent.
    """
    first = max(t, low)
    if first >= high:
        return nan
    if activation == "hard":
        return 1.0
    products = (high**3 - first**3) / 3 - t * (high**2 - first**2) / 2
    return products / (((high - t) ** 3 - (first - t) ** 3) / 3)
