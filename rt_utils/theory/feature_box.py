"""What else follows when the features of every perturbed image lie in a known box: bounds on D(x) and on S_P(x).

If ``l <= f_theta(x + delta) <= u`` for every delta in Delta(x), entry by entry, no perturbation passes a corner of the
box [l, u]. So the supremum of a linear or convex function over the box is an upper bound (`worst_case` has S(x) and
the worst margin). Where the features of x + Delta(x) fill the box, as for `grey_means` in l_inf, those of S, of D and
of the worst margin are exact. This book's; in float64, proofs up to rounding.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.theory import statements
from rt_utils.theory.worst_case import largest_move


def furthest(
    z: Float[Tensor, "n r"], lower: Float[Tensor, "n r"], upper: Float[Tensor, "n r"], normals: Float[Tensor, "c r"]
) -> Float[Tensor, "n c"]:
    """The largest ``<a, z' - z>`` over the box for each row a: at the corner with u where a > 0 and l where a < 0."""
    return (upper - z) @ normals.clamp(min=0).T + (lower - z) @ normals.clamp(max=0).T


def directional_bound(
    z: Float[Tensor, "n r"],
    lower: Float[Tensor, "n r"],
    upper: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    predicted: Int64[Tensor, " n"],
) -> Float[Tensor, " n"]:
    """An upper bound on D(x), how far the features move towards another class's hyperplane; never above ``||v||_2``.

    ``max_j sup <W_j - W_y, z' - z> / ||W_j - W_y||_2`` over the box and the classes j with another row than y; 0 where
    there is none.

    Args:
        z: Features of the clean images, shape (n, r).
        lower: l, at most every feature of every perturbed image, shape (n, r).
        upper: u, at least every feature, shape (n, r).
        weight: The head W, shape (c, r).
        predicted: The class y of each point, shape (n).

    Returns:
        Shape (n), in feature units.

    Example:
        >>> z, weight = torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [3.0, -4.0]])
        >>> directional_bound(z, z - 1, z + 2, weight, torch.tensor([0]))
        tensor([2.])
    """
    towards = torch.zeros(len(z), dtype=z.dtype)
    distances = statements.row_distances(weight)
    for y in predicted.unique():
        of_class = predicted == y
        moves = furthest(z[of_class], lower[of_class], upper[of_class], weight - weight[y])
        towards[of_class] = torch.where(distances[y] > 0, moves / distances[y], 0.0).amax(1)
    return towards.clamp(min=0)


def subspace_bound(
    z: Float[Tensor, "n r"], lower: Float[Tensor, "n r"], upper: Float[Tensor, "n r"], basis: Float[Tensor, "k r"]
) -> Float[Tensor, " n"]:
    """An upper bound on S_P(x): the smaller of ``||v||_2``, v from `largest_move`, and what each coordinate allows.

    Not exact even where the box is: different coordinates may be largest at different corners.

    Args:
        z: Features of the clean images, shape (n, r).
        lower: l, shape (n, r).
        upper: u, shape (n, r).
        basis: Of the head's subspace, from `subspace.difference_basis`, shape (k, r).

    Returns:
        Shape (n), in feature units.

    Example:
        >>> z = torch.zeros(1, 2)
        >>> subspace_bound(z, z - 1, z + 1, torch.tensor([[1.0, 0.0]]))
        tensor([1.])
    """
    along = torch.maximum(furthest(z, lower, upper, basis), furthest(z, lower, upper, -basis))
    return torch.minimum(along.norm(dim=1), largest_move(z, lower, upper).norm(dim=1))
