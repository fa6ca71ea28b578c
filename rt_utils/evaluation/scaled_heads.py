"""What heads lose as their scale grows: the part of each move towards another class that goes beyond the margin."""

from collections.abc import Iterable, Sequence

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.worst_heads import found
from rt_utils.theory import margin, statements
from rt_utils.theory.converse import lost_beyond_margin
from rt_utils.theory.losses import CROSS_ENTROPY

Pairs = tuple[Float[Tensor, "n k"], Float[Tensor, "n k"], Float[Tensor, "n k"]]


def pairs(m: Measurement) -> Pairs:
    """For each point and each of the k classes j but its label y: D_j, m_j and ||W_y - W_j||_2.

    In feature units; D_j is that of the perturbations found, m_j the signed distance from where j overtakes y. Each
    entry is a point of the two-class head that the probe's rows y and j make.
    """
    (z, moves), labels = found(m), torch.from_numpy(m.labels)
    weight, bias = torch.from_numpy(m.weight), torch.from_numpy(m.bias)
    other = torch.arange(len(weight)) != labels[:, None]

    def of_others(values: Float[Tensor, "n c"]) -> Float[Tensor, "n k"]:
        return values[other].reshape(len(labels), -1)

    def beyond_own(logits: Float[Tensor, "n c"]) -> Float[Tensor, "n k"]:
        return of_others(logits - logits.gather(1, labels[:, None]))

    lengths = of_others(statements.row_distances(weight)[labels]).clamp(min=1e-12)
    towards = torch.stack([beyond_own(v @ weight.T) for v in moves]).amax(0).clamp(min=0)
    return towards / lengths, of_others(margin.signed_distances(z @ weight.T + bias, weight, labels)), lengths


def of_pairs(of: Pairs, factors: Sequence[float]) -> list[float]:
    """LHS of the centred two-class heads -+(W_y - W_j) / 2, averaged over all pairs; the probe times each factor."""
    towards, margins, lengths = of
    label, means = torch.zeros(margins.numel(), dtype=torch.int64), []
    for factor in factors:
        scale = factor * lengths  # C_1 L_inf: twice half the distance of the rows
        clean, worst = (
            CROSS_ENTROPY(torch.stack([torch.zeros_like(scale), scale * ahead], dim=-1).flatten(0, 1), label)
            for ahead in (-margins, towards - margins)
        )
        means.append(float(((worst - clean) / scale.flatten()).mean()))
    return means


def limit_of_all(m: Measurement) -> float:
    """The limit of LHS as the scale of the whole probe grows, all classes at once."""
    (z, moves), labels = found(m), torch.from_numpy(m.labels)
    weight, bias = torch.from_numpy(m.weight), torch.from_numpy(m.bias)
    logits = torch.cat([z[None], z + moves]) @ weight.T + bias
    behind = logits.amax(2) - logits.gather(2, labels[:, None].expand(len(logits), -1, 1))[..., 0]
    return float((behind.amax(0) - behind[0]).mean()) / (CROSS_ENTROPY.lipschitz["linf"] * statements.head_norm(weight))


def limits(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Per encoder and data set, in feature units, what scaling the probe does to LHS.

    Of the probe's pairs of classes: LHS as they are, its limit, the mean of D, the AS score. Of all classes at once:
    the limit, the mean of (D - max(m, 0))_+ that bounds it, and the share of points where that is above 0.
    """
    rows = []
    for m in measurements:
        towards, margins, _ = of = pairs(m)
        largest = lost_beyond_margin(towards.amax(1), margins.amin(1))
        rows.append(
            {
                "encoder": m.encoder,
                "data": m.data,
                "LHS": of_pairs(of, [1.0])[0],
                "limit": float(lost_beyond_margin(towards, margins).mean()),
                "mean D": float(towards.mean()),
                "AS": float(found(m)[1].norm(dim=2).amax(0).mean()),
                "limit, all classes": limit_of_all(m),
                "bound on it": float(largest.mean()),
                "D > m": float((largest > 0).double().mean()),
            }
        )
    return pd.DataFrame(rows)


def curves(measurements: Iterable[Measurement], factors: Sequence[float]) -> pd.DataFrame:
    """Per encoder LHS over AS of the probe's pairs for each factor, averaged over the data sets; last, at infinity."""
    rows = []
    for m in measurements:
        towards, margins, _ = of = pairs(m)
        values = [*of_pairs(of, factors), float(lost_beyond_margin(towards, margins).mean())]
        score = statements.as_score(found(m)[1].norm(dim=2).amax(0)) or 1.0
        over = [value / score for value in values]
        rows.append(pd.DataFrame({"encoder": m.encoder, "factor": [*factors, float("inf")], "LHS / AS": over}))
    return pd.concat(rows).groupby(["encoder", "factor"], sort=False, as_index=False).mean()
