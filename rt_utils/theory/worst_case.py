"""A linear head's worst case over a box of features, or over a ball: upper bounds on f_j - f_y, class by class.

Both hold for every feature vector z' with lower <= z' <= upper. Theorem 2's knows of the box only the l_2 length of its
largest move; the merged one keeps each coordinate's own bounds, as if the head were the network's last layer.
"""

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from rt_utils.theory import statements


def largest_move(
    z: Float[Tensor, "n r"], lower: Float[Tensor, "n r"], upper: Float[Tensor, "n r"]
) -> Float[Tensor, "n r"]:
    """v with ``v_k = max(u_k - z_k, z_k - l_k)``: no z' of the box has ``||z' - z||_2`` above ``||v||_2``."""
    return torch.maximum(upper - z, z - lower)


def theorem_2_gaps(
    logits: Float[Tensor, "n c"], weight: Float[Tensor, "c r"], y: Int64[Tensor, " n"], shift: Float[Tensor, " n"]
) -> Float[Tensor, "n c"]:
    """``f_j - f_y + ||W_y - W_j||_2 S``: with no shift above S no class j leads y by more; 0 at j = y.

    All others are negative exactly where y is predicted and Theorem 2's criterion holds with S.

    Args:
        logits: ``W z + b`` at the clean images, shape (n, c).
        weight: The head W, shape (c, r).
        y: The class of each point, shape (n).
        shift: The largest shift or a bound on it, shape (n), in feature units.
    """
    return logits - logits.gather(1, y[:, None]) + statements.row_distances(weight)[y] * shift[:, None]


def merged_gaps(
    lower: Float[Tensor, "n r"],
    upper: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
    y: Int64[Tensor, " n"],
) -> Float[Tensor, "n c"]:
    """The largest ``f_j - f_y`` over the box of features, exactly, class by class; 0 at j = y.

    Never above `theorem_2_gaps` with S = ||v||_2, v from `largest_move`, by Cauchy-Schwarz.

    Args:
        lower: Of the features, shape (n, r).
        upper: Of the features, shape (n, r).
        weight: The head W, shape (c, r).
        bias: The head's b, shape (c).
        y: The class of each point, shape (n).
    """
    normals = weight[None] - weight[y][:, None]  # W_j - W_y, shape (n, c, r)
    centre, radius = (lower + upper) / 2, (upper - lower) / 2
    at_centre = torch.einsum("ncr,nr->nc", normals, centre) + bias - bias[y][:, None]
    return at_centre + torch.einsum("ncr,nr->nc", normals.abs(), radius)


def logit_gaps(
    lower: Float[Tensor, "n r"],
    upper: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
    y: Int64[Tensor, " n"],
) -> Float[Tensor, "n c"]:
    """The largest f_j minus the least f_y over the box, each logit bounded by itself; 0 at j = y.

    Never below `merged_gaps`, since the two need not be attained at one corner; neither above nor below
    `theorem_2_gaps` in general.

    Args:
        lower: Of the features, shape (n, r).
        upper: Of the features, shape (n, r).
        weight: The head W, shape (c, r).
        bias: The head's b, shape (c).
        y: The class of each point, shape (n).
    """
    centre, radius = (lower + upper) / 2 @ weight.T + bias, (upper - lower) / 2 @ weight.abs().T
    gaps = centre + radius - (centre - radius).gather(1, y[:, None])
    return gaps.scatter(1, y[:, None], 0.0)


def certified(gaps: Float[Tensor, "n c"], y: Int64[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Whether every other class stays strictly behind y, whatever the perturbation; shape (n).

    Args:
        gaps: Upper bounds on f_j - f_y, from either function above, shape (n, c).
        y: The class of each point, shape (n).
    """
    return (gaps.scatter(1, y[:, None], -math.inf) < 0).all(1)
