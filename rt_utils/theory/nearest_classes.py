"""The move of the features within the span of the row differences to a few classes alone: the nearest of each point.

Theorem 2 in the head's own subspace, for the head that keeps the predicted class and these: its m(x) is the same.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def nearest_subspace_shifts(
    z: Float[Tensor, "n r"],
    z_perturbed: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
    classes: int,
) -> Float[Tensor, " n"]:
    """``||P (f_theta(x + delta) - f_theta(x))||_2`` per point, in feature units, with a projector P of its own.

    P projects onto the span of W_y - W_j over the `classes` other classes j that are nearest to the point.
    y is the class predicted at z; the nearest are those of the smallest fractions in m(x). A class with W_j = W_y adds
    nothing to the span. With all c - 1 classes it is the shift in the head's own subspace, with one the size of the
    move across the nearest hyperplane; in between it never falls.

    Example:
        >>> weight, z = torch.tensor([[0.0, 0.0], [-1.0, 0.0], [0.0, -2.0]]), torch.tensor([[1.0, 3.0]])
        >>> bias, moved = torch.zeros(3), torch.tensor([[4.0, 7.0]])
        >>> [nearest_subspace_shifts(z, moved, weight, bias, k).item() for k in (1, 2)]
        [3.0, 5.0]
    """
    w, z, moved = weight.double(), z.double(), z_perturbed.double()
    logits = z @ w.T + bias.double()
    y = logits.argmax(1)
    differences = w[y][:, None] - w
    gaps = logits.gather(1, y[:, None]) - logits
    fractions = torch.where(differences.norm(dim=2) > 0, gaps / differences.norm(dim=2), torch.inf)
    nearest = fractions.argsort(dim=1)[:, :classes]
    kept = differences.gather(1, nearest[:, :, None].expand(-1, -1, w.shape[1]))
    _, values, rows = torch.linalg.svd(kept, full_matrices=False)
    there = values > max(w.shape) * torch.finfo(torch.float64).eps * w.norm()
    along = (rows @ (moved - z)[:, :, None])[:, :, 0]
    return (along * there).norm(dim=1)
