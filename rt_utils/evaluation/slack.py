"""How much each step of the proofs loses on measured points, and what sharper statements give there."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.loss_gap import LossGap
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.theory import sharper, statements
from rt_utils.theory.sharper import LINKS

DIRECTED = "\\(D\\lt m\\)"


def _features(m: Measurement) -> tuple[Float[Tensor, "n r"], Float[Tensor, "2 n r"]]:
    """Clean features, and those at the perturbations with the largest shift and with the largest loss."""
    z, *found = (torch.from_numpy(features).double() for features in (m.z, m.z_shift, m.z_loss))
    return z, torch.stack(found)


def chain(m: Measurement) -> Float[Tensor, "n 6"]:
    """The chain behind Lemma 1 at every point, with the perturbations found."""
    z, (furthest, moved) = _features(m)
    weight, bias, labels = (torch.from_numpy(array) for array in (m.weight, m.bias, m.labels))
    return sharper.chain(z, moved, furthest, weight, bias, labels)


def largest_excess(measurements: Iterable[Measurement]) -> float:
    """By how much a quantity of the chain exceeds the next one, at most, beyond rounding; above 0 a link is broken."""
    chains = [chain(m) for m in measurements]
    return max(float((c[:, :-1] - c[:, 1:] - 1e-9 * c[:, 1:].abs()).max()) for c in chains)


def chain_factors(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Per encoder and data set the mean loss gap in nats, then each link as a ratio of successive means."""
    rows = []
    for m in measurements:
        means = chain(m).mean(0)
        links = dict(zip(LINKS, (means[1:] / means[:-1]).tolist(), strict=True))
        case = {"encoder": m.encoder, "data": m.data, "gap": means[0].item()}
        rows.append({**case, **links, "AS / LHS": (means[-1] / means[0]).item()})
    return pd.DataFrame(rows)


def largest_links(factors: pd.DataFrame) -> pd.DataFrame:
    """Per encoder, by its full name, the link with the largest share of the logarithm, averaged over the data sets."""
    logs = np.log(factors[list(LINKS)].to_numpy(dtype=float).clip(1e-300))
    shares = pd.DataFrame(logs / logs.sum(1, keepdims=True), columns=LINKS)
    rows = []
    for encoder, part in shares.groupby(factors.encoder, sort=False):
        means = part.to_numpy().mean(0)
        rows.append({"encoder": encoder, "link": LINKS[int(means.argmax())], "share": means.max()})
    return pd.DataFrame(rows)


def sharper_bounds(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Per encoder and data set three bounds on the loss gap in nats, and the share that fulfils each criterion.

    The last four columns count the points with D < m, those of them that a perturbation changes, one of the two that D
    knows or any, and say how far D exceeds S, which it must not.
    """
    rows = []
    for m in measurements:
        points, gap, weight = table(m), LossGap.of(m), torch.from_numpy(m.weight)
        z, found = _features(m)
        bias = torch.from_numpy(m.bias)
        first, second = (z @ weight.T + bias).topk(2, dim=1).values.T
        pairwise = sharper.per_sample_constants(weight, torch.from_numpy(m.labels))
        along, changed = sharper.directional_shift(z, found, weight, bias)
        directed = (along < torch.tensor(points.margin_ratio.to_numpy())).numpy()
        rows.append(
            {
                "encoder": m.encoder,
                "data": m.data,
                "gap": (gap.adversarial - gap.clean).mean().item(),
                "per sample": (pairwise * gap.shifts).mean().item(),
                "best of 3": min(gap.factors.values()) * gap.score,
                "paper": gap.factors["linf"] * gap.score,
                "row": (gap.shifts < (first - second) / (2 * statements.head_norm(weight))).double().mean().item(),
                "Thm 2": points.fulfilled.mean(),
                DIRECTED: directed.mean(),
                "unchanged": 1 - points.flipped.mean(),
                "directed": int(directed.sum()),
                "changed by the two": int((directed & changed.numpy()).sum()),
                "changed by another": int((directed & points.flipped.to_numpy()).sum()),
                "D above S": float((along - gap.shifts).max()),
            }
        )
    return pd.DataFrame(rows)


def scaled_scores(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Per encoder and data set the AS score: as it is, with features ten times as large, in units without scale."""
    rows = []
    for m in measurements:
        z, (furthest, _) = _features(m)
        score = statements.as_score(statements.shift(z, furthest))
        rows.append(
            {
                "encoder": m.encoder,
                "data": m.data,
                "AS": score,
                "AS × 10": statements.as_score(statements.shift(10 * z, 10 * furthest)),
                "in nats": score * 2 * statements.head_norm(torch.from_numpy(m.weight)),
                "/ length": score / z.norm(dim=1).mean().item(),
                "/ distance": score / torch.pdist(z[:300]).mean().item(),
                "robust acc.": 1 - m.wrong.mean(),
            }
        )
    return pd.DataFrame(rows)
