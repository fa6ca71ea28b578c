"""Adversarial training's inner attack: a short PGD on the loss of a batch (Madry et al. 2018)."""

from collections.abc import Callable

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from rt_utils.theory.perturbations import Images, pgd_step, random_start, uniform_start
from rt_utils.theory.threat import Threat

Loss = Callable[[Tensor, Tensor], Tensor]


def perturbed(
    model: nn.Module,
    x: Images,
    y: Shaped[Tensor, "n ..."],
    loss: Loss,
    threat: Threat,
    *,
    steps: int,
    size: float,
    generator: torch.Generator,
    leaves_box: bool = False,
) -> Images:
    """The training images: `steps` PGD steps of `size` times eps up the loss of the batch, from a random start.

    What the model sees, and what comes back, lies in the ball and in the pixel box. Between the steps the perturbation
    is cut with both, and it starts uniformly (l_2: on the sphere). With `leaves_box` it is cut with the ball alone, and
    starts in a random direction, each pixel scaled by a number from [0, 1] (l_inf: uniformly too).
    """
    if not threat.eps:
        return x
    centre = torch.zeros_like(x) if leaves_box else x  # `point` is the perturbation, or the perturbed image
    if leaves_box:
        point = (random_start(threat, x, generator) - x) * torch.rand(x.shape, generator=generator).to(x.device)
    else:
        point = uniform_start(threat, x, generator).clamp(0, 1)

    def image(point: Images) -> Images:
        inside = (x + point if leaves_box else point).clamp(0, 1)
        return inside.contiguous(memory_format=torch.channels_last)

    for _ in range(steps):
        inputs = image(point).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(model(inputs), y), inputs)
        point = pgd_step(point, gradient, centre, threat, size)
        if not leaves_box:
            point = point.clamp(0, 1)
    return image(point)
