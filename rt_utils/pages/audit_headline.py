"""The first sentence of an audit's report: what was found on these images, held against known encoders on the same."""

from dataclasses import dataclass

from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_intervals import share
from rt_utils.evaluation.audit_known import CONSTANT, CONTROLS, Bars, Known
from rt_utils.pages.audit_verdict import doubtful
from rt_utils.pages.labels import labels


@dataclass(frozen=True)
class Headline:
    """A few words, and the sentences that say why.

    `level`: 'doubt', 'low', 'between', 'high', 'above' where the bars cross, 'undecided' or 'none'.
    """

    level: str
    title: str
    text: str


_TITLES = {
    (True, "low"): "No more robust here than without robust pretraining",
    (True, "between"): "Between standard and robust encoders",
    (True, "high"): "As robust here as the best known encoder",
    (True, "above"): "More robust here than without robust pretraining",
    (False, "low"): "Moves as far as encoders that were not trained to be robust",
    (False, "between"): "Between standard and robust encoders",
    (False, "high"): "Moves no further than a known robust encoder",
    (False, "above"): "Moves less far than encoders that were not trained to be robust",
}
_CROSSED = " No known robust encoder beats that here, so these images cannot show that an encoder is as robust as one."


def _of_probe(audit: Audit) -> str:
    assert audit.points is not None
    right = (audit.points.label == audit.points.predicted).to_numpy()
    robust = ~audit.points.wrong.to_numpy(dtype=bool)
    return (
        f"A linear probe on these features is right on {share(right).shown('.0%')} of the clean images, and on at most "
        f"{share(robust).shown('.1%')} under the perturbations found."
    )


def _of_features(audit: Audit) -> str:
    return (
        f"The attack moves the features of an image by {audit.score / audit.distance:.2f} times the mean distance "
        f"between two images, and {audit.blocked_share:.0%} of the pairs of images are blocked: no linear head fulfils "
        "the criterion of Theorem 2 at both."
    )


def _compared(own: Known, bars: Bars) -> str:
    shown = labels([bars.low_by, bars.high_by])
    low_by, high_by = shown[bars.low_by], shown[bars.high_by]
    text = f" Under one attack for all on the same {len(own.shifts)} images "
    why = "which is no representation" if bars.low_by in CONTROLS else "which is not trained to be robust"
    if own.robust is None:
        text += (
            f"it moves by {own.ratio:.2f} in this unit, {low_by}, {why}, by {bars.low:.2f}, and the known robust "
            f"encoder {high_by} by {bars.high:.2f}."
        )
    else:
        other = f"{low_by}, {why}, keeps"
        if bars.low_by == CONSTANT:
            other = "the constant answer of the most frequent class is right on"
        text += (
            f"the probe keeps {own.robust.mean():.1%}, {other} {bars.low:.1%}, and the known robust encoder {high_by} "
            f"keeps {bars.high:.1%}."
        )
    return text + _CROSSED * bars.crossed


def headline(audit: Audit, bars: Bars | None, own: Known | None, possible: tuple[str, ...]) -> Headline:
    """With labels robust accuracy decides, without them AS / D; a failing check comes before both.

    own, possible: what the comparison's attack found, and the levels that its intervals leave (`audit_known.levels`).
    """
    text = _of_features(audit) if audit.points is None else _of_probe(audit)
    compared = bars is not None and own is not None and bool(possible)
    if bars is not None and own is not None:
        text += _compared(own, bars)
    if failing := doubtful(audit):
        why = f"{len(failing)} of the attack's checks fail ({'; '.join(failing)}), so the truth may be far worse. "
        return Headline("doubt", "Do not rely on these numbers", why + text)
    if not compared:
        return Headline("none", "No known encoder to compare with", text)
    titles = [_TITLES[audit.points is not None, level] for level in possible]
    if len(titles) == 1:
        return Headline(possible[0], titles[0], text)
    text += " The intervals of the differences leave it undecided: more images would decide."
    return Headline("undecided", "Undecided: " + ", or ".join(t[0].lower() + t[1:] for t in titles), text)
