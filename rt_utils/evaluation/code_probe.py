"""A clean linear probe on frozen nodes for a new task, under attack, and how strong that attack is."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.code_search import Gain, SearchSettings, search
from rt_utils.evaluation.sparse_codes import NODES, D, Nodes, codes, purity

PAGE = SearchSettings(random=10, short=12, steps=40, keep=8)
STRONGER = SearchSettings(random=30, short=60, steps=100, keep=20)
Found = dict[str, dict[str, Float[Tensor, " n"]]]  # by norm: the largest "loss" and "shift" per input


def new_task(
    nodes: Nodes, n_test: int, seed: int
) -> tuple[Float[Tensor, " m"], Float[Tensor, "n 32"], Float[Tensor, " n"], torch.Generator]:
    """A ridge probe on clean codes for a new random theta; test inputs, the signs of their targets, the generator."""
    draw = torch.Generator().manual_seed(seed)
    theta, z, test = torch.randn(D, generator=draw), codes(4000, draw), codes(n_test, draw)
    rows, targets = torch.cat([nodes(z), 0.1 * torch.eye(NODES)]), torch.cat([z @ theta, torch.zeros(NODES)])
    return torch.linalg.lstsq(rows, targets[:, None]).solution[:, 0], test, (test @ theta).sign(), draw


def gains(
    head: Float[Tensor, " m"], clean: Float[Tensor, "n m"], sign: Float[Tensor, " n"], nodes: Nodes
) -> dict[str, Gain]:
    """What an attack increases: minus the margin of the probe's output, and the shift of the representation."""
    return {
        "loss": lambda x, b: -(nodes(x, b) @ head) * sign,
        "shift": lambda x, b: (nodes(x, b) - clean).norm(dim=-1),
    }


def probed(nodes: Nodes, radii: Mapping[str, float], n_test: int, seed: int) -> tuple[dict[str, float], Found]:
    """A clean probe for a new task, under attack, and the AS score of the nodes; and what was found per input.

    moved: root mean square of how far the output moves; AS / distance: over the mean distance of two representations.
    """
    head, test, sign, draw = new_task(nodes, n_test, seed)
    clean = nodes(test)
    margin, found = (clean @ head) * sign, Found()
    row = {"purity": purity(nodes.weight).median().item(), "clean acc.": (margin > 0).double().mean().item()}
    for norm, eps in radii.items():
        best = {
            name: search(gain, test, norm, eps, nodes.threshold, draw, PAGE)
            for name, gain in gains(head, clean, sign, nodes).items()
        }
        row[f"robust acc., {norm}"] = (best["loss"] < 0).double().mean().item()
        row[f"moved, {norm}"] = (best["loss"] + margin).square().mean().sqrt().item()
        row[f"AS / distance, {norm}"] = (best["shift"].mean() / torch.pdist(clean).mean()).item()
        found[norm] = best
    return row, found


def floor(
    nodes: Nodes, radii: Mapping[str, float], n_test: int, seed: int, found: Found, n: int
) -> list[dict[str, object]]:
    """What `probed` found on its first n inputs against the longer search.

    AS ratio: of the AS scores; points: by how much the longer search lowers the robust accuracy.
    """
    head, test, sign, draw = new_task(nodes, n_test, seed)
    test, sign, rows = test[:n], sign[:n], []
    for norm, eps in radii.items():
        deep = {
            name: search(gain, test, norm, eps, nodes.threshold, draw, STRONGER)
            for name, gain in gains(head, nodes(test), sign, nodes).items()
        }
        page = {name: values[:n] for name, values in found[norm].items()}
        score, strong = page["shift"].mean().item(), deep["shift"].mean().item()
        lost = ((deep["loss"] >= 0).double().mean() - (page["loss"] >= 0).double().mean()).item()
        rows.append({"norm": norm, "AS ratio": score / strong if strong else 1.0, "points": lost})
    return rows
