"""Perturbation sets: a norm, a radius, and the pixel range the perturbed image must stay in.

Both theorems hold for any set of perturbations that contains 0 and is the same on both sides; here it is the ball
{||delta||_p <= eps} cut with the pixel box. A radius is never a naked float: 8 (of 255?) is refused, "8/255" is taken.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rt_utils.radius import NORM_SYMBOLS, Norm, format_eps, parse_eps, parse_norm


@dataclass(frozen=True)
class Threat:
    """The set {x' in [0, 1]^d : ||x' - x||_p <= eps}. eps in pixels of [0, 1].

    The paper writes an open ball; on a continuous encoder the supremum is the same.
    """

    norm: Norm
    eps: float

    @classmethod
    def parse(cls, norm: object, eps: object) -> "Threat":
        """From what a user wrote. Raises InputError."""
        checked = parse_norm(norm)
        return cls(checked, parse_eps(eps, checked))

    def __str__(self) -> str:
        return f"{NORM_SYMBOLS[self.norm]}, eps = {format_eps(self.eps, self.norm)}"

    def size(self, delta: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """||delta||_p of every perturbation, in pixels."""
        flat = delta.flatten(1)
        return flat.abs().amax(1) if self.norm == "linf" else flat.norm(dim=1)

    def contains(self, x: Float[Tensor, "n c h w"], perturbed: Float[Tensor, "n c h w"]) -> Bool[Tensor, " n"]:
        """Whether each perturbed image lies in the set around x, up to float32 rounding (1e-6 relative to 1)."""
        box = (perturbed.flatten(1) >= 0).all(1) & (perturbed.flatten(1) <= 1).all(1)
        return box & (self.size(perturbed - x) <= self.eps + 1e-6 * max(1.0, self.eps))

    def random_start(self, x: Float[Tensor, "n c h w"], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
        """Random points as far from x as the ball allows (not yet cut with the box): corners (l_inf), sphere (l_2).

        Attacks that start there find more than from the ball's interior.
        """
        noise = torch.randn(x.shape, generator=generator)
        delta = noise.sign() if self.norm == "linf" else noise / noise.flatten(1).norm(dim=1)[:, None, None, None]
        return x + self.eps * delta.to(x.device, x.dtype)
