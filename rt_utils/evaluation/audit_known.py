"""Known encoders on a user's images: what the audited encoder is held against, and the bars that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rt_utils.evaluation import measure, measurement
from rt_utils.evaluation.pairs import Pairs
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

# Pretrained against attacks; without them, or not at all; and no representation at all.
ROBUST = ("embedded/robust", "natural/robust")
OTHERS = ("embedded/standard", "natural/standard", "embedded/random", "natural/random")
CONTROLS = ("pixels", "blocks")
TRAINING = {**dict.fromkeys(ROBUST, "against attacks"), **dict.fromkeys(OTHERS[:2], "without attacks")}
TRAINING |= {**dict.fromkeys(OTHERS[2:], "none: random weights"), **dict.fromkeys(CONTROLS, "no representation")}


@dataclass(frozen=True)
class Known:
    """One encoder on the images: shifts in feature units, all pairs; accuracies per image where there are labels."""

    name: str
    shifts: Float[np.ndarray, " n"]
    pairs: Pairs
    right: Bool[np.ndarray, " n"] | None
    robust: Bool[np.ndarray, " n"] | None

    @property
    def ratio(self) -> float:
        """AS / D."""
        return float(self.shifts.mean() / self.pairs.mean_distance)


def examine(
    encoders: Sequence[Encoder],
    images: DataSet,
    threat: Threat,
    plan: AttackPlan,
    *,
    probe: ProbeSettings | None,
    workers: int,
) -> list[Known]:
    """Attack the images in every encoder, with a probe on each where there are labels. All take images of one size.

    An encoder that gives all images the same features is left out.
    """
    if probe is None:
        found = measure.label_free([(encoder, images, threat, plan) for encoder in encoders], workers=workers)
        rows = [
            Known(encoder.name, by_kind["representation"], Pairs.of(z), None, None)
            for encoder, (z, by_kind) in zip(encoders, found, strict=True)
        ]
    else:
        heads = measure.fit_probes([(encoder, images) for encoder in encoders], probe, workers=workers)
        cases = [(encoder, head, images) for encoder, head in zip(encoders, heads, strict=True)]
        rows = []
        for m in measure.measure(cases, threat, plan, workers=workers):
            points = measurement.table(m)
            right = (points.label == points.predicted).to_numpy()
            rows.append(Known(m.encoder, points["shift"].to_numpy(), Pairs.of(m.z), right, ~points.wrong.to_numpy()))
    return [row for row in rows if row.pairs.mean_distance > 0]


@dataclass(frozen=True)
class Bars:
    """What an encoder has to pass on these images: `low`, what needs no robust encoder; `high`, the best known one.

    With labels in robust accuracy, where more is better; without in AS / D, where less is.
    """

    low: float
    low_by: str
    high: float
    high_by: str
    labelled: bool

    def level(self, value: float) -> str:
        """'low', 'between' or 'high', as the value lies by the bars."""
        if self.labelled:
            return "low" if value <= self.low else "high" if value >= self.high else "between"
        return "low" if value >= self.low else "high" if value <= self.high else "between"


def bars(known: Sequence[Known], constant: float | None) -> Bars:
    """The bars on these images. `constant`: the accuracy of always answering the most frequent class; None: no labels.

    With labels the low bar is the best robust accuracy of what was not trained to be robust, the constant answer and
    the pixels included. Without, it is the smallest AS / D of a network that was not trained to be robust; the pixels
    do not count, since they move little and know nothing. Raises InputError where too few encoders are known.
    """
    robust = [row for row in known if row.name in ROBUST]
    others = [row for row in known if row.name in OTHERS or (constant is not None and row.name in CONTROLS)]
    if not robust or not others:
        raise InputError("no known encoder can be used on these images: its weights are missing, or all features equal")
    if constant is None:
        low, high = min(others, key=lambda row: row.ratio), min(robust, key=lambda row: row.ratio)
        return Bars(low.ratio, low.name, high.ratio, high.name, labelled=False)
    accuracy = {row.name: float(row.robust.mean()) for row in known if row.robust is not None}
    candidates = {row.name: accuracy[row.name] for row in others} | {"always the most frequent class": constant}
    low_by = max(candidates, key=candidates.__getitem__)
    high_by = max((row.name for row in robust), key=accuracy.__getitem__)
    return Bars(candidates[low_by], low_by, accuracy[high_by], high_by, labelled=True)
