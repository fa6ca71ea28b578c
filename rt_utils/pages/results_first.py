"""A chapter's result in one to three plain sentences, from the elements of a run of it: this build's, or a kept one's.

Each function reads the elements that a page shows and computes nothing but counts, shares and extremes of them. An
element that a run does not hold, as older records do not, gives no sentence.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from rt_utils.pages import results_of_experiments as experiments
from rt_utils.pages.elements import redrawn
from rt_utils.pages.labels import short_name
from rt_utils.pages.plain import frame_from
from rt_utils.pages.wording import as_it_stands

Elements = Mapping[str, Any]
Sentence = Callable[[Elements], str]
_HEAD = re.compile(r"^(- )?(\*\*[^*]*\*\* )?")  # the mark of a list, a heading in bold


def _setting(elements: Elements) -> str:
    rows = frame_from(elements["plane"])
    holds, changed = rows.criterion == "holds", rows.prediction != "stays"
    return (
        f"In the plane below the criterion $S(x)<m(x)$ holds in {holds.sum()} of {len(rows)} settings, and in "
        f"{(holds & changed).sum()} of these a perturbation changes the prediction. It fails in {(~holds).sum()}, and "
        f"there the prediction changes in {(~holds & changed).sum()}."
    )


def _lipschitz_losses(elements: Elements) -> str:
    rows = frame_from(elements["constants"])
    if (rows.share > 1 + 1e-6).any():
        return f"A ratio found is {rows.share.max():.3g} times the constant that is proved: a mistake in the code."
    return (
        f"For {rows.loss.nunique()} losses, in the norms of the table, the largest ratio found is at least "
        f"{rows.share.min():.1%} of the constant that is proved, and none of the {len(rows)} passes its constant by "
        "more than rounding."
    )


def _slack(elements: Elements) -> str:
    rows = frame_from(elements["chain"])
    factor = rows["AS / LHS"]
    least, most = (experiments.where(rows, int(place)) for place in (factor.argmin(), factor.argmax()))
    return (
        f"The AS score is {factor.min():.1f} ({least}) to {factor.max():.1f} times ({most}) what Lemma 1 bounds by it."
    )


def _converse(elements: Elements) -> str:
    rows = frame_from(elements["heads-found"])
    proved, best = rows["bound / AS"], rows["best head / AS"]
    return (
        f"Some head always loses at least {proved.min():.1%} of the AS score: that is proved. The worst heads found "
        f"lose {best.min():.0%} to {best.max():.0%} of it."
    )


def _certified(elements: Elements) -> str:
    rows = frame_from(elements["result-shares"])
    first = short_name(str(rows.encoder.iloc[0]))
    rows = rows[rows.encoder == rows.encoder.iloc[0]]
    proved = rows["certified and right"]
    return (
        f"With the encoder “{as_it_stands(first)}”, between "
        f"{proved.min():.1%} ({as_it_stands(str(rows.data[proved.idxmin()]))}) and {proved.max():.1%} "
        f"({as_it_stands(str(rows.data[proved.idxmax()]))}) of the test points are proved to be classified rightly "
        "under every perturbation: by an upper bound on the shift, up to rounding."
    )


def _shown(*keys: str) -> Sentence:
    """The page's own words: texts that are sentences of a result already."""

    def sentence(elements: Elements) -> str:
        texts = (str(redrawn(elements[key], elements[key]).shown) for key in keys)
        return " ".join(_HEAD.sub("", text) for text in texts)

    return sentence


SENTENCES: Mapping[str, Sentence] = {
    "setting": _setting,
    "definition_1_lipschitz_losses": _lipschitz_losses,
    "theorem_1_loss_gap": experiments.loss_gap,
    "theorem_2_criterion": experiments.criterion,
    "slack": _slack,
    "converse": _converse,
    "certified": _certified,
    "model_cards": experiments.model_cards,
    "section_5_1_cross_entropy": experiments.loss_gap,
    "section_5_2_criterion": experiments.criterion,
    "section_6_1_as_score": experiments.score_orders,
    "section_6_2_transfer_methods": experiments.transfer_methods,
    "appendix_b2_regression": experiments.regression,
    "appendix_b5_distribution_shift": experiments.distribution_shift,
    "appendix_paper_and_code": experiments.paper_and_code,
    "roli": experiments.starts,
    "purification": _shown("purified-soft-eight tasks", "real"),
    "audit": _shown("verdict", "how-far"),
}


def sentence(chapter: str, elements: Elements) -> str:
    """The result of a run of `chapter` in plain words, as Markdown; empty where the run does not hold what it needs."""
    try:
        return SENTENCES[chapter](elements) if chapter in SENTENCES else ""
    except (LookupError, AttributeError, TypeError, ValueError):
        return ""
