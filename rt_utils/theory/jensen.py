"""The Jensen step in Lemma 3: the change of the cross-entropy, exactly, and what Jensen's inequality makes of it."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class JensenStep:
    """Two outputs u and u' at one label y: the change l(u, y) - l(u', y) and its bounds. Changes in nats.

    weights: q = softmax(u). values: a_j = exp(u'_j - u_j), so that sum_j q_j a_j = sum_j exp(u'_j) / sum_j exp(u_j).
    exact: (u'_y - u_y) - log sum_j q_j a_j, which is the change. bound: (u'_y - u_y) - sum_j q_j log a_j, which is no
    smaller by Jensen's inequality for the convex function -log. constant: 2 ||u - u'||_inf, which bounds that.
    """

    weights: Float[Tensor, " c"]
    values: Float[Tensor, " c"]
    exact: float
    bound: float
    constant: float

    @property
    def mean(self) -> float:
        """sum_j q_j a_j, where -log is evaluated on the left side of Jensen's inequality."""
        return float(self.weights @ self.values)

    @property
    def mean_of_logs(self) -> float:
        """sum_j q_j (-log a_j), its right side."""
        return float(self.weights @ -self.values.log())

    @property
    def lost(self) -> float:
        """What Jensen's inequality loses, in nats: the Kullback-Leibler divergence of softmax(u) from softmax(u')."""
        return self.bound - self.exact


def jensen_step(u: Float[Tensor, " c"], other: Float[Tensor, " c"], y: int) -> JensenStep:
    """The step of Lemma 3's proof that takes Jensen's inequality, at outputs u and u' (`other`) and class y (from 0).

    Example:
        >>> import torch
        >>> step = jensen_step(torch.zeros(2), torch.tensor([0.0, 1.0]), 0)
        >>> f"{step.exact:.3f} <= {step.bound:.3f} <= {step.constant:.3f}"
        '-0.620 <= -0.500 <= 2.000'
    """
    u, other = u.double(), other.double()
    q, own = u.softmax(0), float(other[y] - u[y])
    return JensenStep(
        weights=q,
        values=(other - u).exp(),
        exact=own - float((q @ (other - u).exp()).log()),
        bound=own + float(q @ (u - other)),
        constant=2 * float((u - other).abs().max()),
    )
