"""DeepFool: how far an image is from the nearest boundary of the linearised classifier, step after step."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rt_utils.theory.threat import Norm

OVERSHOOT = 1.02  # as in the paper: a step ends just behind the boundary


def deepfool_distance(
    model: nn.Module, x: Float[Tensor, "n c h w"], norm: Norm, *, classes: int = 5, steps: int = 10
) -> Float[Tensor, " n"]:
    """The length of DeepFool's perturbation (Moosavi-Dezfooli et al., 2016) of each image, in pixels, without a box.

    An estimate of the distance to the nearest other class, neither an upper nor a lower bound on it: an image that no
    step has flipped has the length reached.

    Args:
        model: Images to logits, differentiable.
        x: Images in [0, 1], shape (n, c, h, w).
        norm: In which a step is shortest, and in which its length is measured.
        classes: How many other classes a step aims at: those with the largest logits at the clean image.
        steps: At most so many.

    Returns:
        Lengths, shape (n), on the CPU.
    """
    logits = model(x).detach()
    order = logits.argsort(1, descending=True)[:, : classes + 1]
    moved, left = x.clone(), torch.arange(len(x), device=x.device)
    for _ in range(steps):
        here = moved[left].detach().requires_grad_()
        chosen = model(here).gather(1, order[left])
        left_at = (chosen.argmax(1) == 0).detach()
        if not left_at.any():
            break
        slopes = torch.stack(
            [torch.autograd.grad(chosen[:, j].sum(), here, retain_graph=True)[0] for j in range(chosen.shape[1])]
        ).flatten(2)
        w, gaps = slopes[1:] - slopes[:1], (chosen[:, 0] - chosen[:, 1:].T).detach()  # (k, n, d) and (k, n)
        dual = (w.abs().sum(2) if norm == "linf" else w.norm(dim=2)).clamp(min=1e-12)
        nearest = (gaps.abs() / dual).argmin(0)
        these = torch.arange(len(left), device=x.device)
        towards, size, gap = w[nearest, these], dual[nearest, these], gaps[nearest, these].abs() + 1e-6
        unit = towards.sign() if norm == "linf" else towards / size[:, None]
        step = OVERSHOOT * (gap / size)[:, None] * unit
        moved[left] += (step * left_at[:, None]).view_as(here)
        left = left[left_at]
    delta = (moved - x).flatten(1)
    return (delta.abs().amax(1) if norm == "linf" else delta.norm(dim=1)).detach().cpu()
