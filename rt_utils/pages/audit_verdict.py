"""What an audit says of its numbers, in words whose rules are printed on the page: templates and their values."""

import math
from typing import Any

import numpy as np
import pandas as pd

from rt_utils.evaluation import audit_theorems, floor
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_checks import CHECKS, NOISE
from rt_utils.evaluation.audit_held import Held
from rt_utils.evaluation.subspace import CRITERIA
from rt_utils.pages import attack_floor, audit_levels
from rt_utils.pages.audit_subject import Subject

Text = tuple[str, dict[str, Any]]

_OUT = "no linear head on these features can fulfil the criterion of Theorem 2 at both"

_WITHIN = (
    "\n- **In the head's own subspace.** Of the {r} features the probe sees {dim} {directions}. With the shift found "
    "there alone the criterion is fulfilled at {within:.1%}, of the {unchanged:.1%} whose prediction nothing found "
    "changes."
)


def doubtful(audit: Audit) -> list[str]:
    """The checks that fail, other than the stronger search, whose addition is printed."""
    failed = audit.checks[(audit.checks.verdict == "fails") & (audit.checks.key != "strong")]
    return list(failed.check)


def _labelled(audit: Audit, values: dict[str, Any]) -> Text:
    """The probe's results first, against always giving the most frequent class, which is robust; then the pairs."""
    assert audit.points is not None
    right, robust = audit.points.label == audit.points.predicted, ~audit.points.wrong
    constant = float(audit.points.label.value_counts(normalize=True).max())
    lost = int((right & ~robust).sum())
    values |= {"clean": right.mean(), "robust": robust.mean(), "constant": constant, "lost": lost, "right": right.sum()}
    if values["clean"] <= constant:
        title = "No accuracy to keep."
    elif values["robust"] <= constant:
        title = "Not robust with your labels."
    else:
        title = "Loses {lost} of {right:,} right answers." if lost else "No right answer was lost."
    template = (
        f"**{title}** A linear probe is right on {{clean:.1%}} of the clean images and on at most {{robust:.1%}} under "
        "what was found; always the most frequent class is right on {constant:.1%}. "
        f"For {{share:.0%}} of the {{pairs}} {_OUT}."
    )
    return template, values


def _unlabelled(held: Held | None, values: dict[str, Any]) -> Text:
    """Where known encoders stand on these images; then the pairs."""
    pairs = f"For {{share:.0%}} of the {{counted:,}} {{pairs}} {_OUT}"
    rest = "" if values["share"] == 1 else "; for the others the size of the shift does not forbid it"
    if held is None:
        return f"**No known encoder to compare with.** {pairs}{rest}.", values
    values |= {"title": audit_levels.title(held.possible, labelled=False)}
    values |= {"compared": audit_levels.compared(held.own, held.bars), "ratio": held.own.ratio}
    undecided = audit_levels.UNDECIDED if len(held.possible) > 1 else ""
    unit = (
        "Shifts are in units of the mean distance between the features of two of these images, in each encoder its own."
    )
    return f"**{{title}}.** {unit} {{compared}}{undecided} {pairs}{rest}.", values


def headline(audit: Audit, *, cut: bool, held: Held | None = None) -> Text:
    """The verdict in a few sentences. `cut`: whether the budget cut the attack; `held`: against what without labels."""
    share, different = audit.blocked_share, audit.different
    pairs = "pairs of images" if audit.labels is None else "pairs of images with different labels"
    values = {"n_checks": len(CHECKS), "failing": len(doubtful(audit)), "pairs": pairs, "share": share}
    values["counted"] = int(different.sum())
    if values["failing"]:
        template = (
            "**Do not rely on this score.** {failing} of the {n_checks} checks below fail, so the gradient may not "
            "lead the attack, and the true score may be far larger."
        )
        if cut:
            template += " The budget cut the attack: raise it first, and see whether they still fail."
    elif math.isnan(share):
        template = (
            "**No verdict.** All images that were attacked have the same label, so there is no pair to tell apart."
        )
    elif audit.points is not None:
        template, values = _labelled(audit, values)
    else:
        template, values = _unlabelled(held, values)
    return template, values


def what_was_attacked(subject: Subject, n: int, enlarged: int) -> Text:
    """How many images of what; `enlarged`: how many are smaller than the encoder's input."""
    template = "{n} of your {total} images" if subject.folder else "{n} images of {name}"
    template = f"- **What was attacked.** {template}, in <code>{{encoder}}</code>, within {{threat}}."
    if enlarged:
        template += (
            " {enlarged} of them {is_} smaller than the encoder's {input_size} pixels and {was} enlarged, so the fine "
            "detail that the encoder may expect is missing."
        )
    words = {"is_": "is", "was": "was"} if enlarged == 1 else {"is_": "are", "was": "were"}
    return template, {"n": n, "total": subject.total, "name": subject.name, "enlarged": enlarged} | words


def how_far(audit: Audit, low: float, high: float) -> Text:
    """The AS score, its interval, and what it is in units of the distance of two images."""
    template = (
        "- **How far.** The AS score is at least {score:.3g} feature units (95% interval over the choice of images: "
        "{low:.3g} to {high:.3g}). That is **{ratio:.2g} times** the mean distance between the features of two of "
        "these images. One image in twenty moves by at least {twentieth:.2g} times that distance."
    )
    twentieth = np.quantile(audit.found, 0.95) / audit.distance
    ratio = audit.score / audit.distance
    return template, {"score": audit.score, "low": low, "high": high, "ratio": ratio, "twentieth": twentieth}


def against_noise(audit: Audit) -> Text:
    """What random perturbations of the same size reach."""
    poor = "either these features are as fragile under noise, or the attack is poor."
    little = f"The adversary does little better than chance: {poor}"
    verdict = "Chance will not find what the adversary finds." if audit.noise_share < 0.5 else little
    template = (
        "- **Against noise.** The best of {n} random perturbations of the same size reaches {share:.0%} of the score. "
    )
    return template + verdict, {"n": NOISE, "share": audit.noise_share}


def against_references(comparison: pd.DataFrame) -> Text:
    """The same attack on other images, from `Audit.comparison`, whose first row is the audited images'."""
    own, *others = [f"{row['data']} {row['ratio']:.2g}" for row in comparison.to_dict("records")]
    template = (
        "- **Against the reference images.** The same attack on the same encoder, in the same unit: {others}; {own}."
    )
    return template, {"others": ", ".join(others), "own": own}


def can_it_be_believed(audit: Audit, *, cut: bool) -> Text:
    """The checks that fail, and what a stronger search adds."""
    failing = doubtful(audit)
    (strong,) = audit.checks[audit.checks.key == "strong"].to_dict("records")
    template = "- **Can the attack be believed?** " + (
        "Failing: {failing}. "
        if failing
        else "No sign of masked gradients: every check of them that was made passes; that is no proof. "
    )
    if strong["n"]:
        template += "On {n} images more steps and restarts add {added:.1%} to the score"
    else:
        template += "No stronger search was made"
    if strong["verdict"] == "fails":
        template += (
            f", more than the {floor.SHARE:.0%} that this book allows, so the score is too low; raise `{{raise_}}`"
        )
    values = {"failing": "; ".join(failing), "raise_": "budget" if cut else "restarts"}
    return template + ".", values | {"n": int(strong["n"]), "added": strong["found"]}


def with_labels(audit: Audit, subject: Subject) -> Text:
    """The probe's accuracies and the share of fulfilled criteria, or why they are left out."""
    if audit.points is None:
        template = (
            "- **Left out.** {why}, so there is no probe, no accuracy, no loss gap and no share of fulfilled criteria. "
            "Sort the images into one sub-folder a class to get them."
        )
        return template, {"why": "All images have one label" if subject.one_class else "The images have no labels"}
    template = (
        "- **With your labels.** A linear probe is right on {clean:.1%} of the clean images and, under every "
        "perturbation found, on {robust:.1%}. The criterion of Theorem 2 is fulfilled at {fulfilled:.1%}: those would "
        "be certified *if* no perturbation moved the features further than the attacks did. They are not certified."
    )
    if within := audit_theorems.within(audit).to_dict("records"):
        template += _WITHIN
    points = audit.points
    clean, robust = (points.label == points.predicted).mean(), 1 - points.wrong.mean()
    values = {"clean": clean, "robust": robust, "fulfilled": audit.fulfilled.mean()}
    for row in within:
        values |= {"r": row["r"], "dim": row["dim"], "directions": "direction" if row["dim"] == 1 else "directions"}
        values |= {"within": row[CRITERIA[1]], "unchanged": row[CRITERIA[-1]]}
    return template, values


def reading(audit: Audit) -> Text:
    """The attack floor's verdict and the pairs that the probe tells apart, where there are labels."""
    if audit.points is None:
        return (
            "**How to read it.** A blocked pair is blocked for every head, so the share in the verdict holds before "
            "the first label is seen."
        ), {}
    parted, kept = audit.parted, audit.parted & audit.pairs.both(audit.fulfilled)
    counts = {"parted": int(parted.sum()), "blocked": int((audit.blocked & parted).sum()), "kept": int(kept.sum())}
    template = (
        f"**How to read it.** {attack_floor.VERDICT} The probe parts {{parted}} pairs of images; {{blocked}} of them "
        "are blocked, and at {kept} the criterion holds for both images. "
    )
    if (kept & audit.blocked).any():
        template += "Some pairs are in both groups, which the proposition forbids."
    else:
        template += "No pair is in both groups, as the proposition says."
    return template, counts | attack_floor.values(floor.summary(audit.points))
