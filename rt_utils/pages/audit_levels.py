"""The words for what known encoders on the same images leave to say of an audited one (`audit_known.levels`)."""

from collections.abc import Sequence

from rt_utils.evaluation.audit_known import CONSTANT, CONTROLS, Bars, Known

TITLES = {
    (True, "low"): "No more robust here than without robust pretraining",
    (True, "between"): "Between standard and robust encoders",
    (True, "high"): "As robust here as the best known encoder",
    (True, "above"): "More robust here than without robust pretraining",
    (False, "low"): "Moves as far as encoders that were not trained to be robust",
    (False, "between"): "Between standard and robust encoders",
    (False, "high"): "Moves no further than a known robust encoder",
    (False, "above"): "Moves less far than encoders that were not trained to be robust",
}
UNDECIDED = " The intervals of the differences leave it undecided: more images would decide."
_CROSSED = " No known robust encoder beats that here, so these images cannot show that an encoder is as robust as one."


def title(possible: Sequence[str], *, labelled: bool) -> str:
    """What stands above: the one level that is possible, or both; that the images tell nothing where all are."""
    if {*possible} >= {"low", "high"} or {*possible} >= {"low", "above"}:
        return "Undecided: too few images to tell it from encoders that were not trained to be robust"
    titles = [TITLES[labelled, level] for level in possible]
    if len(titles) == 1:
        return titles[0]
    return "Undecided: " + ", or ".join(t[0].lower() + t[1:] for t in titles)


def compared(own: Known, bars: Bars) -> str:
    """What the audited encoder reaches, and the two bars."""
    low_by, high_by = bars.low_by, bars.high_by
    text = f"Under one attack for all on the same {len(own.shifts)} images "
    why = "which is no representation" if bars.low_by in CONTROLS else "which is not trained to be robust"
    if own.robust is None:
        text += (
            f"the audited encoder moves by {own.ratio:.2f} in this unit, {low_by}, {why}, by {bars.low:.2f}, and the "
            f"known robust encoder {high_by} by {bars.high:.2f}."
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
