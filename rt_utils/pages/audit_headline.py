"""The first sentence of an audit's report: what was found on these images, held against known encoders on the same."""

from dataclasses import dataclass

from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_intervals import share
from rt_utils.evaluation.audit_known import Bars, Known
from rt_utils.pages import audit_levels
from rt_utils.pages.audit_verdict import doubtful


@dataclass(frozen=True)
class Headline:
    """A few words, and the sentences that say why.

    `level`: 'doubt', 'low', 'between', 'high', 'above' where the bars cross, 'undecided' or 'none'.
    """

    level: str
    title: str
    text: str


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


def headline(audit: Audit, bars: Bars | None, own: Known | None, possible: tuple[str, ...]) -> Headline:
    """With labels robust accuracy decides, without them AS / D; a failing check comes before both.

    own, possible: what the comparison's attack found, and the levels that its intervals leave (`audit_known.levels`).
    """
    text = _of_features(audit) if audit.points is None else _of_probe(audit)
    compared = bars is not None and own is not None and bool(possible)
    if bars is not None and own is not None:
        text += " " + audit_levels.compared(own, bars)
    if failing := doubtful(audit):
        count = (
            "One of the attack's checks fails" if len(failing) == 1 else f"{len(failing)} of the attack's checks fail"
        )
        why = f"{count} ({'; '.join(failing)}), so the truth may be far worse. "
        return Headline("doubt", "Do not rely on these numbers", why + text)
    if not compared:
        return Headline("none", "No known encoder to compare with", text)
    title = audit_levels.title(possible, labelled=audit.points is not None)
    if len(possible) == 1:
        return Headline(possible[0], title, text)
    return Headline("undecided", title, text + audit_levels.UNDECIDED)
