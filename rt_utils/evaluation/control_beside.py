"""The control beside a page's encoders: no representation, under the page's own probe, exact in l_inf.

Images by images the same as the encoders', at 32x32. `control` has the features and what is exact of a head on them.
"""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from rt_utils.evaluation.control import GreyFeatures, exact
from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.evaluation.statistics import ERROR, of_groups
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


def of_set(data: DataSet, name: str, settings: ProbeSettings, threat: Threat) -> dict[str, float]:
    """AS score [feature units] and SHARES of a linear probe on `name`, pixels or blocks; exact, on all test images."""
    train, test = (GreyFeatures.of(split.images, name) for split in (data.train, data.test))
    head = linear_probe(train.z, data.train.required_labels(), len(data.classes), settings)
    lower, upper = test.box(threat)
    score = worst_case.largest_move(test.z, lower, upper).norm(dim=1).double().mean().item()
    shares = exact(head, test, data.test.required_labels(), threat)
    return {"AS score": score} | {what: shares[what] for what in SHARES}


def of_sets(sets: Sequence[DataSet], settings: ProbeSettings, threat: Threat, *, workers: int = 0) -> pd.DataFrame:
    """A row for each data set and each of pixels and blocks: data, encoder, n, AS score and SHARES. l_inf alone.

    From the cache where it is there.
    """
    cases, tasks = [(data, name) for data in sets for name in SIDES], list[Task]()
    for data, name in cases:
        key = (name, data.name, data.fingerprint, repr(settings), threat.eps)
        entry = Entry("control", key, frozenset({__name__}))
        tasks.append((entry, of_set, (data, name, settings, threat)))
    where = ({"data": data.name, "encoder": name, "n": len(data.test)} for data, name in cases)
    return pd.DataFrame([case | found for case, found in zip(where, compute(tasks, workers), strict=True)])


def of_encoders(points: pd.DataFrame) -> pd.DataFrame:
    """The same columns for encoders that were attacked; `points` as of `measurement.table`."""
    right = points.label == points.predicted
    columns = {"AS score": points["shift"], "clean acc.": right, "robust acc.": ~points.wrong}
    columns |= {"fulfilled and right": points.fulfilled & right}
    by_case = points[CASE].assign(**{name: values.astype(float) for name, values in columns.items()})
    cases = by_case.groupby(CASE, sort=False)
    return pd.concat([cases.size().rename("n"), cases.mean()], axis=1).reset_index()


def sides(control: pd.DataFrame, encoders: pd.DataFrame) -> dict[str, str]:
    """By data set which side is surely more robust: CONTROL, ENCODER or UNDECIDED.

    One of a side is ahead where the interval of its difference to each of the other side is on its side of 0: exact
    intervals, ERROR for all pairs of all data sets together.
    """

    def counts(rows: pd.DataFrame) -> list[tuple[int, int]]:
        return [(round(share * n), n) for share, n in zip(rows["robust acc."], rows.n, strict=True)]

    by_data: Mapping[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {
        str(name): (counts(part), counts(encoders[encoders["data"] == name]))
        for name, part in control.groupby("data", sort=False)
    }
    error = ERROR / max(1, sum(len(ours) * len(theirs) for ours, theirs in by_data.values()))
    found = {}
    for name, (ours, theirs) in by_data.items():
        ends = torch.tensor([[of_groups(own, other)(error) for other in theirs] for own in ours])
        ours_ahead, theirs_ahead = ends[..., 1] < 0, ends[..., 0] > 0
        ahead = CONTROL if ours_ahead.all(1).any() else ENCODER if theirs_ahead.all(0).any() else UNDECIDED
        found[name] = ahead
    return found
