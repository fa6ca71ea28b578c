"""Two representations of a plane and a head with three classes: the setting's picture in numbers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.theory import statements

Points = Float[Tensor, "n 2"]
Representation = Callable[[Points], Points]
CENTRE = torch.tensor([[0.9, 0.3]], dtype=torch.float64)  # the point x


def _row(j: int, length: float) -> list[float]:
    angle = math.radians(10 + 120 * j)
    return [length * math.cos(angle), length * math.sin(angle)]


HEAD = torch.tensor([_row(j, length) for j, length in enumerate((1.0, 1.2, 0.8))], dtype=torch.float64)


def wavy(x: Points, height: float, frequency: float, phases: tuple[float, float]) -> Points:
    """The plane, each coordinate moved by a wave along the other one."""
    waves = [height * torch.sin(frequency * x[:, 1 - k] + phases[k]) for k in (0, 1)]
    return x + torch.stack(waves, dim=1)


REPRESENTATIONS: dict[str, Representation] = {
    "robust": partial(wavy, height=0.12, frequency=2.0, phases=(0.0, 0.0)),
    "not robust": partial(wavy, height=0.7, frequency=3.2, phases=(-0.96, -2.88)),
}


@dataclass(frozen=True)
class Outcome:
    """The largest shift found in a ball and the margin ratio, and what they and the predictions there say."""

    radius: float
    shift: float
    ratio: float
    fulfilled: bool
    changed: bool


def disc(n: int, seed: int) -> Points:
    """Random points in the unit disc, uniform over its area."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    lengths = torch.rand(n, 1, generator=generator, dtype=torch.float64).sqrt()
    return directions * (lengths / directions.norm(dim=1, keepdim=True))


def outcomes(
    representation: Representation,
    radii: Sequence[float],
    perturbations: Points,
) -> list[Outcome]:
    """Theorem 2 at CENTRE with HEAD for each radius, over that many times the perturbations of the unit disc."""
    z = representation(CENTRE)
    logits = z @ HEAD.T
    ratio, found = statements.margin_ratio(logits, HEAD), []
    for radius in radii:
        images = representation(CENTRE + radius * perturbations)
        shift = statements.shift(z, images).amax(0, keepdim=True)
        changed = (images @ HEAD.T).argmax(1).ne(logits.argmax(1)).any()
        fulfilled = statements.criterion(shift, ratio)
        found.append(Outcome(radius, shift.item(), ratio.item(), bool(fulfilled), bool(changed)))
    return found
