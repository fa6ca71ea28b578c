"""What breaks in Theorem 2 without one of its assumptions, on measured points and on random heads."""

from collections.abc import Iterable

import pandas as pd
import torch

from rt_utils.evaluation.measure import Measurement, table
from rt_utils.theory import statements

AS_STATED = "as stated"
# What a reader may drop, and the condition that then stands for the criterion.
DROPPED = {
    "own shift": "mean shift for every point",
    "predicted label": "true label, absolute margin",
    "largest shift": "half the shift (a very weak attack)",
}


def altered_criteria(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Per condition, over all points: how many fulfil it, and how many of these a perturbation found flips."""
    rows = []
    for m in measurements:
        points, weight = table(m), torch.from_numpy(m.weight)
        logits = torch.from_numpy(m.z).double() @ weight.T + torch.from_numpy(m.bias)
        true_label = statements.margin_ratio(logits, weight, torch.from_numpy(m.labels)).numpy()
        conditions = {
            AS_STATED: points["shift"] < points.margin_ratio,
            DROPPED["own shift"]: points["shift"].mean() < points.margin_ratio,
            DROPPED["predicted label"]: points["shift"] < true_label,
            DROPPED["largest shift"]: points["shift"] / 2 < points.margin_ratio,
        }
        for condition, holds in conditions.items():
            counts = {"fulfilled": int(holds.sum()), "flipped all the same": int((holds & points.flipped).sum())}
            rows.append({"condition": condition} | counts)
    return pd.DataFrame(rows).groupby("condition", sort=False).sum().reset_index()
