"""The control beside a page's encoders: no representation, under the page's own probe, exact in l_inf.

On the same test images as the encoders, at 32x32. `control` has the features and what is exact of a head on them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool

from rt_utils.evaluation.control import GreyFeatures, exact_points
from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.evaluation.statistics import ERROR, of_predictors
from rt_utils.images.data_set import DataSet
from rt_utils.models.no_representation import SIDES
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.processes import Task, compute, preload
from rt_utils.theory import worst_case
from rt_utils.theory.threat import Threat

preload(__name__)

CASE = ["data", "encoder"]
SHARES = ["clean acc.", "robust acc.", "fulfilled and right"]
CONTROL, ENCODER, UNDECIDED = "control", "encoder", "undecided"


def of_set(data: DataSet, name: str, settings: ProbeSettings, threat: Threat) -> dict[str, np.ndarray]:
    """The shift, as "AS score" [feature units], and SHARES of each test image: a linear probe on pixels or blocks."""
    train, test = (GreyFeatures.of(split.images, name) for split in (data.train, data.test))
    head = linear_probe(train.z, data.train.required_labels(), len(data.classes), settings)
    shift = worst_case.largest_move(test.z, *test.box(threat)).norm(dim=1).double()
    each = exact_points(head, test, data.test.required_labels(), threat)
    return {"AS score": shift.numpy()} | {what: each[what].numpy() for what in SHARES}


def of_sets(sets: Sequence[DataSet], settings: ProbeSettings, threat: Threat, *, workers: int = 0) -> pd.DataFrame:
    """A row for each test image, with data, encoder (pixels or blocks), point and `of_set`'s columns. l_inf alone.

    From the cache where it is there.
    """
    cases, tasks = [(data, name) for data in sets for name in SIDES], list[Task]()
    for data, name in cases:
        key = (name, data.name, data.fingerprint, repr(settings), threat.eps)
        entry = Entry("control", key, frozenset({__name__}))
        tasks.append((entry, of_set, (data, name, settings, threat)))
    found = zip(cases, compute(tasks, workers), strict=True)
    parts = [
        pd.DataFrame({"data": data.name, "encoder": name, "point": range(len(data.test)), **own})
        for (data, name), own in found
    ]
    return pd.concat(parts, ignore_index=True)


def of_encoders(points: pd.DataFrame) -> pd.DataFrame:
    """The same columns for encoders that were attacked; `points` as of `measurement.table`."""
    right = points.label == points.predicted
    columns = {"AS score": points["shift"], "clean acc.": right, "robust acc.": ~points.wrong.astype(bool)}
    return points[[*CASE, "point"]].assign(**columns, **{"fulfilled and right": points.fulfilled.astype(bool) & right})


def rows(points: pd.DataFrame) -> pd.DataFrame:
    """For each data set and encoder the number of images n and the means."""
    cases = points.drop(columns="point").groupby(CASE, sort=False)
    return pd.concat([cases.size().rename("n"), cases.mean()], axis=1).reset_index()


def _robust(points: pd.DataFrame) -> list[Bool[np.ndarray, " n"]]:
    by_encoder = points.sort_values("point").groupby("encoder", sort=False)["robust acc."]
    return [part.to_numpy(dtype=bool) for _, part in by_encoder]


def sides(control: pd.DataFrame, encoders: pd.DataFrame) -> dict[str, str]:
    """By data set which side is surely more robust: CONTROL, ENCODER or UNDECIDED; from points of both.

    One of a side is ahead where the interval of its difference to each of the other side is on its side of 0: fixed
    predictors on the same images (McNemar), ERROR for all pairs of all data sets together. Of several sizes the first
    images that both have count.
    """
    pairs = {}
    for name, part in control.groupby("data", sort=False):
        ours, theirs = _robust(part), _robust(encoders[encoders["data"] == name])
        n = min(map(len, (*ours, *theirs)))
        pairs[str(name)] = [[of_predictors(own[:n], other[:n]) for other in theirs] for own in ours]
    error = ERROR / max(1, sum(len(line) for lines in pairs.values() for line in lines))
    found = {}
    for name, lines in pairs.items():
        ends = torch.tensor([[evidence(error) for evidence in line] for line in lines])
        ours_ahead, theirs_ahead = ends[..., 1] < 0, ends[..., 0] > 0
        ahead = CONTROL if ours_ahead.all(1).any() else ENCODER if theirs_ahead.all(0).any() else UNDECIDED
        found[name] = ahead
    return found
