"""Both sides of the AS score where an upper bound on each shift is known, with confidence; the curve over all radii."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from rt_utils.evaluation import interval_bounds, score_limits
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.bound_checks import furthest
from rt_utils.evaluation.certified_shares import RATIO
from rt_utils.evaluation.interval_bounds import MERGED
from rt_utils.evaluation.measurement import Measurement
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory.threat import Threat, format_eps


def bracket(m: Measurement, encoder: Encoder, threat: Threat, rho: float) -> dict[str, object]:
    """Both sides of the AS score of the sample, and of E S over new images, each limit at 1 - rho; in feature units.

    On the sample the score lies between the mean shift found and the mean bound. For new images the lower limits use
    the shifts found, one without an a-priori bound; the upper one uses the certified bounds and the a-priori one.
    """
    assert m.shift_upper is not None
    most = interval_bounds.a_priori(encoder, threat)
    bound = np.minimum(m.shift_upper, most)
    found = np.minimum(m.shift, bound)  # float32 rounds
    return {
        "encoder": m.encoder,
        "data": m.data,
        "n": len(found),
        "from below, DKW": score_limits.mean_from_below(found, rho),
        "from below, KL": score_limits.mean_limits(found, most, rho)[0],
        "AS found": found.mean(),
        "AS bound": bound.mean(),
        "from above, KL": score_limits.mean_limits(bound, most, rho)[1],
        "a priori": most,
    }


def curves(
    radii: Mapping[str, Float[np.ndarray, " n"]],
    right: Bool[np.ndarray, " n"],
    top: float,
    rho: float,
    points: int = 97,
) -> pd.DataFrame:
    """The share that is certified and right at each radius up to `top`, and its lower limit at all radii at once (DKW).

    `radii` are the largest certified radii by name (`interval_bounds.largest_radii`).
    """
    grid, frames = np.linspace(0, top, points), []
    for way, largest in radii.items():
        shares = np.array([(right & (largest >= radius)).mean() for radius in grid])
        limits = score_limits.shares_from_below(shares, len(right), rho)
        frames.append(pd.DataFrame({"way": way, "radius": grid, "share": shares, "at least": limits}))
    return pd.concat(frames, ignore_index=True)


def ratios(cases: Sequence[tuple[Encoder, DataSet, Threat]], settings: PGDSettings) -> pd.DataFrame:
    """Per case the mean certified bound on the shift of the test images, the mean shift that PGD finds, and RATIO."""
    rows = []
    for encoder, data, threat in cases:
        _, found = furthest(encoder, data.test.pixels(), threat, settings)
        bound = interval_bounds.shift_upper(encoder, data.test.images, threat).mean().item()
        means = {"bound": bound, "found": found.mean().item(), RATIO: bound / found.mean().item()}
        rows.append({"encoder": encoder.name, "eps": format_eps(threat.eps, threat.norm), "n": len(found), **means})
    return pd.DataFrame(rows)


def examples(m: Measurement, encoder: Encoder, data: DataSet, threat: Threat) -> dict[str, int]:
    """One test point for each thing that can be said of a right one, where there is such a point.

    "certified": by the merged margin. "open": neither certified nor flipped. "flipped": an attack found how.
    """
    box = interval_bounds.feature_box(encoder, data.test.images, threat.eps)
    of = interval_bounds.points(box, m.head, data.test.required_labels())
    right, proved = of["right"].to_numpy(), of[MERGED].to_numpy()
    said = {"certified": proved, "open": ~proved & ~m.flipped, "flipped": m.flipped}
    return {what: int(np.flatnonzero(right & held)[0]) for what, held in said.items() if (right & held).any()}
