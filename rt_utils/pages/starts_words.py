"""Differences between runs in words, for the page on starts."""

from collections.abc import Mapping

import pandas as pd

from rt_utils.evaluation import paired_runs
from rt_utils.evaluation.finetuned_runs import ROBUST, STARTS, Grid, linear, of
from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.evaluation.paired_runs import AS_RELEASED, mean_of

FROM = (
    "From the {encoder} encoder, RoLI minus RanLI in robust accuracy is {high} at the high rate and {low} at the low "
    "one. Compared as the released configurations do, with both changed, the difference is {both:+.1f} points. Part of "
    "it is the rate's: going to the low rate alone is worth {ran:+.1f} points from RanLI and {roli:+.1f} from RoLI."
)
STILL = (
    "From the {encoder} encoder the linear probe, which does not move at all, has a robust accuracy of {probe:.2f}, "
    "and the best of the four finetuned settings {best:.2f}; the score over distance goes from {before:.2f} to between "
    "{low:.2f} and {high:.2f}."
)
LATE = (
    "{encoder} encoder, {start}, high rate: drift {drift:.2f}, robust accuracy {robust:.2f}, score over distance "
    "{score:.2f}"
)
TOO_SMALL = (
    " By that measure the AS scores of this page are up to {score:.0f}% and its loss gaps up to {gap:.0f}% too small. "
    "PGD on the cross-entropy alone, in the settings of the book's main paper, leaves robust accuracies higher "
    "than this page's by {RanLI:.0f} points after RanLI and by {RoLI:.0f} after RoLI: a comparison of starts by that "
    "attack alone would be off by the difference."
)
# What `paired_runs.explanation` found of the explanation that RoLI is more robust because its encoder moves less.
ANSWERS = {
    "not contradicted": "So RoLI's encoder moves less, and moving less goes with robustness in the other pairs too: "
    "this run does not contradict the explanation.",
    "not enough": "So RoLI's encoder moves less and is mostly the more robust one, but moving less does not by itself "
    "explain it: in the other pairs it goes with less robustness at least as often. A small step from a good head and "
    "a large step from a random one differ in more than their length.",
    "contradicted": "So in this run the start does not act by moving the encoder less.",
}


def in_words(points: float, up: int, down: int, seeds: int) -> str:
    """A difference in points of accuracy, and in how many of several seeds it is above and below 0."""
    return f"{points:+.1f} points" + (f" (above 0 in {up}, below in {down} of {seeds} seeds)" if seeds > 1 else "")


def levels(runs: pd.DataFrame, grid: Grid, label: Mapping[str, str]) -> str:
    """By encoder and start the mean robust accuracy at each rate; the control after its encoder's starts."""
    control = of(runs, map(grid.control, grid.rates.values()))
    control = control.assign(start=f"RanLI with {grid.longer} epochs")
    found = []
    for encoder in grid.encoders:
        parts = [of(runs, grid.square(encoder)), control[control.encoder == encoder]]
        for start, same in pd.concat(parts).groupby("start", sort=False):
            means = same.groupby("rate")[ROBUST].mean()
            found.append(f"{label[encoder]}, {start}: " + ", ".join(f"{v:.2f} at {r:g}" for r, v in means.items()))
    return "; ".join(found)


def by_encoder(effects: pd.DataFrame, label: Mapping[str, str]) -> str:
    """Of each encoder, by its label, what `paired_runs.effects` found."""
    sentences = []
    for encoder, part in effects.groupby("encoder", sort=False):
        own = part.set_index("what changes")
        points, counts = own[ROBUST], own[[f"{ROBUST} up", f"{ROBUST} down", "seeds"]].astype(int)
        start = {name: f"start, at the {name} rate" for name in ("high", "low")}
        values = {name: in_words(points[what], *counts.loc[what]) for name, what in start.items()}
        others = {"both": AS_RELEASED, "ran": "rate, from RanLI", "roli": "rate, from RoLI"}
        values |= {name: points[what] for name, what in others.items()}
        sentences.append(FROM.format(encoder=label[str(encoder)], **values))
    return " ".join(sentences)


def longer_values(effects: pd.DataFrame, longer: pd.DataFrame, grid: Grid) -> dict[str, str | float]:
    """What a paragraph says of the control: `paired_runs.longer`, and what the start is worth on the first encoder."""
    own = effects[effects.encoder == grid.encoders[0]].set_index("what changes")[ROBUST]
    worth = [*longer["left"], *(own[f"start, at the {name} rate"] for name in grid.rates)]
    values: dict[str, str | float] = {"longer": grid.longer, "epochs": grid.epochs}
    for name in grid.rates:
        values[f"gained_{name}"] = longer.gained[name]
        values[f"left_{name}"] = in_words(
            longer["left"][name], *(int(longer[c][name]) for c in ("left up", "left down", "seeds"))
        )
    return values | {"least": min(worth), "most": max(worth)}


def beside_the_probe(runs: pd.DataFrame, grid: Grid, label: Mapping[str, str]) -> str:
    """Of each encoder, by its label: the probe beside the best finetuned setting, the score before and after."""
    sentences = []
    for encoder in grid.encoders:
        robust, score = (
            [mean_of(runs, setting, column) for setting in (linear(encoder), *grid.square(encoder))]
            for column in (ROBUST, "AS / distance")
        )
        values = {"probe": robust[0], "best": max(robust[1:]), "before": score[0]}
        values |= {"low": min(score[1:]), "high": max(score[1:])}
        sentences.append(STILL.format(encoder=label[encoder], **values))
    return " ".join(sentences)


def at_the_high_rate(runs: pd.DataFrame, grid: Grid, label: Mapping[str, str]) -> str:
    """Drift, robust accuracy and score after each start, of the first encoder at the high rate."""
    first = grid.encoders[0]
    found = []
    for start in STARTS:
        drift, robust, score = (
            mean_of(runs, grid.full(first, start, grid.high), column) for column in ("drift", ROBUST, "AS / distance")
        )
        found.append(LATE.format(encoder=label[first], start=start, drift=drift, robust=robust, score=score))
    return "; ".join(found)


def drift_values(runs: pd.DataFrame, grid: Grid, agreement: pd.DataFrame) -> dict[str, int | str | float]:
    """What a paragraph says of the drift: counts, the answer, and by start the first encoder's head's constant."""
    counted, own = paired_runs.counted(agreement), of(runs, grid.square(grid.encoders[0]))
    norms = {start: own[own.start == start][HEAD_NORM].mean() for start in STARTS}
    return {**counted, "answer": ANSWERS[paired_runs.explanation(**counted)], **norms}


def too_small(floor: pd.DataFrame) -> dict[str, float]:
    """By how many percent scores and gaps are too small; by start how many points the paper's PGD misses."""
    own = floor[floor["APGD"].notna()]
    missed = own.assign(missed=100 * (own["paper's PGD"] - own[ROBUST]))
    by_start = {start: missed[missed.encoder.str.endswith(f", {start}")].missed.mean() for start in STARTS}
    ratios = {name: 100 / floor[f"{column} ratio"].min() - 100 for name, column in (("score", "AS"), ("gap", "gap"))}
    return by_start | ratios
