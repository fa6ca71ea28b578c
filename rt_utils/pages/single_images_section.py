"""What the score predicts about single images, as a page shows it: one table and what it says."""

from typing import Any

import pandas as pd
from IPython.display import display

from rt_utils.evaluation import single_images
from rt_utils.evaluation.single_images import PREDICTORS
from rt_utils.evaluation.statistics import ERROR
from rt_utils.pages.experiment import Experiment
from rt_utils.pages.page import Page
from rt_utils.theory.threat import format_eps

BOTH = PREDICTORS[4:]  # what m/S is compared with: it needs no attack on the representation
HEADS = {"S": "\\(S\\)", "m": "\\(m\\)", "m/S": "\\(m/S\\)", "m/S_P": "\\(m/S_P\\)"}
_TABLE = (
    "Area under the curve for being flipped: the probability that a flipped image looks more in danger than one that "
    "is not (0.5: no better than chance), {n} images each, at a radius (ε) at which about half are flipped; a dash "
    "where no radius tried flips {low:.0%} to {high:.0%}. \\(S\\): found by the attack on the representation alone; "
    "\\(S_P\\): by the one aimed at the head’s subspace; flips: by attacks on the loss alone. Last: \\(m/S\\) minus "
    "the softmax margin, and minus DeepFool’s distance: bootstrap intervals over the same images, 5% for all together."
)
_READING = (
    "**What the score says of single images.** At such a radius the areas, over {cases} pairs of encoder and data "
    "set, are {areas}. The quotient $m/S$ is surely better than the softmax margin, which needs no attack at all, in "
    "{better} of them and surely worse in {worse}; than DeepFool’s distance better in {better_far} and worse in "
    "{worse_far}. {plain}"
)
ADDS = (
    "So on all of them dividing the margin by the shift tells more about who is flipped than the predictor’s own "
    "confidence does."
)
LESS = "So on all of them the predictor’s own confidence tells more about who is flipped than margin over shift does."
OPEN = (
    "So whether the shift adds to what the predictor’s confidence says of single images is not decided in general: "
    "dividing by it is better in {better}, worse in {worse} and undecided in {undecided} of {cases} pairs."
)


def reading(found: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """The ranges of the areas, in how many cases m/S is told from its rivals, and what follows in one sentence."""
    known = found.dropna(subset="m/S")
    if known.empty:
        return "No radius tried flips between a fifth and four fifths of the images, so nothing is asked here.", {}
    counts = [(int((known[f"{of} low"] > 0).sum()), int((known[f"{of} high"] < 0).sum())) for of in BOTH]
    (better, worse), (better_far, worse_far) = counts
    cases = len(known)
    open_ = OPEN.format(better=better, worse=worse, undecided=cases - better - worse, cases=cases)
    plain = ADDS if better == cases else LESS if worse == cases else open_
    names = {name: f"${name}$" for name in PREDICTORS[:4]} | {
        "softmax margin": "softmax margin",
        "DeepFool": "DeepFool",
    }
    areas = ", ".join(f"{names[name]} {known[name].min():.2f} to {known[name].max():.2f}" for name in PREDICTORS)
    values = {"cases": cases, "areas": areas, "better": better, "worse": worse}
    return _READING, values | {"better_far": better_far, "worse_far": worse_far, "plain": plain}


def shown(found: pd.DataFrame, norm: str) -> pd.DataFrame:
    """The table's rows, intervals and radii as text."""
    rows = found.assign(ε=[format_eps(eps, norm) for eps in found.eps])  # type: ignore[arg-type]
    for of in BOTH:
        ends = zip(found[f"{of} low"], found[f"{of} high"], strict=True)
        rows[f"minus {of}"] = [f"{low:+.2f} to {high:+.2f}" if low == low else "–" for low, high in ends]
    columns = ["encoder", "data", "ε", "flipped", *PREDICTORS, *(f"minus {of}" for of in BOTH)]
    return rows[columns].rename(columns=HEADS)


def show(page: Page, run: Experiment) -> None:
    """The table and its reading, on the first `path_points` images of each of the run's cases."""
    cases = [run.case(m, page.p.path_points) for m in run.measurements]
    found = single_images.measured(cases, page.p.norm, page.p.seed, ERROR, workers=page.workers)
    low, high = single_images.BETWEEN
    caption = {"n": int(found.n.min()), "low": low, "high": high}
    table = page.table("single-images", shown(found, page.p.norm), ".2f", wide=True, caption=_TABLE, **caption)
    display(table, page.text("reading-single-images", *reading(found)))
