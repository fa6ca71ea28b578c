"""How much of the shift found a few nearest classes see, and how often the criterion holds for them alone."""

import math
from collections.abc import Iterable, Sequence

import pandas as pd
import torch

from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.theory.nearest_classes import nearest_subspace_shifts

ALL_CLASSES = "all"


def by_classes(measurements: Iterable[Measurement], counts: Sequence[int]) -> pd.DataFrame:
    """Per data set and number of nearest classes, means over the points, with two of the perturbations found at each.

    These are the ones with the largest shift and the largest loss. `classes`: the numbers of `counts` that are below
    each head's number of other classes, last ALL_CLASSES. `share`: the mean shift in the span of the differences to
    those classes over the mean shift; `fulfilled`: the share of points at which that shift is below m(x).
    """
    rows, held = [], list(measurements)
    fewest = min(len(m.weight) for m in held) - 1
    for m in held:
        z, *moved = (torch.from_numpy(features) for features in (m.z, m.z_shift, m.z_loss))
        weight, bias = torch.from_numpy(m.weight), torch.from_numpy(m.bias)
        ratios, whole = table(m).margin_ratio.to_numpy(), m.shift.mean()
        for count in (*(count for count in counts if count < fewest), len(m.weight) - 1):
            shifts = [nearest_subspace_shifts(z, features, weight, bias, count) for features in moved]
            largest = torch.maximum(*shifts).numpy()
            shown = ALL_CLASSES if count == len(m.weight) - 1 else str(count)
            share = largest.mean() / whole if whole else math.nan
            rows.append({"data": m.data, "classes": shown, "share": share, "fulfilled": (largest < ratios).mean()})
    return pd.DataFrame(rows)
