"""What a linear probe loses to the adversary, said in four ways, beside the AS score that was known before it.

The relative difference G / l divides the mean loss gap G by the mean clean cross-entropy l; the LHS of Lemma 1 divides
it by 2 L_inf(W), and is bounded by the score. Loss gap in nats, score and LHS in feature units, accuracies as shares.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.summary import CASE, by_case
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY

MEASURES = {
    "relative": "relative difference",
    "gap": "loss gap",
    "LHS": "LHS of Lemma 1",
    "accuracy": "accuracy lost",
}
SHOWN = {
    "score": "AS score",
    "relative": "relative dif.",
    "right": "clean acc.",
    "robustly": "robust acc.",
    "accuracy": "acc. lost",
}
MEANS = ("score", "clean", "robust", "right", "robustly")  # over test points; all else follows from them
FACTORS = {
    "score": "the score",
    "size": "the size of the head",
    "used": "the share used",
    "ease": "the ease of the task",
}

Case = tuple[str, str]  # full name of the encoder, data set
Shifts = Mapping[Case, Float[np.ndarray, " _n"]]  # data sets differ in their number of points
Samples = dict[str, Float[np.ndarray, " k"]]  # by quantity: its value in each of k bootstrap samples


def score_before_a_head(points: pd.DataFrame, alone: Shifts, over: str) -> pd.DataFrame:
    """Per case the AS score and percentiles of `alone`, the shifts that the attack on the representation found.

    `ratio`: over the score on the data set `over`. `all found`: the score over everything that was found, from
    `points` (`measurement.table`); raises AssertionError where that is below its part at some point.
    """

    def row(part: pd.DataFrame) -> dict[str, object]:
        encoder, data = part[CASE].iloc[0]
        shifts, everything = alone[encoder, data], part["shift"].to_numpy()
        assert (shifts <= everything + 1e-9).all(), "the maximum over everything found is below one of its parts"
        score, base = shifts.mean(), alone[encoder, over].mean()
        quantiles = {f"{q}%": np.percentile(shifts, q) for q in (10, 50, 90)}
        ratio = score / base if base else np.nan
        return {"n": len(shifts), "AS score": score, **quantiles, "ratio": ratio, "all found": everything.mean()}

    return by_case(points, row)


def per_point(points: pd.DataFrame, shifts: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 5"]:
    """What MEANS averages, one column each, from `shifts` and the columns of `measurement.table`."""
    right, robustly = points.label == points.predicted, ~points.wrong
    return np.stack([shifts, points["loss"], points.adversarial_loss, right, robustly], axis=1).astype(float)


def losses(means: Float[np.ndarray, "k 5"], size: float) -> Samples:
    """The means themselves and the four measures of the loss of robustness; `size` is C_1 L_inf(W), 2 L_inf(W)."""
    named = dict(zip(MEANS, np.moveaxis(means, -1, 0), strict=True))
    clean, gap = named["clean"], named["robust"] - named["clean"]
    found = named | {
        "relative": gap / clean if (clean > 0).all() else np.full_like(gap, np.nan),
        "gap": gap,
        "LHS": gap / size if size else np.zeros_like(gap),
        "accuracy": named["right"] - named["robustly"],
    }
    return {name: np.asarray(values) for name, values in found.items()}


def head_size(m: Measurement) -> float:
    """C_1 L_inf(W) for cross-entropy, in nats per feature unit."""
    return CROSS_ENTROPY.lipschitz["linf"] * statements.head_norm(torch.from_numpy(m.weight))


def outcome(m: Measurement, shifts: Float[np.ndarray, " n"]) -> dict[str, object]:
    """One case: MEANS, MEASURES, the head's `size`, and the other factors of the relative difference (FACTORS).

    relative = score * size * used * ease, where used = LHS / score and ease = 1 / clean.
    """
    points, size = table(m), head_size(m)
    means = per_point(points, shifts).mean(0, keepdims=True)
    found = {name: value.item() for name, value in losses(means, size).items()}
    used = found["LHS"] / found["score"] if found["score"] else np.nan
    ease = 1 / found["clean"] if found["clean"] else np.nan
    rest = {"size": size, "used": used, "ease": ease, "all found": points["shift"].mean()}
    return {"encoder": m.encoder, "data": m.data, "n": len(points), **found, **rest}


def outcomes(measurements: Sequence[Measurement], shifts: Shifts) -> pd.DataFrame:
    """`outcome` of every measurement, one row each."""
    return pd.DataFrame([outcome(m, shifts[m.encoder, m.data]) for m in measurements])


def shown(found: pd.DataFrame, *quantities: str) -> pd.DataFrame:
    """Some quantities of `outcomes` under the names that tables show."""
    return found[[*CASE, *quantities]].rename(columns=SHOWN)


def resampled(
    measurements: Sequence[Measurement], shifts: Shifts, weights: Mapping[str, Float[np.ndarray, "k _n"]]
) -> dict[Case, Samples]:
    """Per case MEANS and MEASURES in bootstrap samples, whose weights `statistics.bootstrap_weights` gives by data."""
    found = {}
    for m in measurements:
        means = weights[m.data] @ per_point(table(m), shifts[m.encoder, m.data])
        found[m.encoder, m.data] = losses(means, head_size(m))
    return found


def intervals(samples: Mapping[Case, Samples], *quantities: str) -> pd.DataFrame:
    """Per case the ends of a 95% bootstrap interval of each quantity, in columns QUANTITY_low and QUANTITY_high."""
    rows = []
    for case, values in samples.items():
        row: dict[str, object] = dict(zip(CASE, case, strict=True))
        for what in quantities:
            row[f"{what}_low"], row[f"{what}_high"] = np.percentile(values[what], (2.5, 97.5))
        rows.append(row)
    return pd.DataFrame(rows)


def table_4(
    runs: Sequence[pd.DataFrame],
    samples: Mapping[Case, Samples],
    kept_heads: pd.DataFrame,
    kept_samples: Mapping[Case, Samples],
) -> pd.DataFrame:
    """Table 4: score, cross-entropies, and their relative difference with its bootstrap interval and range over seeds.

    `runs`: `outcomes` of the page's run and of its repeats; `kept_heads`: of the heads of the pretraining. `samples`:
    `resampled` for the first of each.
    """

    def row(found: Mapping[Any, Any], of: Samples, data: str, over_seeds: str) -> dict[str, object]:
        low, high = np.percentile(of["relative"], (2.5, 97.5))
        ends = {"95% interval": f"{low:.3g} to {high:.3g}", "over seeds": over_seeds}
        means = {"AS score": found["score"], "clean CE": found["clean"], "robust CE": found["robust"]}
        return {"encoder": found["encoder"], "data": data, **means, "relative dif.": found["relative"], **ends}

    kept = {(found["encoder"], found["data"]): found for found in kept_heads.to_dict("records")}
    seeds, rows = pd.concat(runs).groupby(CASE).relative, []
    for found in runs[0].to_dict("records"):
        case = found["encoder"], found["data"]
        if case in kept:
            rows.append(row(kept[case], kept_samples[case], f"{found['data']}, pretrained head", "–"))
        values = seeds.get_group(case)
        rows.append(row(found, samples[case], found["data"], f"{values.min():.3g} to {values.max():.3g}"))
    return pd.DataFrame(rows)


def sharpened(m: Measurement, t: float) -> float:
    """The relative difference of the same head with W and b multiplied by `t`, which changes no prediction.

    On the perturbations that were found at t = 1. NaN where the clean loss is 0.
    """
    y, weight, bias = (torch.from_numpy(array) for array in (m.labels, m.weight, m.bias))
    logits = (t * (torch.from_numpy(z).double() @ weight.double().T + bias) for z in (m.z, m.z_loss))
    clean, robust = (float(CROSS_ENTROPY(part, y).mean()) for part in logits)
    return (robust - clean) / clean if clean > 0 else np.nan


def reversals(found: pd.DataFrame) -> pd.DataFrame:
    """The pairs of data sets of one encoder that the score and the relative difference order differently.

    `found` as `outcomes` gives it. `a` has the smaller score and the larger relative difference; every number is b's
    over a's for these two, and a's over b's for the other FACTORS: above 1 the factor works against the score's order.
    """
    rows = []
    for encoder, part in found.groupby("encoder", sort=False):
        records = part.to_dict("records")
        for i, first in enumerate(records):
            for second in records[i + 1 :]:
                a, b = (first, second) if first["score"] <= second["score"] else (second, first)
                if a["relative"] > b["relative"]:
                    ratios = {name: a[name] / b[name] for name in FACTORS if name != "score"}
                    own = {"score": b["score"] / a["score"], "relative": b["relative"] / a["relative"]}
                    rows.append({"encoder": encoder, "a": a["data"], "b": b["data"]} | own | ratios)
    return pd.DataFrame(rows, columns=["encoder", "a", "b", "score", "relative", *list(FACTORS)[1:]])
