"""Pure or mixed nodes, with or without a threshold: four representations of codes that compute the same function.

The threshold is the hard one, which leaves what is active as it is, so that pure nodes too compute <beta, s> on codes.
Mixed nodes with a threshold do so only where their weights are so large that no code comes near it.
"""

from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.code_search import SearchSettings, search
from rt_utils.evaluation.sparse_codes import D, K, Nodes, below, codes
from rt_utils.theory.purity import linear_reach, pure_reach, purity

QUICK = SearchSettings(random=4, short=6, steps=20, keep=2)
SPARE = 100  # by how much the smallest value of a mixed node on a code exceeds the threshold


@dataclass(frozen=True)
class Case:
    """Nodes with a head `a`: f(s) = <a, nodes(s)>. `scale`: of their weights; features are divided by it."""

    name: str
    threshold: str
    nodes: Nodes
    a: Float[Tensor, " 32"]
    scale: float = 1.0


def within(t: float) -> tuple[float, float]:
    """The threshold, 1/4 where t leaves the proposition no radius, and four fifths of the radius that it leaves."""
    chosen = t if below(t) else 0.25
    return chosen, 0.8 * below(chosen)


def rotation(seed: int) -> Float[Tensor, "32 32"]:
    """An orthogonal matrix drawn at random: each of its rows is a mixture of all features."""
    normal = torch.randn(D, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    q, r = torch.linalg.qr(normal)
    return q * r.diagonal().sign()


def cases(beta: Float[Tensor, " 32"], s: Float[Tensor, "n 32"], t: float, seed: int) -> list[Case]:
    """The four, in float64, each with <a, nodes(s)> = <beta, s> at these codes."""
    pure, mixed = torch.eye(D).double(), rotation(seed)
    scale = SPARE * t / float((s @ mixed.T).abs().min())
    return [
        Case("pure", "without", Nodes(pure, "hard", 0.0), beta),
        Case("mixed", "without", Nodes(mixed, "hard", 0.0), mixed @ beta),
        Case("mixed", "with", Nodes(scale * mixed, "hard", t), mixed @ beta / scale, scale),
        Case("pure", "with", Nodes(pure, "hard", t), beta),
    ]


def unexplained(activation: str, t: float, seed: int, n: int = 4000) -> float:
    """The share of E <beta, s>^2 that the best head on mixed nodes of norm 1 leaves, threshold t, mean over beta."""
    s = codes(n, torch.Generator().manual_seed(seed)).double()
    z = Nodes(rotation(seed), activation, t)(s)
    left = s - z @ torch.linalg.lstsq(z, s).solution
    return float(left.square().sum() / s.square().sum())


def table(eps: float, t: float, n: int, seed: int) -> pd.DataFrame:
    """One row a case and norm; for eps below `sparse_codes.below(t)`.

    differs: the largest |f(s) - <beta, s>| on the n codes. moved, S: means of the largest found over eps, beside what
    the propositions say; S in units in which every case has nodes of norm 1.
    """
    draw = torch.Generator().manual_seed(seed)
    beta, s, rows = torch.randn(D, generator=draw).double(), codes(n, draw).double(), []
    for case in cases(beta, s, t, seed):
        clean, gains_nothing = case.nodes(s), case.name == "mixed" or case.threshold == "without"
        for norm in ("l2", "linf"):
            gains = {
                "moved": lambda x, b, case=case, clean=clean: ((case.nodes(x, b) - clean) @ case.a).abs(),
                "S": lambda x, b, case=case, clean=clean: (case.nodes(x, b) - clean).norm(dim=-1) / case.scale,
            }
            found = {
                k: search(g, s, norm, eps, case.nodes.threshold, draw, QUICK).mean().item() / eps
                for k, g in gains.items()
            }
            moved = linear_reach(beta, 1.0, norm) if gains_nothing else pure_reach(beta, s, 1.0, norm).mean().item()
            score = 1.0 if norm == "l2" else (D if gains_nothing else K) ** 0.5
            rows.append(
                {"nodes": case.name, "threshold": case.threshold, "norm": norm}
                | {"purity": purity(case.nodes.weight).median().item()}
                | {"differs": (clean @ case.a - s @ beta).abs().max().item()}
                | {"moved": found["moved"], "moved, proved": moved, "S": found["S"], "S, proved": score}
            )
    return pd.DataFrame(rows)
