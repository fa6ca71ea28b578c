"""Attacks on what a two-layer network computes of a sparse code.

A silent node has no gradient, so a search from the code itself never wakes it, and which of the silent ones to wake is
a choice among many. So the search begins at every corner of the ball, and with a threshold that rises on the way.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Gain = Callable[[Tensor, float], Tensor]  # of inputs (..., n, d) and a threshold: one number an input


@dataclass(frozen=True)
class SearchSettings:
    """`short` steps from the 2 d corners, `steps` from `random` points, and as many from the `keep` best of all."""

    random: int
    short: int
    steps: int
    keep: int


def ascend(
    gain: Callable[[Tensor, int], Tensor],
    s: Float[Tensor, "*j n d"],
    delta: Float[Tensor, "*k n d"],
    norm: str,
    eps: float,
    sizes: list[float],
) -> Float[Tensor, "*k n d"]:
    """PGD from `delta` that increases `gain(inputs, number of the step)`; step sizes relative to eps."""
    for step, size in enumerate(sizes):
        delta = delta.detach().requires_grad_()
        (slope,) = torch.autograd.grad(gain(s + delta, step).sum(), delta)
        delta = delta.detach()
        if norm == "l2":
            delta = delta + size * eps * slope / (slope.norm(dim=-1, keepdim=True) + 1e-12)
            delta = delta * (eps / delta.norm(dim=-1, keepdim=True).clamp(min=eps))
        else:
            delta = (delta + size * eps * slope.sign()).clamp(-eps, eps)
    return delta


def falling(first: float, steps: int) -> list[float]:
    """Step sizes that fall from `first` to 0 by a cosine."""
    return [first * (1 + math.cos(math.pi * step / steps)) / 2 for step in range(steps)]


def search(
    gain: Gain,
    s: Float[Tensor, "n d"],
    norm: str,
    eps: float,
    threshold: float,
    draw: torch.Generator,
    settings: SearchSettings,
) -> Float[Tensor, " n"]:
    """The largest `gain(inputs, threshold)` found per input.

    From the random points twice: with the threshold as it is, and with one that rises to it from 0.
    """

    def fixed(x: Tensor, step: int) -> Tensor:
        return gain(x, threshold)

    def rising(x: Tensor, step: int) -> Tensor:
        return gain(x, threshold * min(1.0, 2 * (step + 1) / settings.steps))

    if not eps:
        return gain(s, threshold)
    d = s.shape[-1]
    noise = torch.randn(settings.random, *s.shape, generator=draw)
    noise = noise.sign() if norm == "linf" else functional.normalize(noise, dim=-1)
    rough = torch.linspace(0.01, 1, settings.random)[:, None, None] * eps * noise
    corners = eps * torch.cat([torch.eye(d), -torch.eye(d)])[:, None].expand(-1, len(s), -1)
    quick, long, last = falling(0.5, settings.short), falling(1.0, settings.steps), falling(0.5, settings.steps)
    starts = ((fixed, corners, quick), (rising, rough, long), (fixed, rough, long))
    found = torch.cat([ascend(which, s, start, norm, eps, sizes) for which, start, sizes in starts])
    best = gain(s + found, threshold).topk(settings.keep, dim=0).indices
    found = ascend(fixed, s, found.gather(0, best[..., None].expand(-1, -1, d)), norm, eps, last)
    return torch.maximum(gain(s + found, threshold).amax(0), gain(s, threshold))
