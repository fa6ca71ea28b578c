"""Why one event covers all heads, on measured points: the tail of the feature shift, and what a sample knows of it."""

from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.coverage import Population
from rt_utils.theory import statements


def tail(shifts: Float[Tensor, " n"], at: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    """The share of the shifts above each value: ``1 - F_n`` there."""
    return (shifts[None] > at[:, None]).double().mean(1)


@dataclass(frozen=True)
class Tails:
    """Both tails at every value where one of them jumps, from 0 on, and the height of the strip.

    `curves`: columns `shift` in feature units, `population` and `sample`, shares. `cuts`: where heads cut the area,
    C_2 / lambda in feature units, by the head's name: the population's own, and one some times as long.
    """

    curves: pd.DataFrame
    eta: float
    cuts: dict[str, float]
    n: int

    @property
    def event(self) -> bool:
        """Whether the population's tail is nowhere above the strip over the sample's."""
        return bool((self.curves["population"] <= self.curves["sample"] + self.eta).all())

    def area(self, column: str, cut: float) -> float:
        """The integral of a tail from 0 to the cut: the mean of min(cut, S)."""
        ends = [*self.curves["shift"].clip(upper=cut), cut]
        heights = self.curves[column]
        return float(sum(h * (b - a) for h, a, b in zip(heights, ends[:-1], ends[1:], strict=True)))


def tails(population: Population, n: int, rho: float, c2: float, seed: int, times: float = 4.0) -> Tails:
    """The tail of all points and of a sample of n, drawn with replacement, with the strip of the promise rho."""
    shifts = population.shifts.double()
    generator = torch.Generator().manual_seed(seed)
    sample = shifts[torch.randint(len(shifts), (n,), generator=generator)]
    at = torch.cat([shifts.new_zeros(1), shifts]).unique()  # sorted, and the sample jumps at some of the same
    curves = pd.DataFrame({"shift": at, "population": tail(shifts, at), "sample": tail(sample, at)})
    own = c2 / population.factor
    cuts = {"this head": own, f"a head {times:g} times as long": own / times}
    return Tails(curves, statements.hoeffding(1.0, n, rho, sides=1), cuts, n)
