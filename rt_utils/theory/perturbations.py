"""A threat's perturbations as tensors: how large, whether allowed, where a search starts, and how it steps."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rt_utils.theory.threat import Threat

Images = Float[Tensor, "n c h w"]


def size(threat: Threat, delta: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """||delta||_p of every perturbation, in pixels."""
    flat = delta.flatten(1)
    return flat.abs().amax(1) if threat.norm == "linf" else flat.norm(dim=1)


def allowed(threat: Threat, x: Float[Tensor, "n c h w"], perturbed: Float[Tensor, "n c h w"]) -> Bool[Tensor, " n"]:
    """Whether each perturbed image lies in the set around x, up to float32 rounding (1e-6 relative to 1)."""
    box = (perturbed.flatten(1) >= 0).all(1) & (perturbed.flatten(1) <= 1).all(1)
    return box & (size(threat, perturbed - x) <= threat.eps + 1e-6 * max(1.0, threat.eps))


def random_start(threat: Threat, x: Float[Tensor, "n c h w"], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
    """Random points as far from x as the ball allows (not yet cut with the box): corners (l_inf), sphere (l_2).

    Attacks that start there find more than from the ball's interior.
    """
    noise = torch.randn(x.shape, generator=generator)
    delta = noise.sign() if threat.norm == "linf" else noise / noise.flatten(1).norm(dim=1)[:, None, None, None]
    return x + threat.eps * delta.to(x.device, x.dtype)


def uniform_start(threat: Threat, x: Float[Tensor, "n c h w"], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
    """Uniform in the l_inf ball (not yet cut with the box), as foolbox's own starts are; l_2: `random_start`."""
    if threat.norm != "linf":
        return random_start(threat, x, generator)
    return x + threat.eps * (torch.rand(x.shape, generator=generator).to(x.device, x.dtype) * 2 - 1)


def _cut(delta: Images, threat: Threat) -> Images:
    """l_2: perturbations no longer than eps, in the same direction."""
    return delta * (threat.eps / _length(delta).clamp(min=threat.eps))


def _length(images: Images) -> Float[Tensor, "n 1 1 1"]:
    return images.flatten(1).norm(dim=1)[:, None, None, None]


def into_ball(images: Images, centre: Images, threat: Threat) -> Images:
    """Images pulled back into the ball around `centre`. The pixel box is left to the caller."""
    if threat.norm == "linf":
        return torch.minimum(torch.maximum(images, centre - threat.eps), centre + threat.eps)
    return centre + _cut(images - centre, threat)


def pgd_step(point: Images, gradient: Images, centre: Images, threat: Threat, size: float) -> Images:
    """From `point` a step of `size` times eps that the gradient points to, then back into the ball around `centre`.

    l_inf: along the gradient's sign; l_2: along the gradient. The pixel box is left to the caller.
    """
    if threat.norm == "linf":
        return into_ball(point + size * threat.eps * gradient.sign(), centre, threat)
    return centre + _cut(point - centre + size * threat.eps * gradient / (_length(gradient) + 1e-12), threat)
