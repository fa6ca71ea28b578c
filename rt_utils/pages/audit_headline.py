"""The first sentence of an audit's report: what was found on these images, held against known encoders on the same."""

from dataclasses import dataclass

from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_intervals import share
from rt_utils.evaluation.audit_known import Bars
from rt_utils.pages.audit_verdict import doubtful
from rt_utils.pages.labels import labels


@dataclass(frozen=True)
class Headline:
    """A few words, and the sentences that say why. `level`: 'doubt', 'low', 'between', 'high' or 'none'."""

    level: str
    title: str
    text: str


_TITLES = {
    (True, "low"): "No more robust here than without robust pretraining",
    (True, "between"): "Between standard and robust encoders",
    (True, "high"): "As robust here as the best known encoder",
    (False, "low"): "Moves as far as encoders that were not trained to be robust",
    (False, "between"): "Between standard and robust encoders",
    (False, "high"): "Moves no further than a known robust encoder",
}


def _labelled(audit: Audit, bars: Bars | None) -> tuple[str, str]:
    assert audit.points is not None
    right = (audit.points.label == audit.points.predicted).to_numpy()
    robust = ~audit.points.wrong.to_numpy(dtype=bool)
    text = (
        f"A linear probe on these features is right on {share(right).shown('.0%')} of the clean images, and on at most "
        f"{share(robust).shown('.1%')} under the perturbations found."
    )
    if bars is None:
        return "none", text
    shown = labels([bars.low_by, bars.high_by])
    text += (
        f" On the same images {shown[bars.low_by]}, which is not trained to be robust, keeps {bars.low:.1%}, and the "
        f"known robust encoder {shown[bars.high_by]} {bars.high:.1%}."
    )
    return bars.level(float(robust.mean())), text


def _without(audit: Audit, bars: Bars | None) -> tuple[str, str]:
    ratio = audit.score / audit.distance
    text = (
        f"The attack moves the features of an image by {ratio:.2f} times the mean distance between two images, "
        f"and {audit.blocked_share:.0%} of the pairs of images are blocked: no linear head fulfils the criterion of "
        "Theorem 2 at both."
    )
    if bars is None:
        return "none", text
    shown = labels([bars.low_by, bars.high_by])
    text += (
        f" In the same unit {shown[bars.low_by]}, which is not trained to be robust, moves by {bars.low:.2f} and the "
        f"known robust encoder {shown[bars.high_by]} by {bars.high:.2f}."
    )
    return bars.level(ratio), text


def headline(audit: Audit, bars: Bars | None) -> Headline:
    """With labels the probe's robust accuracy decides, without them AS / D; a failing check comes before both."""
    level, text = _without(audit, bars) if audit.points is None else _labelled(audit, bars)
    if failing := doubtful(audit):
        why = f"{len(failing)} of the attack's checks fail ({'; '.join(failing)}), so the truth may be far worse. "
        return Headline("doubt", "Do not rely on these numbers", why + text)
    if level == "none":
        return Headline(level, "No known encoder to compare with", text)
    return Headline(level, _TITLES[audit.points is not None, level], text)


def sure(audit: Audit, bars: Bars | None) -> str:
    """Whether the interval of the number that decides crosses a bar; empty where it does not, or nothing decides."""
    if bars is None or audit.points is None:
        return ""
    interval = share(~audit.points.wrong.to_numpy(dtype=bool))
    if bars.level(interval.low) == bars.level(interval.high):
        return ""
    return "The interval of the robust accuracy crosses the line between two verdicts: more images would decide."
