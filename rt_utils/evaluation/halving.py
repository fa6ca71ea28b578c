"""Successive halving of starts: how a page searches for a large shift or loss within a budget of gradients.

Many starts take a few steps each. At every point the best of them go on, then one, which takes most of the steps
(Jamieson and Talwalkar 2016; here it is the largest value found that decides). Steps follow a running mean of the
gradients (Dong et al. 2018) and fall to 0 by one cosine over all that a start may take; what counts is the best image
on the way. Before the first choice candidates are also crossed and mirrored, which costs values alone: a blockwise
mixture of two good perturbations is often a better one, and the shift is nearly symmetric,
``||J delta|| = ||J (-delta)||``, until curvature decides between the two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.per_point import Values, at_once, repeated
from rt_utils.theory.perturbations import Images, into_ball, pgd_step, random_start
from rt_utils.theory.threat import Threat

_BLOCKS = 8  # a mixture takes each of 8 x 8 blocks of the image from one of two perturbations


@dataclass(frozen=True)
class HalvingSettings:
    """`starts` take steps[0] steps each; at every point the best `kept` go on for steps[1], the best one for steps[2].

    rel_stepsize: the first step relative to eps. momentum: the share of the mean of earlier gradients. crossed,
    mirrored: how many mixtures and mirror images of candidates are tried before the first choice.
    """

    starts: int
    kept: int
    steps: tuple[int, int, int]
    rel_stepsize: float = 3.0
    momentum: float = 0.3
    crossed: int = 6
    mirrored: int = 0
    seed: int = 0

    @classmethod
    def of_shift(cls, restarts: int, steps: int, rel_stepsize: float = 3.0, seed: int = 0) -> "HalvingSettings":
        """A page's search for the shift, from its parameters: up to three starts more than `restarts`."""
        starts, crossed = restarts + min(3, restarts), min(6, 2 * restarts)
        rungs = (5, 6, math.ceil(steps / 3))
        return cls(starts, min(3, restarts), rungs, rel_stepsize, crossed=crossed, mirrored=starts, seed=seed)

    @classmethod
    def of_loss(cls, restarts: int, steps: int, rel_stepsize: float = 3.0, seed: int = 0) -> "HalvingSettings":
        """A page's search for the loss, from its parameters; its first start is what that for the shift found."""
        return cls(restarts, 2, (4, 6, math.ceil(steps / 3)), rel_stepsize, seed=seed)

    @classmethod
    def of_margin(cls, restarts: int, steps: int, rel_stepsize: float = 3.0, seed: int = 0) -> "HalvingSettings":
        """A page's search for a flip where that for the loss found none, from that one's find and a random start."""
        return cls(min(2, restarts), 1, (6, 0, math.ceil(steps / 7)), rel_stepsize, crossed=0, seed=seed)

    @property
    def candidates(self) -> tuple[int, int, int]:
        """How many of each point's candidates take the steps of each rung."""
        return self.starts, min(self.kept, self.starts), 1

    @property
    def gradients(self) -> int:
        """How many gradients a point costs."""
        return sum(kept * steps for kept, steps in zip(self.candidates, self.steps, strict=True))

    @property
    def passes(self) -> float:
        """What a point costs in passes forward and back, where a value alone is half of one."""
        return self.gradients + (sum(self.candidates) + self.crossed + self.mirrored) / 2


@dataclass
class _Candidates:
    """k images for each of n points, their values, and the mean gradient with which each goes on."""

    images: Float[Tensor, "k n c h w"]
    values: Float[Tensor, "k n"]
    velocity: Float[Tensor, "k n c h w"]

    def best(self, k: int) -> "_Candidates":
        """The k candidates of the largest values, at each point its own."""
        top = self.values.topk(min(k, len(self.values)), 0).indices
        everyone = torch.arange(self.values.shape[1], device=top.device)
        return _Candidates(*(part[top, everyone] for part in (self.images, self.values, self.velocity)))

    def joined(self, images: Float[Tensor, "j n c h w"], values: Values) -> "_Candidates":
        """With more images, which start at rest."""
        if not len(images):
            return self
        with torch.no_grad():
            its = torch.stack([values(image) for image in images])
        more = (images, its, torch.zeros_like(images))
        return _Candidates(*(torch.cat(pair) for pair in zip(vars(self).values(), more, strict=True)))


def _climb(
    values: Values, x: Images, threat: Threat, start: Images, velocity: Images, sizes: Sequence[float], momentum: float
) -> tuple[Images, Float[Tensor, " n"], Images]:
    """Steps of `sizes` times eps from `start`: the best images on the way, their values, the mean gradient."""
    at = start.contiguous(memory_format=torch.channels_last)
    best, best_values = at.clone(), torch.full((len(x),), -math.inf, device=x.device)

    def note(value: Float[Tensor, " n"]) -> None:
        better = value > best_values
        torch.where(better[:, None, None, None], at, best, out=best)
        torch.where(better, value, best_values, out=best_values)

    for size in sizes:
        with torch.enable_grad():
            point = at.detach().requires_grad_()
            value = values(point)
            (gradient,) = torch.autograd.grad(value.sum(), point)
        note(value.detach())
        gradient /= gradient.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-30)
        velocity = momentum * velocity + (1 - momentum) * gradient
        at = pgd_step(at, velocity, x, threat, size).clamp(0, 1)
    with torch.no_grad():
        note(values(at))
    return best, best_values, velocity


def _climb_all(
    values: Values, x: Images, threat: Threat, candidates: _Candidates, sizes: Sequence[float], momentum: float
) -> _Candidates:
    """`_climb` from every candidate, as many in one batch as pays."""
    found = []
    most = at_once(values, x)
    for first in range(0, len(candidates.images), most):
        starts, velocity = (part[first : first + most] for part in (candidates.images, candidates.velocity))
        k, centre = len(starts), repeated(x, len(starts))
        climbed = _climb(values, centre, threat, starts.flatten(0, 1), velocity.flatten(0, 1), sizes, momentum)
        found.append([part.unflatten(0, (k, len(x))) for part in climbed])
    return _Candidates(*(torch.cat(part) for part in zip(*found, strict=True)))


def _mixed(
    x: Images, best: Float[Tensor, "k n c h w"], threat: Threat, count: int, generator: torch.Generator
) -> Float[Tensor, "j n c h w"]:
    """Blockwise mixtures of the best candidate with the second and the third."""
    n, _, height, width = x.shape
    mixtures = []
    for j in range(count if len(best) > 1 else 0):
        blocks = (torch.rand((n, 1, _BLOCKS, _BLOCKS), generator=generator) < 0.5).to(x.device, x.dtype)
        mask = torch.nn.functional.interpolate(blocks, size=(height, width)).bool()
        mixed = torch.where(mask, best[0], best[1 + j % (len(best) - 1)])
        mixtures.append(into_ball(mixed, x, threat).clamp(0, 1))
    return torch.stack(mixtures) if mixtures else best[:0]


def halving(
    values: Values, x: Images, threat: Threat, settings: HalvingSettings, given: Sequence[Images] = ()
) -> Images:
    """The images at which the search found the largest of `values`, one a point.

    Args:
        values: Maps images (n, c, h, w) to one number each (n), differentiably; to be maximised.
        x: Images in [0, 1], shape (n, c, h, w).
        threat: The norm, and the radius in pixels.
        settings: Starts, steps, seed.
        given: Images at which the first starts lie, such as another search's finds; random ones for the rest.

    Returns:
        Perturbed images inside the threat, shape (n, c, h, w).

    Example:
        >>> x = torch.full((1, 3, 2, 2), 0.5)
        >>> settings = HalvingSettings(3, 2, (2, 2, 4))
        >>> found = halving(lambda images: images.sum((1, 2, 3)), x, Threat("linf", 0.1), settings)
        >>> round(found.max().item(), 4)
        0.6
    """
    generator = torch.Generator().manual_seed(settings.seed)
    starts = [into_ball(start, x, threat).clamp(0, 1) for start in given[: settings.starts]]
    while len(starts) < settings.starts:
        starts.append(random_start(threat, x, generator).clamp(0, 1))
    images = torch.stack(starts)
    candidates = _Candidates(images, torch.zeros(images.shape[:2], device=x.device), torch.zeros_like(images))
    total, done = sum(settings.steps), 0
    for rung, (kept, steps) in enumerate(zip(settings.candidates, settings.steps, strict=True)):
        if rung:
            candidates = candidates.best(kept)
        sizes = [settings.rel_stepsize * (1 + math.cos(math.pi * (done + k) / total)) / 2 for k in range(steps)]
        candidates = _climb_all(values, x, threat, candidates, sizes, settings.momentum)
        done += steps
        if rung == 0:
            best = candidates.best(max(3, settings.mirrored)).images
            mirrored = [into_ball(2 * x - image, x, threat).clamp(0, 1) for image in best[: settings.mirrored]]
            mixed = _mixed(x, best[:3], threat, settings.crossed, generator)
            candidates = candidates.joined(torch.cat([torch.stack(mirrored), mixed]) if mirrored else mixed, values)
    return candidates.best(1).images[0]
