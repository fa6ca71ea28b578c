"""How much of what stays unchanged Theorem 2 accounts for: as it is, in the head's own subspace, with direction."""

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
import torch

from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.statistics import share_interval, shown_share
from rt_utils.evaluation.summary import CASE, spread
from rt_utils.theory import sharper
from rt_utils.theory.subspace import difference_basis, faults, projector

AS_P = "\\(\\mathrm{AS}_P\\)"
AIMED = "\\(S_P\\lt m\\), aimed alone"
CRITERIA = ("\\(S\\lt m\\)", "\\(S_P\\lt m\\)", "\\(D\\lt m\\)", "unchanged")  # each implies the next


def criteria(points: pd.DataFrame) -> dict[str, pd.Series]:
    """Per point whether each of `CRITERIA` holds, over everything found, the aimed attack's finds included.

    `points` has the columns of `measurement.table` of a measurement with an attack on the subspace.
    """
    shifts = ("shift_with_subspace", "shift_subspace", "shift_directional")
    held = [points[shift] < points.margin_ratio for shift in shifts]
    return dict(zip(CRITERIA, [*held, ~points.flipped_with_subspace], strict=True))


def broken(points: pd.DataFrame) -> dict[str, int]:
    """How many points break what holds by algebra, all 0: the order of the shifts, each implication of `CRITERIA`."""
    held = list(criteria(points).items())
    shifts = [points[name] for name in ("shift_directional", "shift_subspace", "shift_with_subspace")]
    order = sum(int((small > large * (1 + 1e-9) + 1e-9).sum()) for small, large in pairwise(shifts))
    steps = pairwise(held)
    return {"order of the shifts": order} | {f"{a} but not {b}": int((x & ~y).sum()) for (a, x), (b, y) in steps}


def worst_fault(measurements: Iterable[Measurement]) -> float:
    """The largest shortfall of any head's projector in any of its conditions (`theory.subspace.faults`)."""
    weights = [torch.from_numpy(m.weight) for m in measurements]
    found = [faults(projector(difference_basis(weight)), weight) for weight in weights]
    return max(abs(value) for each in found for value in each.values())


def _aimed(points: pd.DataFrame) -> dict[str, object]:
    """What fulfils the criterion with the shift that the aimed attack found alone, and how many of it were flipped.

    By another attack: a find of its own that flips a point has a shift of at least m(x) there. Nothing excludes it.
    """
    fulfilled = points.shift_subspace_aimed < points.margin_ratio
    count, flipped = int(fulfilled.sum()), int(points.flipped_with_subspace[fulfilled].sum())
    low, high = share_interval(flipped, count)
    share = flipped / count if count else math.nan
    return {AIMED: fulfilled.mean(), "aimed": count, "flipped": flipped, "share": share, "low": low, "high": high}


def shares(m: Measurement) -> dict[str, object]:
    """One encoder and data set: dimension of the subspace, width of the features, share at which each criterion holds.

    AS and AS_P, in feature units, are over everything found. fulfilled, broken: how many points fulfil S_P < m, and how
    many of these were flipped, which must be 0. The last columns say what the aimed attack alone leaves fulfilled, how
    many of these points were flipped, and the 95% interval for their share.
    """
    points = table(m)
    held, basis = criteria(points), difference_basis(torch.from_numpy(m.weight))
    within = held[CRITERIA[1]]
    return {
        "encoder": m.encoder,
        "data": m.data,
        "n": len(points),
        "dim": len(basis),
        "r": basis.shape[1],
        "AS": points.shift_with_subspace.mean(),
        AS_P: points.shift_subspace.mean(),
        **{name: values.mean() for name, values in held.items()},
        "fulfilled": int(within.sum()),
        "broken": float((points.flipped_with_subspace[within]).mean()),
        **_aimed(points),
    }


def table_of(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """`shares` of each of the measurements."""
    return pd.DataFrame([shares(m) for m in measurements])


def over_seeds(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The criteria over the seeds, from their `table_of`: mean and deviation, and the aimed attack's counts in each.

    Last the 95% interval for the share of the points fulfilled by the aimed attack alone that another one flips, of the
    first seed: over the images, which may be the same in all.
    """
    rows, shown = pd.concat(list(tables), ignore_index=True), []
    for _, part in rows.groupby(CASE, sort=False):
        counts = [(int(flipped), int(aimed)) for flipped, aimed in zip(part.flipped, part.aimed, strict=True)]
        each = ", ".join(f"{flipped} of {aimed}" if aimed else "–" for flipped, aimed in counts)
        shown.append({"flipped, of those": each, "95% interval": shown_share(*counts[0])})
    return spread(rows, [*CRITERIA, AIMED]).join(pd.DataFrame(shown))


def per_sample(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Theorem 1 point by point, means in nats: the loss gap found, max_j ||W_y - W_j|| S_P, and the same with S.

    `above`: the largest excess of a point's gap over its bound with S_P, which must not be above rounding. The gap is
    over what the other attacks found, all of which S_P knows.
    """
    rows = []
    for m in measurements:
        points = table(m)
        constant = sharper.per_sample_constants(torch.from_numpy(m.weight), torch.from_numpy(m.labels)).numpy()
        gap, within = points.adversarial_loss - points.loss, constant * points.shift_subspace
        rows.append(
            {
                "encoder": m.encoder,
                "data": m.data,
                "gap": gap.mean(),
                "with \\(S_P\\)": within.mean(),
                "with \\(S\\)": (constant * points.shift_with_subspace).mean(),
                "above": float(np.max(gap - within)),
            }
        )
    return pd.DataFrame(rows)
