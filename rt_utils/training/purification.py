"""Two-layer networks on sparse codes, pretrained clean and against an adversary, then probed on a new task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rt_utils.evaluation.code_probe import floor, probed
from rt_utils.evaluation.code_search import ascend
from rt_utils.evaluation.sparse_codes import ACTIVATIONS, NODES, D, Nodes, codes, purity, radii
from rt_utils.evaluation.statistics import plus_minus
from rt_utils.runtime import processes

TASKS, BATCH = 8, 256
KINDS = ("eight tasks", "one task", "contrastive")
ADVERSARIES = ("clean", "l2", "linf")
PRETRAININGS = [("soft", *rest) for rest in product(KINDS, ADVERSARIES)]
PRETRAININGS += [("hard", "eight tasks", adversary) for adversary in ADVERSARIES]
WHERE = ["threshold", "pretraining", "adversary"]
Purities = dict[int, Float[Tensor, " k"]]  # by step


@dataclass(frozen=True)
class Simulation:
    """`runs`: one row a pretraining and seed; `floor`: the attacks of the first seed against a longer search.

    `purities`: of every node over the pretraining, by kind and adversary; the first seed, the soft threshold.
    """

    runs: pd.DataFrame
    floor: pd.DataFrame
    purities: Mapping[tuple[str, str], Purities]


def moments(steps: int) -> list[int]:
    """The steps of a pretraining at which the purities are looked at."""
    return sorted({0, steps // 15, steps // 5, steps})


def _loss(
    kind: str,
    z: Tensor,
    sigma: Callable[[Tensor], Tensor],
    weight: Tensor,
    head: Tensor,
    theta: Tensor,
    draw: torch.Generator,
) -> Callable[[Tensor], Tensor]:
    """The sum over a batch, as a function of its inputs: squared error, or which input is whose other view."""
    if kind == "contrastive":
        other = z.sign() * (0.5 + torch.rand(z.shape, generator=draw))

        def contrastive(x: Tensor) -> Tensor:
            first, second = (functional.normalize(sigma(view @ weight.T), dim=1, eps=1e-6) for view in (x, other))
            return len(x) * functional.cross_entropy(first @ second.T / 0.2, torch.arange(len(x)))

        return contrastive
    y = z @ theta.T
    return lambda x: (sigma(x @ weight.T) @ head.T - y).square().sum()


def pretrain(
    kind: str, adversary: str, activation: str, *, eps: float, threshold: float, steps: int, seed: int
) -> tuple[Nodes, Purities]:
    """Fit all weights by Adam, against an adversary of three PGD steps or clean; the nodes, and purities on the way."""
    draw = torch.Generator().manual_seed(seed)
    tasks = 1 if kind == "one task" else TASKS
    theta = 2 * torch.randn(tasks, D, generator=draw) / D**0.5
    weight = nn.Parameter(torch.randn(NODES, D, generator=draw) / D**0.5)
    head = nn.Parameter(torch.randn(tasks, NODES, generator=draw) / NODES**0.5)
    optimiser = torch.optim.Adam([weight] if kind == "contrastive" else [weight, head], 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    radius = radii(eps).get(adversary, 0.0)
    seen = {0: purity(weight.detach())}
    for step in range(1, steps + 1):
        z = codes(BATCH, draw)
        loss = _loss(kind, z, lambda v: ACTIVATIONS[activation](v, threshold), weight, head, theta, draw)
        x = z
        if radius:
            start = 1e-3 * torch.randn(z.shape, generator=draw)
            x = z + ascend(lambda inputs, _, loss=loss: loss(inputs), z, start, adversary, radius, [0.7] * 3)  # type: ignore[misc]
        optimiser.zero_grad()
        (loss(x) / len(x)).backward()
        optimiser.step()
        schedule.step()
        if step in moments(steps):
            seen[step] = purity(weight.detach())
    return Nodes(weight.detach(), activation, threshold), seen


def _simulate(
    eps: float, threshold: float, steps: int, n_test: int, n_seeds: int, seed: int, checked: int
) -> Simulation:
    rows, floor_rows, along = [], [], {}
    for (activation, kind, adversary), k in product(PRETRAININGS, range(n_seeds)):
        own = 1000 * seed + k
        nodes, seen = pretrain(kind, adversary, activation, eps=eps, threshold=threshold, steps=steps, seed=own)
        row, found = probed(nodes, radii(eps), n_test, own + 500)
        place = {"threshold": activation, "pretraining": kind, "adversary": adversary}
        rows.append({**place, "seed": k, **row})
        if k == 0:
            floor_rows += [place | its for its in floor(nodes, radii(eps), n_test, own + 500, found, checked)]
            if activation == "soft":
                along[kind, adversary] = seen
    return Simulation(pd.DataFrame(rows), pd.DataFrame(floor_rows), along)


def simulate(
    *, eps: float, threshold: float, steps: int, n_test: int, n_seeds: int, seed: int, checked: int
) -> Simulation:
    """Every pretraining of PRETRAININGS with `n_seeds` seeds, each with a clean probe of a new task under attack.

    eps in units of the code; `checked`: on how many inputs a longer search checks the attacks.
    """
    # In one thread: matrices this small only get slower on several.
    return processes.alone(_simulate, eps, threshold, steps, n_test, n_seeds, seed, checked)


def mean_and_spread(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean and standard deviation over seeds of every number, by WHERE."""
    numbers = [column for column in runs.columns if column not in (*WHERE, "seed")]
    grouped = runs.groupby(WHERE, sort=False)[numbers]
    return grouped.mean(), grouped.std()


def with_spread(runs: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The columns, under the names given, as "mean ± standard deviation" over seeds; one seed has no deviation."""
    mean, spread = mean_and_spread(runs)
    texts = {
        name: [plus_minus(a, b, ".2f") for a, b in zip(mean[c], spread[c], strict=True)] for c, name in columns.items()
    }
    return pd.DataFrame(texts, index=mean.index).reset_index()


def by_adversary(mean: pd.DataFrame, activation: str, kind: str) -> dict[str, dict[str, float]]:
    """The means of one kind of pretraining, by adversary."""
    rows = mean.reset_index()
    chosen = rows[(rows.threshold == activation) & (rows.pretraining == kind)].set_index("adversary")
    numbers = chosen.drop(columns=WHERE[:2])
    return {
        str(adversary): {str(name): float(value) for name, value in row.items()}
        for adversary, row in numbers.iterrows()
    }


def reading(mean: pd.DataFrame) -> dict[str, str]:
    """Of the soft threshold: the kinds whose median purity stays below sqrt(1/2) whatever the adversary, and the
    pretrainings after which a clean probe's robust accuracy in l_inf is above one tenth.
    """
    cases = {kind: by_adversary(mean, "soft", kind) for kind in KINDS}
    mixed = [kind for kind, case in cases.items() if max(case[norm]["purity"] for norm in ADVERSARIES[1:]) < 0.5**0.5]
    robust = [
        f"{kind} with the {adversary} adversary ({case[adversary]['robust acc., linf']:.0%})"
        for kind, case in cases.items()
        for adversary in ADVERSARIES
        if case[adversary]["robust acc., linf"] > 0.1
    ]
    return {"mixed": ", ".join(mixed) or "none", "robust": " and ".join(robust) or "none of these pretrainings"}


def nested(purities: Mapping[tuple[str, str], Purities]) -> dict[str, dict[str, dict[str, Float[Tensor, " k"]]]]:
    """Purities by kind, adversary and step, as a figure takes them."""
    found: dict[str, dict[str, dict[str, Tensor]]] = {}
    for (kind, adversary), seen in purities.items():
        found.setdefault(kind, {})[adversary] = {str(step): values for step, values in seen.items()}
    return found


def gained(mean: pd.DataFrame, column: str) -> pd.DataFrame:
    """By kind and adversary how many times smaller than after clean pretraining a column "..., norm" of `mean` is."""
    rows = []
    for kind, adversary in product(KINDS, ADVERSARIES[1:]):
        clean, hardened = (mean[f"{column}, {adversary}"]["soft", kind, who] for who in ("clean", adversary))
        rows.append({"pretraining": kind, "adversary": adversary, "measured": clean / hardened})
    return pd.DataFrame(rows)
