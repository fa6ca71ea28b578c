"""The margin ratio as a function of features: Theorem 2's proof in one line, and the direction in which it is sharp."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.theory import statements


def signed_distances(
    logits: Float[Tensor, "n c"], weight: Float[Tensor, "c r"], y: Int64[Tensor, " n"]
) -> Float[Tensor, "n c"]:
    """``(f_y - f_j) / ||W_y - W_j||_2``: how far each point is from where class j overtakes y, in feature units.

    Negative beyond that hyperplane; +inf for a class whose row equals W_y, y itself included. Shapes as below.
    """
    gaps, distances = logits.gather(1, y[:, None]) - logits, statements.row_distances(weight)[y]
    return torch.where(distances > 0, gaps / distances, math.inf)


def signed_margin(
    logits: Float[Tensor, "n c"], weight: Float[Tensor, "c r"], labels: Int64[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """g, this book's one-line proof of Theorem 2: ``min (f_y - f_j) / ||W_y - W_j||_2`` over the j with W_j != W_y.

    With y fixed, g is 1-Lipschitz in the features: the least of signed distances from hyperplanes. At the predicted
    class it is the margin ratio, unless a class with the same row is tied, where the margin ratio is 0. With no such
    j it is +inf.

    Args:
        logits: ``W z + b``, shape (n, c).
        weight: The head W, shape (c, r).
        labels: The class y of each point, shape (n): fixed, whatever is predicted.

    Returns:
        Shape (n), in feature units; negative where a class with another row has a larger logit than y.

    Example:
        >>> weight = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
        >>> z = torch.tensor([[3.0, 1.0], [0.0, 1.25]])
        >>> signed_margin(z @ weight.T, weight, torch.tensor([0, 0]))
        tensor([ 1., -1.])
    """
    return signed_distances(logits, weight, labels).amin(1)


def towards_nearest(logits: Float[Tensor, "n c"], weight: Float[Tensor, "c r"]) -> Float[Tensor, "n r"]:
    """The unit vector from each point straight to the nearest hyperplane at which another class overtakes.

    A step of length t along it takes t off `signed_margin` of the predicted class, so t = m(x) is where the criterion
    stops being true.

    Args:
        logits: ``W z + b``, shape (n, c).
        weight: The head W, shape (c, r).

    Returns:
        Shape (n, r), without unit; 0 where every row equals that of the predicted class.

    Example:
        >>> weight = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
        >>> towards_nearest(torch.tensor([[9.0, 4.0]]), weight)
        tensor([[-0.6000,  0.8000]])
    """
    y = logits.argmax(1)
    normals = weight[signed_distances(logits, weight, y).argmin(1)] - weight[y]
    lengths = normals.norm(dim=1, keepdim=True)
    return torch.where(lengths > 0, normals / lengths, 0.0)
