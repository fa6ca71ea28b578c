"""The inequalities of the paper, as functions of tensors alone: no model, no data set, no attack.

Notation as in the book: features z = f_theta(x) in R^r, head W in R^{c x r} with rows W_j, logits W z + b in R^c,
shift S(x) = max_delta ||f_theta(x + delta) - f_theta(x)||_2. Distances between features are in feature units.
"""

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

Alpha = Literal["l1", "l2", "linf"]


def head_norm(weight: Float[Tensor, "c r"], alpha: Alpha = "linf") -> float:
    """L_alpha(W) of Lemma 2, the smallest constants the paper's proof gives: ||W v||_alpha <= L_alpha(W) ||v||_2.

    l1: sum_j ||W_j||_2. l2: the spectral norm (never above the Frobenius norm). linf: max_j ||W_j||_2.
    """
    if alpha == "l2":
        return float(torch.linalg.matrix_norm(weight, 2))
    rows = weight.norm(dim=1)
    return float(rows.sum() if alpha == "l1" else rows.max())


def shift(z: Float[Tensor, "n r"], z_perturbed: Float[Tensor, "n r"]) -> Float[Tensor, " n"]:
    """||f_theta(x + delta) - f_theta(x)||_2 per point, in feature units."""
    return (z_perturbed - z).norm(dim=1)


def as_score(shifts: Float[Tensor, " n"]) -> float:
    """The adversarial sensitivity score, eq. (2): the mean of the largest shifts. From PGD it is a lower bound."""
    return float(shifts.mean())


def row_distances(weight: Float[Tensor, "c r"]) -> Float[Tensor, "c c"]:
    """||W_i - W_j||_2 for every pair of rows, from differences: exactly 0 where two rows are equal."""
    return torch.cdist(weight, weight, compute_mode="donot_use_mm_for_euclid_dist")


def margin_ratio(
    logits: Float[Tensor, "n c"], weight: Float[Tensor, "c r"], labels: Int64[Tensor, " n"] | None = None
) -> Float[Tensor, " n"]:
    """The right-hand side of Theorem 2's condition (1): min_{j != y} |f_y - f_j| / ||W_y - W_j||_2, in feature units.

    y is the predicted class, as in the theorem, unless `labels` says otherwise. A class j whose row equals W_y never
    overtakes: its ratio is +inf where f_y > f_j and 0 at a tie. With one class there is no j: +inf.
    """
    y = logits.argmax(1) if labels is None else labels
    gaps = (logits.gather(1, y[:, None]) - logits).abs()
    distances = row_distances(weight)[y]
    ratios = torch.where(gaps > 0, gaps / distances, torch.zeros_like(gaps))
    ratios.scatter_(1, y[:, None], math.inf)
    return ratios.amin(1)


def criterion(shifts: Float[Tensor, " n"], ratios: Float[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Theorem 2's condition (1), strict so that a tie never counts: shift < margin ratio."""
    return shifts < ratios


def loss_gap_lhs(
    clean: Float[Tensor, " n"],
    adversarial: Float[Tensor, " n"],
    c1: float,
    norm_of_head: float,
) -> float:
    """The left-hand side of Lemma 1: |mean(l_adv - l)| / (C_1 L_alpha(W)), in feature units; 0 for a zero head."""
    gap = abs(float((adversarial - clean).mean()))
    return gap / (c1 * norm_of_head) if norm_of_head > 0 else 0.0


def hoeffding(c2: float, n: int, rho: float, sides: int = 2) -> float:
    """The second term of Theorem 1, C_2 sqrt(log(sides / rho) / (2 n)), in the loss's unit; one side suffices for it.

    `c2` bounds the loss and must be fixed before the sample is seen. Failure probability at most `rho`.
    """
    return c2 * math.sqrt(math.log(sides / rho) / (2 * n))


def loss_gap_bound(shifts: Float[Tensor, " n"], factor: float, c2: float, rho: float) -> float:
    """The right-hand side of Theorem 1: factor * mean(shifts) + the Hoeffding term, for a fixed predictor.

    `factor` is C_1 L_alpha(W). In the loss's unit.
    """
    return factor * float(shifts.mean()) + hoeffding(c2, len(shifts), rho)


def uniform_loss_gap_bound(
    shifts: Float[Tensor, " n"],
    factor: float,
    c2: float,
    rho: float,
) -> float:
    """This book's bound for all heads and losses at once (DKW, rho <= 1/2): mean(min(C_2, factor * S_i)) + one side.

    Never above `loss_gap_bound`, and it holds for a head that was fitted on the very sample.
    """
    return float((factor * shifts).clamp(max=c2).mean()) + hoeffding(c2, len(shifts), rho, sides=1)
