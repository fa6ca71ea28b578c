"""What is certified and right, by radius and by how the head was fitted: rows of tables, from kept results."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch

from rt_utils.evaluation import interval_bounds
from rt_utils.evaluation.interval_bounds import WAYS
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.worst_case_probe import worst_case_probe
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.processes import Task, compute, preload
from rt_utils.theory.threat import Threat, format_eps

preload(__name__)

PROBE, M_PROBE, T_PROBE = HEADS = ("probe", "M-probe", "T-probe")  # the last two: trained on the worst case
RATIO = "bound / found"
Case = tuple[Encoder, Head, DataSet, Threat]  # the head is the book's probe


def certify(encoder: Encoder, head: Head, data: DataSet, threat: Threat, worst: ProbeSettings) -> dict[str, Any]:
    """By kind of head its `interval_bounds.points` on the test split, as arrays by name, with its weight and bias.

    The M-probe is trained on the worst merged margins under the threat, the T-probe on Theorem 2's. Their training
    boxes are float32: they prove nothing. What is certified, on the test images, is float64.
    """
    box = interval_bounds.feature_box(encoder, data.test.images, threat.eps)
    trained = interval_bounds.feature_box(encoder, data.train.images, threat.eps, torch.float32)
    y, ends = data.train.required_labels(), (trained.z, trained.lower, trained.upper)
    heads = {
        PROBE: head,
        M_PROBE: worst_case_probe(*ends, y, len(data.classes), worst, way="merged"),
        T_PROBE: worst_case_probe(*ends, y, len(data.classes), worst, way="theorem_2"),
    }
    found = {}
    for kind, fitted in heads.items():
        points = interval_bounds.points(box, fitted, data.test.required_labels())
        arrays = {name: points[name].to_numpy() for name in points}
        found[kind] = arrays | {"weight": fitted.weight.numpy(), "bias": fitted.bias.numpy()}
    return found


def certify_all(cases: Sequence[Case], worst: ProbeSettings, workers: int) -> list[dict[str, Any]]:
    """`certify` of each case, in processes, from the cache where it is there."""
    tasks: list[Task] = []
    for encoder, head, data, threat in cases:
        fitted = joblib.hash((head.weight.numpy(), head.bias.numpy()))
        key = (encoder.name, data.name, encoder.weights_sha256, data.fingerprint, fitted, threat.eps, repr(worst))
        tasks.append(
            (
                Entry("certificates", key, encoder.code | {__name__}),
                certify,
                (encoder, head, data, threat, worst),
            )
        )
    return compute(tasks, workers)


def row(found: dict[str, Any], attacked: Measurement) -> dict[str, float]:
    """Shares of test points, each certified share only of points that are right, beside the clean accuracy.

    `attacked` are the first points of the same test split, with the book's probe: PGD is an upper bound on what could
    be certified. bound, found: mean upper bound on S and mean shift found there, in feature units.
    """
    probe, n = found[PROBE], len(attacked.labels)
    shift, bound = attacked.shift, probe["shift_upper"][:n]
    shares: dict[str, float] = {"n": len(probe["right"]), "clean": probe["right"].mean()}
    shares |= {"PGD": 1 - attacked.wrong.mean()}
    shares |= {way: (probe["right"] & probe[way]).mean() for way in WAYS}
    for kind, way in ((M_PROBE, interval_bounds.MERGED), (T_PROBE, interval_bounds.THEOREM_2)):
        shares[f"{kind} clean"] = found[kind]["right"].mean()
        shares[kind] = (found[kind]["right"] & found[kind][way]).mean()
    ratio = bound.mean() / shift.mean() if shift.mean() else np.nan
    return shares | {"bound": bound.mean(), "found": shift.mean(), RATIO: ratio}


def broken(found: dict[str, Any], attacked: Measurement) -> int:
    """How many points an attack flips although one of `WAYS` certifies them. It must be 0."""
    n = len(attacked.labels)
    proved = np.any([found[PROBE][way][:n] for way in WAYS], axis=0)
    return int((proved & attacked.flipped).sum())


def over_radii(
    pairs: Sequence[tuple[Encoder, DataSet]],
    threats: Sequence[Threat],
    probe: ProbeSettings,
    worst: ProbeSettings,
    plan: AttackPlan,
    *,
    attacked: int | None = None,
    workers: int = 0,
) -> pd.DataFrame:
    """`row` of every pair at every threat, with encoder, data, eps and `flipped` (`broken`).

    `probe` fits the book's probe and `worst` the two others; `plan` attacks the first of them, on the first `attacked`
    test images or on all. Raises InputError for an encoder without interval bounds.
    """
    heads = fit_probes(pairs, probe, workers=workers)
    cases = [(encoder, head, data) for (encoder, data), head in zip(pairs, heads, strict=True)]
    certified = certify_all([(*case, threat) for case in cases for threat in threats], worst, workers)
    few = [(encoder, head, data.first(attacked or len(data.test))) for encoder, head, data in cases]
    by_threat = [measure(few, threat, plan, workers=workers) for threat in threats]
    measured = [of_threat[k] for k in range(len(cases)) for of_threat in by_threat]
    rows = []
    for found, m, (case, threat) in zip(certified, measured, product(cases, threats), strict=True):
        where = {"encoder": case[0].name, "data": case[2].name, "eps": format_eps(threat.eps, threat.norm)}
        rows.append(where | row(found, m) | {"flipped": broken(found, m)})
    return pd.DataFrame(rows)


def clean_accuracies(
    pairs: Sequence[tuple[Encoder, DataSet]], probe: ProbeSettings, *, workers: int = 0
) -> pd.DataFrame:
    """The accuracy of the book's probe on each pair's test images: encoder, data, clean."""
    rows = []
    for (encoder, data), head in zip(pairs, fit_probes(pairs, probe, workers=workers), strict=True):
        right = head.logits(encoder.features(data.test.images)).argmax(1) == data.test.required_labels()
        rows.append({"encoder": encoder.name, "data": data.name, "clean": right.double().mean().item()})
    return pd.DataFrame(rows)
