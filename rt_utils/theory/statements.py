"""The statements of the paper and one of this book, as functions of tensors alone: no model, no data set, no attack.

Notation as in the book: features z = f_theta(x) in R^r, head W in R^{c x r} with rows W_j, logits W z + b in R^c,
shift S(x) = sup ||f_theta(x + delta) - f_theta(x)||_2 over the perturbations delta in Delta(x), a set that contains 0.
Classes are numbered from 0 here, from 1 in the book's formulas. Distances between features are in feature units.
"""

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

Alpha = Literal["l1", "l2", "linf"]


def head_norm(weight: Float[Tensor, "c r"], alpha: Alpha = "linf") -> float:
    """``L_alpha(W)`` in Lemma 2's ``||W v||_alpha <= L_alpha(W) ||v||_2``.

    The words of the paper's proof, Cauchy-Schwarz for every row, give the Frobenius norm for l2. This is the spectral
    norm, the smallest constant there; it is never above the Frobenius norm and equals it for rank one. The printed form
    is not known to this book; the paper's released code prints both.

    Args:
        weight: The head W, shape (c, r).
        alpha: l1: ``sum_j ||W_j||_2``. l2: the spectral norm. linf:
            ``max_j ||W_j||_2``.

    Returns:
        Logits for each unit of feature distance.

    Example:
        >>> weight = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
        >>> head_norm(weight), head_norm(weight, "l1")
        (5.0, 6.0)
    """
    if alpha == "l2":
        return float(torch.linalg.matrix_norm(weight, 2))
    rows = weight.norm(dim=1)
    return float(rows.sum() if alpha == "l1" else rows.max())


def shift(z: Float[Tensor, "#n r"], z_perturbed: Float[Tensor, "n r"]) -> Float[Tensor, " n"]:
    """``||f_theta(x + delta) - f_theta(x)||_2`` per point.

    Args:
        z: Features of the clean images, shape (n, r), or (1, r) of one image that was perturbed n times.
        z_perturbed: Features of the perturbed images, shape (n, r).

    Returns:
        Shape (n), in feature units.

    Example:
        >>> shift(torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([5., 1.])
    """
    return (z_perturbed - z).norm(dim=1)


def as_score(shifts: Float[Tensor, " n"]) -> float:
    """The adversarial sensitivity score, eq. (2): the mean of the largest shifts. From PGD it is a lower bound.

    Args:
        shifts: The largest shift found at each point, shape (n), in feature units.

    Returns:
        In feature units.

    Example:
        >>> as_score(torch.tensor([1.0, 3.0]))
        2.0
    """
    return float(shifts.mean())


def row_distances(weight: Float[Tensor, "c r"]) -> Float[Tensor, "c c"]:
    """``||W_i - W_j||_2`` for every pair of rows, from differences: exactly 0 where two rows are equal.

    Args:
        weight: The head W, shape (c, r).

    Returns:
        Shape (c, c), in logits for each unit of feature distance.

    Example:
        >>> row_distances(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor([[0., 5.],
                [5., 0.]])
    """
    return torch.cdist(weight, weight, compute_mode="donot_use_mm_for_euclid_dist")


def margin_ratio(
    logits: Float[Tensor, "n c"],
    weight: Float[Tensor, "c r"],
    labels: Int64[Tensor, " n"] | None = None,
) -> Float[Tensor, " n"]:
    """The right-hand side of Theorem 2's condition (1): ``min_{j != y} |f_y - f_j| / ||W_y - W_j||_2``.

    A class j whose row equals W_y never overtakes: its ratio is +inf where ``f_y > f_j``, and else 0. With one class
    there is no j: +inf.

    Args:
        logits: ``W z + b`` at the clean images, shape (n, c).
        weight: The head W, shape (c, r).
        labels: The class y of each point, shape (n); by default the predicted one, as in the theorem.

    Returns:
        Shape (n), in feature units.

    Example:
        >>> weight = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
        >>> z = torch.tensor([[3.0, 1.0]])
        >>> margin_ratio(z @ weight.T, weight)
        tensor([1.])
    """
    y = logits.argmax(1) if labels is None else labels
    gaps = logits.gather(1, y[:, None]) - logits
    distances = row_distances(weight)[y]
    ratios = torch.where((gaps > 0) | (distances > 0), gaps.abs() / distances, torch.zeros_like(gaps))
    ratios.scatter_(1, y[:, None], math.inf)
    return ratios.amin(1)


def criterion(shifts: Float[Tensor, " n"], ratios: Float[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Theorem 2's condition (1), strict so that a tie never counts: shift < margin ratio.

    Args:
        shifts: The largest shift at each point, shape (n), in feature units.
        ratios: The margin ratio at each point, shape (n), in feature units.

    Returns:
        Whether each point fulfils the criterion, shape (n).

    Example:
        >>> criterion(torch.tensor([0.5, 1.0, 2.0]), torch.ones(3))
        tensor([ True, False, False])
    """
    return shifts < ratios


def loss_gap_lhs(
    clean: Float[Tensor, " n"],
    adversarial: Float[Tensor, " n"],
    c1: float,
    norm_of_head: float,
) -> float:
    """The left-hand side of Lemma 1: ``|mean(l_adv - l)| / (C_1 L_alpha(W))``.

    Args:
        clean: The loss at each clean image, shape (n).
        adversarial: The largest loss found at each point, shape (n), in the same unit.
        c1: The loss's Lipschitz constant ``C_1`` in the norm alpha, above 0.
        norm_of_head: ``L_alpha(W)``, from `head_norm`.

    Returns:
        In feature units; 0 for a zero head.

    Example:
        >>> loss_gap_lhs(torch.tensor([0.5, 1.5]), torch.tensor([2.5, 3.5]), c1=2.0, norm_of_head=5.0)
        0.2
    """
    gap = abs(float((adversarial - clean).mean()))
    return gap / (c1 * norm_of_head) if norm_of_head > 0 else 0.0


def hoeffding(c2: float, n: int, rho: float, sides: int = 2) -> float:
    """The second term of Theorem 1, ``C_2 sqrt(log(sides / rho) / (2 n))``; one side suffices for it.

    Args:
        c2: An upper bound on the loss, above 0 and in its unit. It must be fixed before the sample is seen.
        n: The number of independent points.
        rho: The probability, above 0, with which the bound may fail.
        sides: 2 where deviations to both sides are bounded, else 1.

    Returns:
        In the loss's unit.

    Example:
        >>> round(hoeffding(1.0, 1000, 0.05), 4)
        0.0429
    """
    return c2 * math.sqrt(math.log(sides / rho) / (2 * n))


def loss_gap_bound(shifts: Float[Tensor, " n"], factor: float, c2: float, rho: float) -> float:
    """The right-hand side of Theorem 1: factor * mean(shifts) + the Hoeffding term, for a fixed predictor.

    Args:
        shifts: The largest shift at each point, shape (n), in feature units.
        factor: ``C_1 L_alpha(W)``.
        c2: An upper bound on the loss, as in `hoeffding`.
        rho: The probability with which the bound may fail, as in `hoeffding`.

    Returns:
        In the loss's unit.

    Example:
        >>> round(loss_gap_bound(torch.full((1000,), 0.1), 10.0, 2.0, 0.05), 4)
        1.0859
    """
    return factor * float(shifts.mean()) + hoeffding(c2, len(shifts), rho)


def uniform_loss_gap_bound(
    shifts: Float[Tensor, " n"],
    factor: float,
    c2: float,
    rho: float,
) -> float:
    """This book's bound for all heads and losses at once (DKW): mean(min(C_2, factor * S_i)) + one side.

    Never above `loss_gap_bound`, and it holds for a head that was fitted on the very sample, and for labels that were
    chosen after it: the event speaks of the shifts alone.

    Args:
        shifts: The largest shift at each point, shape (n), in feature units.
        factor: ``C_1 L_alpha(W)``.
        c2: An upper bound on the loss, as in `hoeffding`.
        rho: The probability with which the bound may fail, at most 1/2.

    Returns:
        In the loss's unit.

    Example:
        >>> round(uniform_loss_gap_bound(torch.full((1000,), 0.1), 10.0, 2.0, 0.05), 4)
        1.0774
    """
    return float((factor * shifts).clamp(max=c2).mean()) + hoeffding(c2, len(shifts), rho, sides=1)
