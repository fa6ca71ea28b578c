"""A clean linear probe on frozen nodes for a new task, under attack, and how strong that attack is."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.code_search import Gain, SearchSettings, search
from rt_utils.evaluation.sparse_codes import HIGH, LOW, NODES, D, Nodes, codes, purity, reach_radius
from rt_utils.theory.purity import linear_reach, pure_reach, rescaling

PAGE = SearchSettings(random=10, short=12, steps=40, keep=8)
STRONGER = SearchSettings(random=30, short=60, steps=100, keep=20)
Found = dict[str, dict[str, Float[Tensor, " n"]]]  # by norm: the largest "loss" and "shift" per input


@dataclass(frozen=True)
class Task:
    """A new target <beta, s>, a ridge probe for it on clean codes, test codes, and the signs of their targets."""

    beta: Float[Tensor, " 32"]
    head: Float[Tensor, " m"]
    test: Float[Tensor, "n 32"]
    sign: Float[Tensor, " n"]
    draw: torch.Generator

    def gains(self, nodes: Nodes, n: int | None = None) -> dict[str, Gain]:
        """What an attack on the first n inputs increases: minus the margin of the probe's output, and the shift."""
        clean, sign = nodes(self.test[:n]), self.sign[:n]
        return {
            "loss": lambda x, t: -(nodes(x, t) @ self.head) * sign,
            "shift": lambda x, t: (nodes(x, t) - clean).norm(dim=-1),
        }


def new_task(nodes: Nodes, n_test: int, seed: int) -> Task:
    """The task of that seed, with its probe on these nodes."""
    draw = torch.Generator().manual_seed(seed)
    beta, s, test = torch.randn(D, generator=draw), codes(4000, draw), codes(n_test, draw)
    rows, targets = torch.cat([nodes(s), 0.1 * torch.eye(NODES)]), torch.cat([s @ beta, torch.zeros(NODES)])
    return Task(beta, torch.linalg.lstsq(rows, targets[:, None]).solution[:, 0], test, (test @ beta).sign(), draw)


def ideals(task: Task, nodes: Nodes, eps: float, norm: str) -> dict[str, float]:
    """The mean reach on the same inputs of nodes without a threshold, and of pure ones with the same threshold."""
    gamma = rescaling(nodes.activation, nodes.threshold, LOW, HIGH)
    pure = pure_reach(task.beta, task.test, eps, norm, gamma).mean().item()
    return {f"mixed, {norm}": linear_reach(task.beta, eps, norm), f"pure, {norm}": pure}


def probed(nodes: Nodes, radii: Mapping[str, float], n_test: int, seed: int) -> tuple[dict[str, float], Found]:
    """A clean probe for a new task, under attack, and the AS score of the nodes; and what was found per input.

    moved: mean of how far the output moves towards the other sign, at `reach_radius`; mixed, pure: what it would be
    for the ideal nodes. AS / distance: over the mean distance of two representations.
    """
    task = new_task(nodes, n_test, seed)
    clean, gains = nodes(task.test), task.gains(nodes)
    margin, found = (clean @ task.head) * task.sign, Found()
    row = {"purity": purity(nodes.weight).median().item(), "clean acc.": (margin > 0).double().mean().item()}
    for norm, eps in radii.items():
        best = {
            name: search(gain, task.test, norm, eps, nodes.threshold, task.draw, PAGE) for name, gain in gains.items()
        }
        row[f"robust acc., {norm}"] = (best["loss"] < 0).double().mean().item()
        row[f"AS / distance, {norm}"] = (best["shift"].mean() / torch.pdist(clean).mean()).item()
        found[norm] = best
    for norm, eps in radii.items():
        radius, loss = reach_radius(eps, nodes.threshold), found[norm]["loss"]
        if radius != eps:
            loss = search(gains["loss"], task.test, norm, radius, nodes.threshold, task.draw, PAGE)
        row[f"moved, {norm}"] = (loss + margin).mean().item()
        row |= ideals(task, nodes, radius, norm)
    return row, found


def floor(
    nodes: Nodes, radii: Mapping[str, float], n_test: int, seed: int, found: Found, n: int
) -> list[dict[str, object]]:
    """What `probed` found on its first n inputs against the longer search.

    AS ratio: of the AS scores; points: by how much the longer search lowers the robust accuracy.
    """
    task, rows = new_task(nodes, n_test, seed), []
    for norm, eps in radii.items():
        deep = {
            name: search(gain, task.test[:n], norm, eps, nodes.threshold, task.draw, STRONGER)
            for name, gain in task.gains(nodes, n).items()
        }
        page = {name: values[:n] for name, values in found[norm].items()}
        score, strong = page["shift"].mean().item(), deep["shift"].mean().item()
        lost = ((deep["loss"] >= 0).double().mean() - (page["loss"] >= 0).double().mean()).item()
        rows.append({"norm": norm, "AS ratio": score / strong if strong else 1.0, "points": lost})
    return rows
