"""An audit of one encoder on one set of images: how far an adversary moves the features, and what that rules out.

Labels are not needed; with them a linear probe is fitted (`audit_theorems` evaluates both theorems for it).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float

from rt_utils.evaluation import audit_checks, measure, measurement
from rt_utils.evaluation.audit_checks import Found
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.pairs import Pairs
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.statistics import mean_interval
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.processes import alone
from rt_utils.theory.threat import Threat

PER_IMAGE = ("attack", "strong", "paper", "noise", "single")  # kinds of search with one shift an image


@dataclass(frozen=True)
class Audit:
    """What was measured on n images. `labels`, `measurement` and `points` are None without labels.

    checks, shifts: `audit_checks.examine`; references: name and `measure.label_free`'s answer for each other set.
    """

    z: Float[np.ndarray, "n r"]
    checks: pd.DataFrame
    shifts: dict[str, np.ndarray]
    references: Sequence[tuple[str, Found]]
    labels: np.ndarray | None
    measurement: Measurement | None
    points: pd.DataFrame | None

    @cached_property
    def found(self) -> Float[np.ndarray, " n"]:
        """The largest shift that any search found at each image: a lower bound on S(x), in feature units."""
        columns = [self.shifts[kind] for kind in PER_IMAGE]
        if self.points is not None:
            columns.append(self.points["shift"].to_numpy())
        return np.asarray(np.fmax.reduce(columns))

    @property
    def score(self) -> float:
        """The AS score found."""
        return float(self.found.mean())

    @cached_property
    def pairs(self) -> Pairs:
        """All pairs of the images."""
        return Pairs.of(self.z)

    @property
    def distance(self) -> float:
        """D, the mean distance between the features of two images."""
        return self.pairs.mean_distance

    @cached_property
    def blocked(self) -> Bool[np.ndarray, " k"]:
        """Which pairs no head can keep apart by the criterion."""
        return self.pairs.blocked(self.found)

    @cached_property
    def different(self) -> Bool[np.ndarray, " k"]:
        """Which pairs count: those with different labels, where there are labels."""
        return np.ones(len(self.pairs.i), bool) if self.labels is None else self.pairs.differ(self.labels)

    @property
    def blocked_share(self) -> float:
        """The share of blocked pairs among those that count; NaN where none does."""
        return float(self.blocked[self.different].mean()) if self.different.any() else math.nan

    @cached_property
    def margins(self) -> Float[np.ndarray, " n"]:
        """The probe's margin ratios; NaN without labels."""
        return np.full(len(self.z), np.nan) if self.points is None else self.points.margin_ratio.to_numpy()

    @cached_property
    def fulfilled(self) -> Bool[np.ndarray, " n"]:
        """Where the criterion of Theorem 2 is fulfilled with the shift found; nowhere without labels."""
        return np.asarray(self.found < self.margins)

    @property
    def flipped(self) -> Bool[np.ndarray, " n"]:
        """Where a perturbation found changes the probe's prediction; nowhere without labels."""
        return np.zeros(len(self.z), bool) if self.points is None else self.points.flipped.to_numpy()

    @cached_property
    def parted(self) -> Bool[np.ndarray, " k"]:
        """Which pairs the probe predicts apart; none without labels."""
        predicted = np.zeros(len(self.z)) if self.points is None else self.points.predicted.to_numpy()
        return self.pairs.differ(predicted)

    @property
    def noise_share(self) -> float:
        """The share of the score that random noise reaches; all of it where nothing was found."""
        return 1.0 if not self.score else float(self.shifts["noise"].mean() / self.score)

    def comparison(self, title: str, resamples: int, seed: int) -> pd.DataFrame:
        """The same attack on the audited images, called `title`, and on the references: AS, D, and AS / D."""
        rows = []
        own: Found = (self.z, {"representation": self.shifts["attack"]})
        for name, (z, by_kind) in [(title, own), *self.references]:
            values, unit = by_kind["representation"], torch.pdist(torch.from_numpy(z).double()).mean().item()
            low, high = mean_interval(values, resamples, seed)
            ends = {"95% interval": f"{low:.3g} to {high:.3g}"}
            rows.append({"data": name, "n": len(values), "AS": values.mean(), **ends, "unit": unit})
        return pd.DataFrame(rows).assign(ratio=lambda frame: frame.AS / frame.unit)

    def relative_shifts(self) -> list[Float[np.ndarray, " _k"]]:
        """The shifts that `comparison` averages, over the D of their set; the audited images' first."""
        own: Found = (self.z, {"representation": self.shifts["attack"]})
        sets = [own, *(found for _, found in self.references)]
        return [by_kind["representation"] / Pairs.of(z).mean_distance for z, by_kind in sets]

    def spread(self, quantiles: Sequence[float]) -> pd.DataFrame:
        """Mean, quantiles and maximum of the shifts by everything found and by noise, in feature units and in D."""
        rows = []
        for by, values in (("attack", self.found), ("noise", self.shifts["noise"])):
            for unit, scale in (("feature units", 1.0), ("D", self.distance)):
                at = {f"{q:.0%}": np.quantile(values, q) / scale for q in quantiles}
                rows.append({"by": by, "in": unit, "mean": values.mean() / scale} | at | {"max": values.max() / scale})
        return pd.DataFrame(rows)


def run(
    encoder: Encoder,
    images: DataSet,
    references: Sequence[DataSet],
    threat: Threat,
    plan: AttackPlan,
    *,
    checked: int,
    seed: int,
    probe: ProbeSettings | None = None,
    head: Head | None = None,
    workers: int = 0,
) -> Audit:
    """Attack the images, check the attack on the first `checked` of them, attack the references; fit a probe, if any.

    `head`: a probe that was fitted before; then `probe` is not used.

    Raises InputError where features or gradients are not finite, or all images have the same features, and before
    anything is attacked where a probe cannot be fitted (`DataSet.check_trainable`).
    """
    if probe is not None or head is not None:
        images.check_trainable()
    k = min(checked, len(images.test))
    x, largest = images.test.pixels()[:k], Threat(threat.norm, float(audit_checks.radii(threat)[-1]))
    slopes = alone(audit_checks.gradient, encoder, x, threat, seed)
    searched = audit_checks.searches(encoder, images, threat, plan, k, seed)
    bare = replace(plan, floor_points=0, apgd_points=0)
    others = [(encoder, other, threat, bare) for other in references]
    found = measure.label_free([*searched, *others], workers=workers)
    if np.ptp(found[0][0], axis=0).max() == 0:
        raise InputError(
            f"{encoder.name} gives all {len(images.test)} images of {images.name!r} the same features: "
            "there is no distance to compare with"
        )
    unguided = alone(audit_checks.blind, encoder, x, largest, seed)
    checks, shifts = audit_checks.examine(slopes, unguided, found[: len(searched)])
    named = list(zip((other.name for other in references), found[len(searched) :], strict=True))
    if probe is not None and head is None:
        (head,) = measure.fit_probes([(encoder, images)], probe, workers=workers)
    if head is None:
        return Audit(found[0][0], checks, shifts, named, None, None, None)
    (measured,) = measure.measure([(encoder, head, images)], threat, plan, workers=workers)
    labels = images.test.required_labels().numpy()
    return Audit(found[0][0], checks, shifts, named, labels, measured, measurement.table(measured))
