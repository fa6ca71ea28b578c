"""Sparse codes and two-layer networks on them: hidden nodes that are silent below a threshold, and their purity."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

D, K, NODES = 32, 3, 64  # features, non-zeros of a code, hidden nodes
ACTIVATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "soft": functional.softshrink,  # sign(v) max(|v| - b, 0)
    "hard": functional.hardshrink,  # v where |v| > b, else 0: what is active is not shrunk
}


def radii(eps: float) -> dict[str, float]:
    """The radius of each adversary, in units of the code: eps in l_2, and eps / sqrt(K) in l_inf."""
    return {"l2": eps, "linf": eps / K**0.5}


def codes(n: int, draw: torch.Generator) -> Float[Tensor, "n 32"]:
    """n codes with K non-zero entries at random, of sizes from 1/2 to 3/2 and random signs."""
    where = torch.rand(n, D, generator=draw).argsort(1)[:, :K]
    sizes = (0.5 + torch.rand(n, K, generator=draw)) * torch.randn(n, K, generator=draw).sign()
    return torch.zeros(n, D).scatter(1, where, sizes)


def purity(weight: Float[Tensor, "m 32"]) -> Float[Tensor, " k"]:
    """max_j |u_j| / ||u||_2 of the nodes that are not dead: those with at least a tenth of the largest norm."""
    norms = weight.norm(dim=1)
    alive = norms > 0.1 * norms.max()
    return (weight.abs().amax(1) / norms)[alive]


def purity_of_a_direction() -> float:
    """The median purity of directions that are drawn at random."""
    return float(purity(torch.randn(10_000, D, generator=torch.Generator().manual_seed(0))).median())


@dataclass(frozen=True)
class Nodes:
    """Frozen hidden nodes: what they compute of a code, with their threshold b or another one."""

    weight: Float[Tensor, "m 32"]
    activation: str
    threshold: float

    def __call__(self, x: Float[Tensor, "*n 32"], b: float | None = None) -> Float[Tensor, "*n m"]:
        return ACTIVATIONS[self.activation](x @ self.weight.T, self.threshold if b is None else b)
