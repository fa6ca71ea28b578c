"""Tables of what each switch changes, from `code_switches.Switched`."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from rt_utils.evaluation import measurement
from rt_utils.evaluation.attack_variants import ONE_STEP, STEP_SIZES, weaker_attacks, wider_box
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.criterion_variants import VARIANT, VARIANTS
from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.pages.code_switches import (
    AS_STATED,
    BOTH,
    DECAYS,
    FROZEN,
    HALF_RADIUS,
    MOVED,
    RANGE,
    Switched,
    quick_attacks,
)

COLUMNS = ("AS", "robust acc.")

FORMATS = dict.fromkeys(("clean", "robust acc.", "fulfilled", "gap", HEAD_NORM, "AS"), ".2f") | {"LHS": ".3f"}


def ratio(a: float, b: float) -> float:
    """a / b; NaN where b is 0."""
    return a / b if b else math.nan


def shown(its: Switched, switches: Mapping[str, object], column: str) -> pd.DataFrame:
    """The rows of the first encoder, data set by data set; `column` says which switch it is, as `switches` do."""
    own = its.rows.xs(its.first.name, level="encoder")
    cases = [(name, switch) for name in its.p.data for switch in switches]
    head = pd.DataFrame({"data": [name for name, _ in cases], column: [switches[s] for _, s in cases]})
    numbers = own.loc[[(switch, name) for name, switch in cases]].drop(columns="n").reset_index(drop=True)
    return pd.concat([head, numbers], axis=1)


def modes(its: Switched) -> pd.DataFrame:
    """Per encoder and data set the probe on the frozen encoder, and in train mode; empty without BatchNorm."""
    cases = [(encoder, name) for switch, encoder, name in its.measured if switch == MOVED]
    numbers, rows = its.rows.drop(columns="n").to_dict("index"), []
    for encoder, name in cases:
        for switch, probe in ((FROZEN, "frozen"), (MOVED, "moving")):
            rows.append({"encoder": encoder, "data": name, "probe": probe} | numbers[switch, encoder, name])
    return pd.DataFrame(rows)


def before_and_after(its: Switched) -> pd.DataFrame:
    """The AS score before and after a probe in train mode, LHS after it, and the mean change with its error."""
    numbers, rows = its.rows.to_dict("index"), []
    for switch, encoder, name in its.measured:
        if switch != MOVED:
            continue
        old, new = (measurement.table(its.measured[s, encoder, name])["shift"] for s in (FROZEN, MOVED))
        change, after = new - old, numbers[MOVED, encoder, name]
        row = {"encoder": encoder, "data": name, "n": len(old), "before": old.mean(), "after": after["AS"]}
        row |= {"LHS after": after["LHS"], "change": change.mean()}
        rows.append(row | {"standard error": change.std() / math.sqrt(len(change))})
    return pd.DataFrame(rows)


def light_attacks(its: Switched) -> dict[str, float]:
    """What the lighter attacks find of the reference's AS score, what they miss of its accuracy, and how they run."""
    shares, lost = [], []
    for name in its.p.data:
        light = measurement.table(its.measured[AS_STATED, its.first.name, name])
        full = its.reference[its.reference.data == name]
        shares.append(ratio(light["shift"].mean(), full["shift"].mean()))
        lost.append(100 * (full.wrong.mean() - light.wrong.mean()))
    quick = quick_attacks(its.p)
    how = {"n": its.p.n_switch, "restarts": quick.restarts, "steps": quick.steps, "refine": quick.refine}
    return {"least": min(shares), "most": max(shares), "lost": max(lost)} | how


def boxes(its: Switched) -> pd.DataFrame:
    """M2, per data set: `wider_box` under the paper's PGD."""
    pgd = PGDSettings(steps=20, rel_stepsize=0.7, decay=False, seed=its.p.seed + 200)
    rows = []
    for name, head in its.heads.items():
        row = wider_box(its.first, head, its.images[name].test, its.p.threat, pgd)
        rows.append({"data": name} | row | {"AS ratio": ratio(row["AS [−1, 1]"], row["AS [0, 1]"])})
    return pd.DataFrame(rows)


def attacks(its: Switched) -> pd.DataFrame:
    """M5, per data set: `weaker_attacks`, and everything that the reference run found on the same points."""
    rows = []
    for name, head in its.heads.items():
        full, test = its.reference[its.reference.data == name], its.images[name].test
        book = {"attack": "this book's", "AS": full["shift"].mean(), "robust acc.": 1 - full.wrong.mean()}
        for row in (*weaker_attacks(its.first, head, test, its.p.threat, its.p.seed), book):
            rows.append({"data": name} | row | {"of this book's": ratio(row["AS"], full["shift"].mean())})
    return pd.DataFrame(rows)[["data", "attack", "AS", "of this book's", "robust acc."]]


def _sides(its: Switched, name: str, boxes: pd.DataFrame, attacks: pd.DataFrame) -> dict[str, tuple[Any, Any]]:
    """Before and after each switch, on one data set."""
    rows: dict[Any, Any] = its.rows.to_dict("index")
    own = {switch: row for (switch, *case), row in rows.items() if case == [its.first.name, name]}
    box = boxes.set_index("data").loc[name]
    narrow, wide = ({column: box[f"{column} {b}"] for column in COLUMNS} for b in ("[0, 1]", "[−1, 1]"))
    tries = attacks[attacks["data"] == name].set_index("attack").to_dict("index")
    small_step, large_step = (tries[label] for label in STEP_SIZES)
    stated = own[AS_STATED]
    sides = {
        "M1: half the radius": (stated, own[HALF_RADIUS]),
        "M1: 2x − 1": (stated, own[RANGE]),
        "M1: both": (stated, own[BOTH]),
        "M2: box [−1, 1]": (narrow, wide),
    }
    if MOVED in own:
        sides["M3: BatchNorm moves"] = own[FROZEN], own[MOVED]
    sides["M5: one step"] = large_step, tries[ONE_STEP[0]]
    sides["step size eps / 30"] = large_step, small_step
    return sides | {f"M9: weight decay {decay:g}": (stated, own[switch]) for switch, decay in DECAYS.items()}


def overview(its: Switched, boxes: pd.DataFrame, attacks: pd.DataFrame) -> pd.DataFrame:
    """AS score and robust accuracy of the first encoder before and after each switch, data set by data set."""
    rows = []
    for name in its.p.data:
        for switch, (before, after) in _sides(its, name, boxes, attacks).items():
            row = {"switch": switch, "data": name}
            row |= {
                f"{column} {w}": side[column]
                for column in COLUMNS
                for w, side in (("before", before), ("after", after))
            }
            rows.append(row)
    found = pd.DataFrame(rows)
    found["AS ratio"] = [ratio(a, b) for a, b in zip(found["AS after"], found["AS before"], strict=True)]
    found["points"] = 100 * (found["robust acc. after"] - found["robust acc. before"])
    return found


def variants(counted: pd.DataFrame, label: Mapping[str, str]) -> pd.DataFrame:
    """`criterion_variants.counted`, one row a variant, an encoder's two counts side by side."""
    table = pd.DataFrame(VARIANTS, columns=VARIANT)
    for encoder in counted.index.unique("encoder"):
        own = counted.xs(encoder, level="encoder").loc[VARIANTS]
        for what in ("pass", "flip"):
            table[f"{label[encoder]}: {what}"] = own[what].to_numpy()
    return table


REGRESSION = {
    "encoder": "encoder",
    "factor": "factor",
    "max. residual": "max. res.",
    "over unsquared": "over, |·|",
    "over squared": "over, |·|²",
    "LHS unsquared": "LHS, |·|",
    "LHS squared": "LHS, |·|²",
    "AS": "AS",
    "fails from": "fails from",
}


REGRESSION_FORMATS = dict.fromkeys(("max. res.", "over, |·|", "over, |·|²", "AS"), ".2f")
REGRESSION_FORMATS |= {"LHS, |·|": ".3f", "LHS, |·|²": ".3f", "fails from": ".0f"}


def regression(rows: pd.DataFrame) -> pd.DataFrame:
    """`squared_loss.squared_and_unsquared` under the names that the page shows."""
    return rows[list(REGRESSION)].rename(columns=REGRESSION)
