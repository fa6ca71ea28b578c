"""Known encoders on a user's images: what the audited encoder is held against, and the bars that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rt_utils.evaluation import audit_intervals, measure, measurement, statistics
from rt_utils.evaluation.pairs import Pairs
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.statistics import Evidence
from rt_utils.images.data_set import DataSet
from rt_utils.models import public_files
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

# Pretrained against attacks; without them, or not at all; and no representation at all.
ROBUST = ("embedded/robust", "natural/robust")
OTHERS = ("embedded/standard", "natural/standard", "embedded/random", "natural/random")
CONTROLS = ("pixels", "blocks")
CONSTANT = "always the most frequent class"
RESAMPLES = 10_000
TRAINING = {**dict.fromkeys(ROBUST, "against attacks"), **dict.fromkeys(OTHERS[:2], "without attacks")}
TRAINING |= {**dict.fromkeys(OTHERS[2:], "none: random weights"), **dict.fromkeys(CONTROLS, "no representation")}
# As the cards of public networks begin to say it.
PUBLIC = {"standard": "without attacks", "robust": "against attacks", "trained for": "for a certified bound"}
IS_ROBUST, IS_CONTROL = ("against attacks", "for a certified bound"), "no representation"


def _pretrained(name: str) -> str:
    if name not in public_files.NAMES:
        return TRAINING.get(name, "")
    said = public_files.card(name)["training"]
    return next((kind for begin, kind in PUBLIC.items() if said.startswith(begin)), "")


def training() -> dict[str, str]:
    """How each known encoder was pretrained: the book's, and the public ones of CIFAR-10 whose file is there."""
    public = [name for name in public_files.NAMES if public_files.card(name)["data"] == "CIFAR-10"]
    return TRAINING | {name: _pretrained(name) for name in public if public_files.place(name).is_file()}


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
    heads: Sequence[Head] | None,
    workers: int,
) -> list[Known]:
    """Attack the images in every encoder; `heads`: a probe on each where there are labels. All take images of one size.

    An encoder that gives all images the same features is left out.
    """
    if heads is None:
        found = measure.label_free([(encoder, images, threat, plan) for encoder in encoders], workers=workers)
        rows = [
            Known(encoder.name, by_kind["representation"], Pairs.of(z), None, None)
            for encoder, (z, by_kind) in zip(encoders, found, strict=True)
        ]
    else:
        cases = [(encoder, head, images) for encoder, head in zip(encoders, heads, strict=True)]
        rows = []
        for m in measure.measure(cases, threat, plan, workers=workers):
            points = measurement.table(m)
            right = (points.label == points.predicted).to_numpy()
            rows.append(Known(m.encoder, points["shift"].to_numpy(), Pairs.of(m.z), right, ~points.wrong.to_numpy()))
    return [row for row in rows if row.pairs.mean_distance > 0]


Rivals = dict[str, Known | Bool[np.ndarray, " n"]]  # by name; with labels where each is right, attacked


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

    @property
    def crossed(self) -> bool:
        """Whether no known robust encoder is better here than what needs none."""
        return self.high <= self.low if self.labelled else self.high >= self.low


def _rivals(known: Sequence[Known], constant: Bool[np.ndarray, " n"] | None) -> tuple[Rivals, Rivals]:
    """What needs no robust encoder, and the robust encoders. Raises InputError where there is none of a kind."""
    some = {row.name: row if constant is None else row.robust for row in known}
    found: Rivals = {name: rival for name, rival in some.items() if rival is not None}
    kinds = {name: kind for name in found if (kind := _pretrained(name))}
    robust = {name: found[name] for name, kind in kinds.items() if kind in IS_ROBUST}
    left_out = IS_ROBUST if constant is not None else (*IS_ROBUST, IS_CONTROL)
    others = {name: found[name] for name, kind in kinds.items() if kind not in left_out}
    if not robust or not others:
        raise InputError("no known encoder can be used on these images: its weights are missing, or all features equal")
    return others if constant is None else others | {CONSTANT: constant}, robust


def _best(rivals: Rivals) -> tuple[float, str]:
    value = {name: r.ratio if isinstance(r, Known) else float(r.mean()) for name, r in rivals.items()}
    sign = -1 if any(isinstance(rival, Known) for rival in rivals.values()) else 1
    by = max(value, key=lambda name: sign * value[name])
    return value[by], by


def bars(known: Sequence[Known], constant: Bool[np.ndarray, " n"] | None) -> Bars:
    """The bars on these images. `constant`: where the answer of the most frequent class is right; None: no labels.

    With labels the low bar is the best robust accuracy of what was not trained to be robust, the constant answer and
    the pixels included. Without, it is the smallest AS / D of a network that was not trained to be robust; the pixels
    do not count, since they move little and know nothing. Raises InputError where too few encoders are known.
    """
    others, robust = _rivals(known, constant)
    return Bars(*_best(others), *_best(robust), labelled=constant is not None)


def _better(own: Known, name: str, rival: Known | Bool[np.ndarray, " n"], seed: int) -> Evidence:
    """By how much `own` is better than a rival; by nothing than itself."""
    if own.name == name:
        return lambda error: (0.0, 0.0)
    if isinstance(rival, Known):
        return audit_intervals.of_ratios((own.pairs, own.shifts), (rival.pairs, rival.shifts), RESAMPLES, seed)
    assert own.robust is not None
    return statistics.of_predictors(rival, own.robust)


def levels(own: Known, known: Sequence[Known], constant: Bool[np.ndarray, " n"] | None, seed: int) -> tuple[str, ...]:
    """Which levels the intervals leave possible, for an encoder under the same attack on the same images.

    'low': no better than the best of what needs no robust encoder; 'high': no worse than the best known robust one;
    'between'. Where the bars cross, 'low' and 'above'. The intervals of the paired differences to all rivals hold
    together at 95%, so that it does not matter which rival happened to be the best.
    """
    others, robust = _rivals(known, constant)
    found = statistics.family([_better(own, *rival, seed) for rival in (*others.items(), *robust.items())])
    parts = found[: len(others)], found[len(others) :]
    (low, low_end), (high, high_end) = ((min(a for a, _ in part), min(b for _, b in part)) for part in parts)
    if bars(known, constant).crossed:
        return ("low",) * (low <= 0) + ("above",) * (low_end > 0)
    if low_end <= 0:
        return ("low",)
    return ("low",) * (low <= 0) + ("between",) * (high < 0) + ("high",) * (high_end >= 0)
