"""An audit at other radii: half and double the one that was asked for, each attacked anew with the same probe."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rt_utils.evaluation import measure, measurement
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory.threat import MAX_EPS, Threat


@dataclass(frozen=True)
class AtRadius:
    """What was found on the first n images under one threat; the last two are None without labels."""

    threat: Threat
    shifts: Float[np.ndarray, " n"]
    robust: Bool[np.ndarray, " n"] | None
    fulfilled: Bool[np.ndarray, " n"] | None


def around(threat: Threat) -> list[Threat]:
    """Half and double the radius, the latter at most the norm's largest, without the radius itself."""
    radii = (threat.eps / 2, min(2 * threat.eps, MAX_EPS[threat.norm]))
    return [Threat(threat.norm, eps) for eps in radii if eps != threat.eps]


def passes(restarts: int, steps: int, labelled: bool, predicted: int = 20) -> float:
    """Passes forward and back of one image at one radius; `predicted`: steps of the attack where the label is lost."""
    total = HalvingSettings.of_shift(restarts, steps).passes
    if labelled:
        total += HalvingSettings.of_loss(restarts, steps).passes + HalvingSettings.of_margin(restarts, steps).passes
    return total + predicted * labelled


def of_audit(audit: Audit, threat: Threat, n: int) -> AtRadius:
    """The audit's own radius, on its first n images."""
    if audit.points is None:
        return AtRadius(threat, audit.found[:n], None, None)
    return AtRadius(threat, audit.found[:n], ~audit.points.wrong.to_numpy()[:n], audit.fulfilled[:n])


def at(
    encoder: Encoder, audit: Audit, images: DataSet, threats: list[Threat], plan: AttackPlan, n: int, *, workers: int
) -> list[AtRadius]:
    """The first n images attacked at each radius, without the searches that check an attack."""
    some, bare, rows = images.first(n), replace(plan, floor_points=0, apgd_points=0, subspace=None), []
    for threat in threats:
        if audit.measurement is None:
            ((_, by_kind),) = measure.label_free([(encoder, some, threat, bare)], workers=workers)
            rows.append(AtRadius(threat, by_kind["representation"], None, None))
        else:
            (m,) = measure.measure([(encoder, audit.measurement.head, some)], threat, bare, workers=workers)
            points = measurement.table(m)
            shifts, fulfilled = points["shift"].to_numpy(), points.fulfilled.to_numpy(dtype=bool)
            rows.append(AtRadius(threat, shifts, ~points.wrong.to_numpy(dtype=bool), fulfilled))
    return rows
