"""Theorem 2, and Theorem 1 point by point, in the head's own subspace: the span of the differences of its rows.

<W_y - W_j, v> = <W_y - W_j, P v> for every v if P is symmetric and keeps the differences. So only the part P v of a
move v of the features matters to the head, and S_P(x) = sup ||P (f_theta(x + delta) - f_theta(x))||_2 stands in for S.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.theory import statements


def difference_basis(weight: Float[Tensor, "c r"], tolerance: float | None = None) -> Float[Tensor, "k r"]:
    """An orthonormal basis of span{W_i - W_j}, as rows: k is at most min(c - 1, r).

    From the singular value decomposition of W minus its mean row, in float64. A direction counts if its singular value
    is above `tolerance` times the Frobenius norm of W; the default, max(c, r) times float64's epsilon, is what rounding
    leaves of a direction that is not there. (Of W, not of what is left: the subtraction rounds in units of W.)

    Args:
        weight: The head W, shape (c, r).
        tolerance: Relative to the Frobenius norm of W.

    Returns:
        Shape (k, r), float64; k = 0 where all rows are equal.

    Example:
        >>> difference_basis(torch.tensor([[1.0, 5.0, 0.0], [-1.0, 5.0, 0.0]])).abs()
        tensor([[1., 0., 0.]], dtype=torch.float64)
    """
    w = weight.double()
    if tolerance is None:
        tolerance = max(w.shape) * torch.finfo(torch.float64).eps
    _, values, rows = torch.linalg.svd(w - w.mean(0), full_matrices=False)
    rank = int((values > tolerance * w.norm()).sum())
    return rows[: min(rank, len(w) - 1)]


def projector(basis: Float[Tensor, "k r"]) -> Float[Tensor, "r r"]:
    """P, the orthogonal projector onto the span of the orthonormal rows of `basis`."""
    return basis.T @ basis


def subspace_shift(
    z: Float[Tensor, "#n r"], z_perturbed: Float[Tensor, "n r"], basis: Float[Tensor, "k r"]
) -> Float[Tensor, " n"]:
    """``||P (f_theta(x + delta) - f_theta(x))||_2`` per point, in feature units; never above `statements.shift`.

    Args:
        z: Features of the clean images, shape (n, r) or (1, r).
        z_perturbed: Features of the perturbed images, shape (n, r).
        basis: Of the head's subspace, from `difference_basis`, shape (k, r).

    Returns:
        Shape (n), in feature units.

    Example:
        >>> basis = difference_basis(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        >>> subspace_shift(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), basis)
        tensor([3.], dtype=torch.float64)
    """
    return ((z_perturbed - z).double() @ basis.T).norm(dim=1)


def faults(p: Float[Tensor, "r r"], weight: Float[Tensor, "c r"]) -> dict[str, float]:
    """By how much P falls short of each condition, relative to what it acts on: all 0 up to rounding for a right P.

    symmetric: P^T = P; without it the statement is false. differences: P keeps every W_i - W_j; without it the
    statement is false. projector: P^2 = P, which with symmetry gives S_P <= S; nothing else uses it. dimensions:
    trace P minus the rank of the differences; above 0 the statement holds, with an S_P larger than it must be.
    """
    p, w = p.double(), weight.double()
    scale, differences = 1 + float(p.norm()), w[1:] - w[0]  # all others are differences of these
    largest = float(statements.row_distances(w).max()) or 1.0
    return {
        "symmetric": float((p.T - p).norm()) / scale,
        "differences": float((differences @ p.T - differences).norm()) / largest,
        "projector": float((p @ p - p).norm()) / scale,
        "dimensions": float(p.trace()) - (int(torch.linalg.matrix_rank(differences)) if len(differences) else 0),
    }
