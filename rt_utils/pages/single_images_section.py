"""What the score predicts about single images, as a page shows it: one table and what it says."""

from typing import Any

import pandas as pd
from IPython.display import display

from rt_utils.evaluation import single_images
from rt_utils.evaluation.single_images import PREDICTORS, RIVALS
from rt_utils.evaluation.statistics import ERROR
from rt_utils.pages.experiment import Experiment
from rt_utils.pages.page import Page
from rt_utils.theory.threat import format_eps

HEADS = {"S": "\\(S\\)", "m": "\\(m\\)", "m/S": "\\(m/S\\)", "m/S_P": "\\(m/S_P\\)"}
_TABLE = (
    "Area under the curve for being flipped: the probability that a flipped image looks more in danger than one that "
    "is not (0.5: no better than chance), {n} images each, at a radius (ε) at which about half are flipped; a dash "
    "where no radius tried flips {low:.0%} to {high:.0%}. \\(S\\): found by the attack on the representation alone; "
    "\\(S_P\\): by the one aimed at the head’s subspace; flips: by attacks on the loss alone. Last: \\(m/S\\) minus "
    "\\(m\\), minus the softmax margin, minus DeepFool’s distance: bootstrap intervals over the same images, 5% for "
    "all together."
)
_READING = (
    "**What the score says of single images.** At such a radius the areas, over {cases} pairs of encoder and data "
    "set, are {areas}. The quotient $m/S$ is surely better than the margin ratio $m$ alone in {m_better} of them and "
    "surely worse in {m_worse}; than the softmax margin, which needs no representation, better in {softmax_better} "
    "and worse in {softmax_worse}; than DeepFool’s distance, which knows no shift, better in {far_better} and worse "
    "in {far_worse}. {plain}"
)
ADDS = "So {where} dividing by the shift adds to what the margin alone says of who is flipped."
LESS = "So {where} dividing by the shift loses some of what the margin alone says of who is flipped."
OPEN = (
    "So dividing by the shift surely adds to what the margin alone says of who is flipped in {better} of {cases} "
    "pairs, loses some of it in {worse}, and in {undecided} neither is sure."
)
SHORT = dict(zip(RIVALS, ("m", "softmax", "far"), strict=True))


def reading(found: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """The ranges of the areas, in how many cases m/S is told from its rivals, and what follows in one sentence."""
    known = found.dropna(subset="m/S")
    if known.empty:
        return "No radius tried flips between a fifth and four fifths of the images, so nothing is asked here.", {}
    cases, counts = len(known), dict[str, int]()
    for rival, short in SHORT.items():
        counts[f"{short}_better"] = int((known[f"{rival} low"] > 0).sum())
        counts[f"{short}_worse"] = int((known[f"{rival} high"] < 0).sum())
    better, worse = counts["m_better"], counts["m_worse"]
    open_ = OPEN.format(better=better, worse=worse, undecided=cases - better - worse, cases=cases)
    where = "on all of them" if cases > 1 else "on this pair"
    plain = (ADDS if better == cases else LESS if worse == cases else open_).format(where=where)
    names = {name: f"${name}$" for name in PREDICTORS[:4]} | {name: name for name in PREDICTORS[4:]}
    areas = ", ".join(f"{names[name]} {known[name].min():.2f} to {known[name].max():.2f}" for name in PREDICTORS)
    return _READING, {"cases": cases, "areas": areas, "plain": plain, **counts}


def shown(found: pd.DataFrame, norm: str) -> pd.DataFrame:
    """The table's rows, intervals and radii as text."""
    rows = found.assign(ε=[format_eps(eps, norm) for eps in found.eps])  # type: ignore[arg-type]
    for of in RIVALS:
        ends = zip(found[f"{of} low"], found[f"{of} high"], strict=True)
        rows[f"minus {of}"] = [f"{low:+.2f} to {high:+.2f}" if low == low else "–" for low, high in ends]
    columns = ["encoder", "data", "ε", "flipped", *PREDICTORS, *(f"minus {of}" for of in RIVALS)]
    return rows[columns].rename(columns=HEADS | {"minus m": "minus \\(m\\)"})


def show(page: Page, run: Experiment) -> None:
    """The table and its reading, on the first `path_points` images of each of the run's cases."""
    cases = [run.case(m, page.p.path_points) for m in run.measurements]
    found = single_images.measured(cases, page.p.norm, page.p.seed, ERROR, workers=page.workers)
    low, high = single_images.BETWEEN
    caption = {"n": int(found.n.min()), "low": low, "high": high}
    table = page.table("single-images", shown(found, page.p.norm), ".2f", wide=True, caption=_TABLE, **caption)
    display(table, page.text("reading-single-images", *reading(found)))
