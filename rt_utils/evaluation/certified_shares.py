"""What is certified and right over radii, encoders and data sets; both sides of the AS score, with confidence."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from rt_utils.evaluation import certified_transfer, interval_bounds, score_limits
from rt_utils.evaluation.certified_transfer import Plan, transfer
from rt_utils.evaluation.measurement import Measurement
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime import processes
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.processes import Task, compute
from rt_utils.theory.threat import Threat

processes.preload(__name__)
RATIO = "bound / found"


def over_radii(
    cases: Sequence[tuple[Encoder, DataSet]], radii: Sequence[float], plan: Plan, *, workers: int = 0
) -> pd.DataFrame:
    """`certified_transfer.transfer` of each case at each radius, in processes, kept; with the encoder, and RATIO.

    RATIO is the mean bound over the mean shift found. Raises InputError for an encoder without interval bounds.
    """
    jobs = [(encoder, data, radius) for encoder, data in cases for radius in radii]
    tasks: list[Task] = []
    for encoder, data, radius in jobs:
        key = (encoder.name, data.name, encoder.weights_sha256, data.fingerprint, radius, repr(plan))
        entry = Entry("certificates", key, encoder.code | {certified_transfer.__name__})
        tasks.append((entry, transfer, (encoder, data, [radius], plan)))
    found = compute(tasks, workers)
    rows = pd.concat(
        [part.assign(encoder=encoder.name) for part, (encoder, *_) in zip(found, jobs, strict=True)], ignore_index=True
    )
    rows[RATIO] = rows["mean bound"] / rows["mean found"].where(rows["mean found"] > 0)
    return rows[["encoder", *rows.columns.drop("encoder")]]


def bracket(m: Measurement, encoder: Encoder, threat: Threat, rho: float) -> dict[str, object]:
    """Both sides of the AS score of the sample, and of E S over new images, each limit at 1 - rho; in feature units.

    On the sample the score lies between the mean shift found and the mean bound. For new images both limits use the
    a-priori bound: the lower one on the shifts found, the upper one on the certified bounds.
    """
    assert m.shift_upper is not None
    most = interval_bounds.a_priori(encoder, threat)
    found = np.minimum(np.linalg.norm(m.z_shift.astype(np.float64) - m.z, axis=1), m.shift_upper)  # float32 rounds
    bound = np.minimum(m.shift_upper, most)
    return {
        "encoder": m.encoder,
        "data": m.data,
        "n": len(found),
        "limit from below": score_limits.mean_limits(found, most, rho)[0],
        "AS found": found.mean(),
        "AS bound": bound.mean(),
        "limit from above": score_limits.mean_limits(bound, most, rho)[1],
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
