"""Sparse codes and two-layer networks on them: hidden nodes that are silent below a threshold, and their purity."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.theory import purity as theory
from rt_utils.theory.purity import ACTIVATIONS

D, K, NODES = 32, 3, 64  # features, non-zeros of a code, hidden nodes
LOW, HIGH = 0.5, 1.5  # the sizes of the non-zeros


def radii(eps: float) -> dict[str, float]:
    """The radius of each adversary, in units of the code: eps in l_2, and eps / sqrt(K) in l_inf."""
    return {"l2": eps, "linf": eps / K**0.5}


def below(threshold: float) -> float:
    """The radius below which a pure node neither wakes nor falls silent, whatever moves each coordinate by it."""
    return max(0.0, min(threshold, LOW - threshold))


def reach_radius(eps: float, threshold: float) -> float:
    """eps where the closed form of pure nodes holds for it, else four fifths of the radius up to which it does."""
    return eps if eps < below(threshold) else 0.8 * below(threshold)


def _least(values: Float[Tensor, "n d"], k: int) -> Int64[Tensor, "n k"]:
    """Where the k least values of each row are, in their order: without ties there is no need to sort all."""
    least = values.topk(k + 1, dim=1, largest=False)
    if (least.values[:, 1:] == least.values[:, :-1]).any():
        return values.argsort(1)[:, :k]
    return least.indices[:, :k]


def codes(n: int, draw: torch.Generator) -> Float[Tensor, "n 32"]:
    """n codes with K non-zero entries at random, of sizes from LOW to HIGH and random signs."""
    where = _least(torch.rand(n, D, generator=draw), K)
    sizes = (LOW + torch.rand(n, K, generator=draw)) * torch.randn(n, K, generator=draw).sign()
    return torch.zeros(n, D).scatter(1, where, sizes)


def purity(weight: Float[Tensor, "m 32"]) -> Float[Tensor, " k"]:
    """The purity of the nodes that are not dead: those with at least a tenth of the largest norm."""
    norms = weight.norm(dim=1)
    alive = norms > 0.1 * norms.max()
    return theory.purity(weight[alive])


def purity_of_a_direction(d: int = D) -> float:
    """The median purity of directions of d entries that are drawn at random."""
    return float(theory.purity(torch.randn(10_000, d, generator=torch.Generator().manual_seed(0))).median())


@dataclass(frozen=True)
class Nodes:
    """Frozen hidden nodes: what they compute of a code, with their threshold t or another one."""

    weight: Float[Tensor, "m 32"]
    activation: str
    threshold: float

    def __call__(self, x: Float[Tensor, "*n 32"], t: float | None = None) -> Float[Tensor, "*n m"]:
        return ACTIVATIONS[self.activation](x @ self.weight.T, self.threshold if t is None else t)
