"""How much of the shift found a few nearest classes see, and how often the criterion holds for them alone."""

import math
from collections.abc import Iterable, Sequence

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.theory.nearest_classes import nearest_subspace_shifts
from rt_utils.theory.subspace import difference_basis, subspace_shift

ALL_CLASSES = "all"
POINTS = 64  # at a time: the differences of all their logits are in memory


def _shifts(
    z: Float[Tensor, "n r"],
    moved: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
    count: int | None,
) -> Float[Tensor, " n"]:
    """The shift that so many nearest classes see at each point; None: all of them, which needs no order of them."""
    if count is None:
        return subspace_shift(z, moved, difference_basis(weight))
    parts = zip(z.split(POINTS), moved.split(POINTS), strict=True)
    return torch.cat([nearest_subspace_shifts(*part, weight, bias, count) for part in parts])


def by_classes(measurements: Iterable[Measurement], counts: Sequence[int]) -> pd.DataFrame:
    """Per data set and number of nearest classes, means over the points, with two of the perturbations found at each.

    These are the ones with the largest shift and the largest loss. `classes`: the numbers of `counts` that are below
    the smallest number of other classes of any of these heads, but 1 in any case, last ALL_CLASSES. `share`: the mean
    shift in the span of the differences to those classes over the mean shift; `fulfilled`: the share of points at which
    that shift is below m(x).
    """
    rows, held = [], list(measurements)
    fewest = min(len(m.weight) for m in held) - 1
    for m in held:
        z, *moved = (torch.from_numpy(features).double() for features in (m.z, m.z_shift, m.z_loss))
        weight, bias = torch.from_numpy(m.weight), torch.from_numpy(m.bias)
        ratios, whole = table(m).margin_ratio.to_numpy(), m.shift.mean()
        for count in (*(count for count in counts if count < max(fewest, 2)), None):
            shifts = [_shifts(z, features, weight, bias, count) for features in moved]
            largest = torch.maximum(*shifts).numpy()
            shown = ALL_CLASSES if count is None else str(count)
            share = largest.mean() / whole if whole else math.nan
            rows.append({"data": m.data, "classes": shown, "share": share, "fulfilled": (largest < ratios).mean()})
    return pd.DataFrame(rows)
