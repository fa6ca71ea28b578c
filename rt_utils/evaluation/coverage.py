"""How often the statements with probability fail, over samples from a population whose means and suprema are known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.evaluation.measurement import Measurement
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY

PROMISE = "promise \\(\\rho\\)"


@dataclass(frozen=True)
class Population:
    """Loss gaps of min(l, C_2) and shifts of all points, against an adversary of whom both are known exactly.

    `factor` is C_1 L_alpha(W).
    """

    gaps: Float[Tensor, " n"]
    shifts: Float[Tensor, " n"]
    factor: float


def coin(c2: float) -> Population:
    """T = C_2 with probability 1/2, else 0, where the gap attains the first term of the bound: S = T / (C_1 L(W))."""
    gaps = torch.tensor([0.0, c2], dtype=torch.float64)
    return Population(gaps, gaps / 2, 2.0)


def _cut_loss(
    z: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
    labels: Int64[Tensor, " n"],
    c2: float,
) -> Float[Tensor, " n"]:
    return CROSS_ENTROPY(z @ weight.T + bias, labels).clamp(max=c2)


def _reach(m: Measurement) -> list[Float[Tensor, "n r"]]:
    """Clean features, and those at the two perturbations that a measurement holds."""
    return [torch.from_numpy(features).double() for features in (m.z, m.z_shift, m.z_loss)]


def two_perturbations(m: Measurement, c2: float, head: tuple[Tensor, Tensor] | None = None) -> Population:
    """The measured points against an adversary with 0 and the two perturbations that were found, and no other.

    `head`: weight and bias, if they are not the measurement's own.
    """
    weight, bias = head or (torch.from_numpy(m.weight), torch.from_numpy(m.bias))
    z, *found = _reach(m)
    labels = torch.from_numpy(m.labels)
    clean, *losses = (_cut_loss(features, weight, bias, labels, c2) for features in (z, *found))
    gaps = torch.stack([clean, *losses]).amax(0) - clean
    shifts = torch.stack([statements.shift(z, features) for features in found]).amax(0)
    return Population(gaps, shifts, CROSS_ENTROPY.lipschitz["linf"] * statements.head_norm(weight))


def failures(
    population: Population, n: int, rho: float, c2: float, repeats: int, generator: torch.Generator
) -> dict[str, float]:
    """The share of `repeats` samples of n points in which the link, Theorem 1 and the bound for all heads fail."""
    gaps, shifts, factor = population.gaps, population.shifts, population.factor
    expected = gaps.mean()
    drawn = torch.randint(len(gaps), (repeats, n), generator=generator)
    link = (gaps[drawn].mean(1) - expected).abs()
    first, cut = factor * shifts[drawn].mean(1), (factor * shifts[drawn]).clamp(max=c2).mean(1)
    one, two = (statements.hoeffding(c2, n, rho, sides) for sides in (1, 2))
    failed = {
        # A gap that attains its bound meets it up to rounding, which is no failure.
        "link": link > two + 1e-9,
        "Theorem 1": expected > first + two + 1e-9,
        "all heads": expected > cut + one + 1e-9,
    }
    return {name: of_samples.double().mean().item() for name, of_samples in failed.items()}


def memoriser(
    n: int, rho: float, c2: float, repeats: int, generator: torch.Generator, population: int = 1000
) -> dict[str, float]:
    """The same shares with the worst head that has seen the sample: 0 on what it saw, as long as C_2 asks elsewhere.

    Point i has the features e_i, the adversary turns them to -e_i, so S = 2; the gap is 0 on what was seen.
    """
    jump = c2 - math.log1p(math.exp(-c2))
    failed = {"link": 0, "all heads": 0}
    for _ in range(repeats):
        seen = len(torch.randint(population, (n,), generator=generator).unique())
        expected = (1 - seen / population) * jump
        factor = 2 * c2 / 2 * math.sqrt(population - seen)  # C_1 L_infinity(W)
        bound = statements.uniform_loss_gap_bound(torch.full((n,), 2.0), factor, c2, rho)
        failed["link"] += expected > statements.hoeffding(c2, n, rho)
        failed["all heads"] += expected > bound
    return {name: count / repeats for name, count in failed.items()}


def least_squares(
    m: Measurement, n: int, rho: float, c2: float, repeats: int, generator: torch.Generator, scale: float = 4.0
) -> dict[str, float]:
    """The same shares with a head fitted on the sample by least squares, on clean and perturbed features.

    `scale` is the logit that it aims at for the right class, where it aims at 0 for the others.
    """
    reach, labels = _reach(m), torch.from_numpy(m.labels)
    failed = {"link": 0, "all heads": 0}
    for _ in range(repeats):
        drawn = torch.randint(len(labels), (n,), generator=generator)
        features = torch.cat([part[drawn] for part in reach])
        targets = scale * torch.nn.functional.one_hot(labels[drawn], len(m.classes)).double().repeat(3, 1)
        with_bias = torch.nn.functional.pad(features, (0, 1), value=1.0)
        solution = torch.linalg.lstsq(with_bias, targets, driver="gelsd").solution
        whole = two_perturbations(m, c2, (solution[:-1].T, solution[-1]))
        bound = statements.uniform_loss_gap_bound(whole.shifts[drawn], whole.factor, c2, rho)
        link = (whole.gaps[drawn].mean() - whole.gaps.mean()).abs()
        failed["link"] += int(link > statements.hoeffding(c2, n, rho))
        failed["all heads"] += int(whole.gaps.mean() > bound)
    return {name: count / repeats for name, count in failed.items()}


def of_fixed_heads(
    populations: Mapping[str, Population], rhos: Sequence[float], c2: float, repeats: int, generator: torch.Generator
) -> pd.DataFrame:
    """`failures` of each population, by name, in samples of 50 and of 500 points, for each promise rho."""
    rows = [
        {"gap": name, "n": n, PROMISE: rho, **failures(population, n, rho, c2, repeats, generator)}
        for name, population in populations.items()
        for n in (50, 500)
        for rho in rhos
    ]
    return pd.DataFrame(rows)


def of_fitted_heads(
    measurements: Mapping[str, Measurement], rho: float, c2: float, repeats: int, generator: torch.Generator
) -> pd.DataFrame:
    """Heads that have seen the sample: the memoriser, and by name least squares, with a tenth as many samples."""
    kind, few = "head, fitted on the sample", max(1, repeats // 10)
    rows = [{kind: "memoriser", "n": 100, **memoriser(100, rho, c2, repeats, generator)}]
    for name, m in measurements.items():
        rows.append({kind: name, "n": 20, **least_squares(m, 20, rho, c2, few, generator)})
    return pd.DataFrame(rows)
