"""Searches for bad perturbations: foolbox's PGD on the loss and on the representation.

Every attack returns perturbed inputs inside the threat; what they are worth is measured elsewhere, once, by the code
that also measures clean inputs. All of them find lower bounds on a maximum: none is a certificate.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import eagerpy as ep
import foolbox as fb
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn

from rt_utils.evaluation.per_point import PerPoint, Values, at_once, repeated
from rt_utils.theory.perturbations import random_start
from rt_utils.theory.threat import Norm, Threat

Images = Float[Tensor, "n c h w"]


@dataclass(frozen=True)
class PGDSettings:
    """`restarts` runs of `steps` steps from random starts, then `refine` steps from each point's best.

    rel_stepsize: the first step relative to eps. With `decay` the steps fall to 0 by a cosine, which finds clearly
    more than a constant step: long first steps cross the ball, short last steps settle. A refinement starts at two
    thirds of rel_stepsize. The paper: 20 steps, rel_stepsize 0.7, constant, one start.
    """

    steps: int = 20
    restarts: int = 1
    refine: int = 0
    rel_stepsize: float = 3.0
    decay: bool = True
    seed: int = 0


class _CosineSteps:
    """foolbox's optimiser interface: the update for a gradient that is already normalised."""

    def __init__(self, first: float, steps: int) -> None:
        self.first, self.steps, self.done = first, steps, 0

    def __call__(self, gradient: ep.Tensor) -> ep.Tensor:
        size = self.first * (1 + math.cos(math.pi * self.done / self.steps)) / 2
        self.done += 1
        return size * gradient


class _Objective:
    """foolbox's PGD with our objective and our random start, so that no global generator is touched."""

    objective: Callable[[Tensor], Tensor]
    start: Tensor
    decay: bool
    steps: int

    def get_optimizer(self, x: Any, stepsize: float) -> Any:
        return _CosineSteps(stepsize, self.steps) if self.decay else super().get_optimizer(x, stepsize)  # type: ignore[misc]

    def get_loss_fn(self, model: Any, labels: Any) -> Callable[[ep.Tensor], ep.Tensor]:
        return lambda inputs: ep.astensor(self.objective(inputs.raw))

    def get_random_start(self, x0: ep.Tensor, epsilon: float) -> ep.Tensor:
        return ep.astensor(self.start)


class _LinfPGD(_Objective, fb.attacks.LinfProjectedGradientDescentAttack):
    pass


class _L2PGD(_Objective, fb.attacks.L2ProjectedGradientDescentAttack):
    pass


_PGD: dict[Norm, type] = {"linf": _LinfPGD, "l2": _L2PGD}


def _pgd(
    model: nn.Module,
    values: Values,
    x: Images,
    threat: Threat,
    settings: PGDSettings,
    start: Images | None = None,
) -> Iterator[Images]:
    """Maximise `values` (images to one number each) over the threat, from `start` or from random starts."""
    if threat.eps == 0:  # the set is {x}
        yield x
        return
    wrapped = fb.PyTorchModel(model, bounds=(0, 1), device=x.device)

    def run(starts: list[Images], steps: int, rel_stepsize: float) -> Iterator[Images]:
        centre = repeated(x, len(starts))
        ignored = fb.criteria.Misclassification(torch.zeros(len(centre), dtype=torch.long, device=x.device))
        attack = _PGD[threat.norm](steps=steps, rel_stepsize=rel_stepsize, random_start=True)
        attack.objective, attack.decay = lambda inputs: values(inputs).sum(), settings.decay
        attack.start = torch.cat(starts) if len(starts) > 1 else starts[0]
        found: Tensor = attack.run(wrapped, centre, ignored, epsilon=threat.eps).detach()
        yield from found.split(len(x))

    def begin(restart: int) -> Images:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + restart)
        return random_start(threat, x, generator) if start is None else start

    best, best_values = x.clone(), torch.full((len(x),), -math.inf, device=x.device)
    most = at_once(values, x)
    for first in range(0, settings.restarts, most):
        starts = [begin(restart) for restart in range(first, min(settings.restarts, first + most))]
        for found in run(starts, settings.steps, settings.rel_stepsize):
            yield found
            if settings.refine:
                with torch.no_grad():
                    reached = values(found)
                better = reached > best_values
                best[better], best_values[better] = found[better], reached[better]
    if settings.refine:
        yield from run([best], settings.refine, settings.rel_stepsize * 2 / 3)


def shifts_from(encoder: nn.Module, x: Images) -> Values:
    """``||f_theta(x + delta) - f_theta(x)||_2`` of perturbed images, one number each, in feature units."""
    with torch.no_grad():
        z = encoder(x)
    return PerPoint(lambda inputs, clean: (encoder(inputs) - clean).norm(dim=1), z)


def representation_pgd(
    encoder: nn.Module, x: Images, threat: Threat, settings: PGDSettings, start: Images | None = None
) -> Iterator[Images]:
    """PGD on ``||f_theta(x + delta) - f_theta(x)||_2``, the maximum in the AS score (eq. 2).

    Args:
        encoder: Maps pixels to features (n, r); its parameters should be frozen.
        x: Images in [0, 1], shape (n, c, h, w).
        threat: The norm, and the radius in pixels.
        settings: Steps, restarts, refinement, seed.
        start: Images at which all runs begin, shape (n, c, h, w); none: random ones.

    Yields:
        Perturbed images inside the threat, shape (n, c, h, w), one result a run.

    Example:
        >>> x = torch.full((1, 3, 2, 2), 0.5)  # its own features: 12 pixels, each of which may move by 0.1
        >>> (found,) = representation_pgd(nn.Flatten().eval(), x, Threat("linf", 0.1), PGDSettings(steps=5))
        >>> round((found - x).norm().item() / 12**0.5, 4)
        0.1
    """
    return _pgd(encoder, shifts_from(encoder, x), x, threat, settings, start)


def _cross_entropy(logits: Float[Tensor, "n c"], y: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    return nn.functional.cross_entropy(logits, y, reduction="none")


def margin(logits: Float[Tensor, "n c"], y: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    """By how much the best other class is ahead of the label's."""
    return logits.scatter(1, y[:, None], -torch.inf).amax(1) - logits.gather(1, y[:, None])[:, 0]


def losses_of(
    model: nn.Module, y: Shaped[Tensor, "n ..."], loss: Callable[[Tensor, Tensor], Tensor] = _cross_entropy
) -> Values:
    """The losses of a predictor at perturbed images, one number each; by default cross-entropies in nats."""
    return PerPoint(lambda inputs, its: loss(model(inputs), its), y)


def loss_pgd(
    model: nn.Module,
    x: Images,
    y: Shaped[Tensor, "n ..."],
    threat: Threat,
    settings: PGDSettings,
    loss: Callable[[Tensor, Tensor], Tensor] = _cross_entropy,
    start: Images | None = None,
) -> Iterator[Images]:
    """PGD on the loss of a predictor: the maximum in l_adv.

    Args:
        model: Maps pixels to logits (n, c), or to what `loss` takes; its parameters should be frozen.
        x: Images in [0, 1], shape (n, c, h, w).
        y: Labels, shape (n), or what `loss` takes as targets.
        threat: The norm, and the radius in pixels.
        settings: Steps, restarts, refinement, seed.
        loss: Takes outputs and targets, returns one number a point; by default cross-entropy in nats.
        start: Images at which all runs begin, shape (n, c, h, w); none: random ones.

    Yields:
        Perturbed images inside the threat, shape (n, c, h, w), one result a run.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).requires_grad_(False).eval()
        >>> x, y = torch.full((1, 3, 2, 2), 0.5), torch.tensor([0])
        >>> (found,) = loss_pgd(model, x, y, Threat("linf", 0.1), PGDSettings(steps=5))
        >>> bool(_cross_entropy(model(found), y) > _cross_entropy(model(x), y))
        True
    """
    return _pgd(model, losses_of(model, y, loss), x, threat, settings, start)
