"""What the page on paper and code says of its numbers: templates, and the values that they name."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from rt_utils.evaluation.attack_variants import STEP_SIZES
from rt_utils.evaluation.criterion_variants import AS_RELEASED, AS_STATED, TRUE_LABEL
from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.pages.published import published_table

Values = dict[str, str | int | float]

COLUMNS = (
    " “Clean”: accuracy on the clean images; “fulfilled”: share of points that pass condition (1); “gap”: mean loss "
    "gap in nats."
)
LIGHT = (
    " The switches below run lighter attacks ({restarts} runs of {steps} steps, the best refined by {refine}), the "
    "same before and after, on the first {n} test images at most. There they find {least:.1%} to {most:.1%} of the "
    "reference's AS score, and their robust accuracy is at most {lost:.1f} points above the reference's."
)
RANGE = (
    "**How to read it.** Half the radius alone multiplies the AS score by {radius_low:.2f} to {radius_high:.2f}; the "
    "range alone by {range_low:.2f} to {range_high:.2f}. Both together, which is what the code computes, multiply it "
    "by {both_low:.2f} to {both_high:.2f} and move the robust accuracy by {least:+.0f} to {most:+.0f} points. For the "
    "paper's encoder one printed number fits half the radius better than the whole: Table 12 has a robust accuracy of "
    "{printed:.1%} on clean CIFAR-100, while RobustBench lists {listed:.2%} for that model under AutoAttack at 8/255. "
    "The two are not the same experiment (a linear probe against the pretrained head, PGD against AutoAttack), so this "
    "is a hint and no proof."
)
AUTOATTACK = 0.3185  # RobustBench's model card
BOX = (
    "The wider box multiplies the AS score by {low:.2f} to {high:.2f}; most on {data}, where {dark:.0%} of the pixel "
    "values are dark enough to feel it. "
)
MODES = (
    "**How to read it.** The probe that “freezes” the encoder multiplies its AS score by {low:.2f} to {high:.2f}; in "
    "{clear} of {n} cases the change is more than twice its standard error. {order}The left side of Lemma 1 after the "
    "transfer is below the score known before in {below} of {n} cases. With this probe no theorem says so: Lemma 1 "
    "needs the same encoder on both sides."
)
CRITERION = (
    "**How to read it.** For the {encoder} encoder the code's test passes {released} of {n} points where condition (1) "
    "passes {stated}. Of the {released}, {released_flip} were flipped by a perturbation found{share}. The true label "
    "alone, with everything else as stated, lets {label_flip} flipped points through."
)
ATTACKS = (
    "**How to read it.** Share of this book's AS score, lowest and highest over the data sets: {shares}. With "
    "foolbox's default step instead of 0.7, the robust accuracy is {least:+.0f} to {most:+.0f} points higher."
)
SQUARES = (
    "**How to read it.** The unsquared residual never changes by more than the prediction, as the reverse triangle "
    "inequality demands; the square changes by up to {rate:.1f} times as much. With targets in [0, 1] the squared left "
    "side is at most the AS score all the same in {below} of {n} rows: there Lemma 1 has slack to spare. With targets "
    "of range {fails:.2g} or more, instead of 1, it would be above in at least one row."
)
DECAY = (
    "**How to read it.** With weight decay the row norm is smaller in {norm} cases here, the loss gap in {gap}, and "
    "the normalised left side is *larger* in {lhs}. From the paper's Table 1 to its Table 2 the norm falls in {norm_2} "
    "cases, the gap in {gap_2}, and the left side rises in {lhs_2} as printed, {derived_2} recomputed from gap and "
    "norm."
)
BLACK = (
    "**How to read it.** {effect}A data set on a black ground, as Fashion-MNIST in the paper, has room for it in most "
    "of its pixels. How much of its printed AS score comes from there is not known."
)
SCHEDULE = (
    "By arithmetic: after {epochs} of {t_max} steps a cosine schedule still has {end:.1%} of its learning rate, so it "
    "hardly anneals. {attacks} attacks of {steps} gradient steps on each of {images:,} images are {million:.0f} "
    "million steps, {times:.0f} times as many as on the {part:.0%} test split."
)
SQUARES_CAPTION = (
    "M8, {threat}, {n} sprites. “Max. res.”: largest residual; |·| the unsquared loss, |·|² the squared one. “Over”: "
    "share of points at which some perturbation found changes the loss by more than the prediction, which a "
    "1-Lipschitz loss cannot do. LHS: left side of Lemma 1 with \\(C_1 = 1\\). “Fails from”: the range of the targets, "
    "here 1, from which on the squared left side is above the AS score, which then no longer bounds it."
)
LEFT_SIDES = (
    "**How to read it.** {follow} of {n} printed left sides follow with a Lipschitz constant of 2 and the largest row "
    "norm, which is how we know that these are the constants of the tables (plain rounding of the quotient would miss "
    "{missed}). {exception}What happened in that cell is not known. Lemma 1 holds there with either value."
)
TWICE = (
    "**How to read it.** The shares of fulfilled points differ most between Tables 3 and 8, which describe the same "
    "setting; why is not known; two versions of the test (M4) would be one explanation. Table 10 prints no norm; its "
    "first row implies one of {low:.2f} to {high:.2f}, while Table 9 prints {printed} for what should be the same head."
)
LEMMA = (
    "**And the lemma itself.** Of {n} printed pairs of left and right side (for Table 9 the left side is recomputed "
    "from gap and norm), {obey} obey Lemma 1. The tightest is in Table {table}: {lhs:.2f} against {rhs:.2f}."
)


def schedule(*, epochs: int, t_max: int, steps: int = 50, images: int = 737_280, part: float = 0.2) -> Values:
    """For SCHEDULE: two attacks of `steps` steps on all images, where `part` of them is the test split."""
    end, million = (1 + math.cos(math.pi * epochs / t_max)) / 2, 2 * steps * images / 1e6
    values: Values = {"epochs": epochs, "t_max": t_max, "end": end, "attacks": 2, "steps": steps, "images": images}
    return values | {"million": million, "times": 1 / part, "part": part}


def lemma(rows: pd.DataFrame) -> Values:
    """For LEMMA, from `printed_statements.lemma_1`."""
    (tightest,) = rows.assign(ratio=rows.lhs / rows.rhs).nlargest(1, "ratio").to_dict("records")
    obey, table = int((rows.lhs <= rows.rhs).sum()), tightest["table"].removeprefix("table")
    return {"n": len(rows), "obey": obey, "table": table, "lhs": tightest["lhs"], "rhs": tightest["rhs"]}


def input_range(rows: pd.DataFrame) -> Values:
    """For RANGE, from the table of M1: how each change multiplies the AS score, and what it does to the accuracy."""
    score, robust = (rows.pivot(index="data", columns="setting", values=c) for c in ("AS", "robust acc."))
    stated = score["as stated"].where(score["as stated"] != 0)
    (printed, *_) = published_table("table12").robust_acc
    values: Values = {"printed": float(printed), "listed": AUTOATTACK}
    for name, setting in (("radius_", "radius / 2"), ("range_", "2x − 1"), ("both_", "both")):
        ratios = score[setting] / stated
        values |= {f"{name}low": ratios.min(), f"{name}high": ratios.max()}
    gain = 100 * (robust["both"] - robust["as stated"])
    return values | {"least": gain.min(), "most": gain.max()}


def wider_box(boxes: pd.DataFrame) -> str:
    """BOX filled; nothing where no pixel is said to be dark, or nothing moved."""
    if boxes["AS ratio"].isna().all() or boxes.dark.isna().all():
        return ""
    (most,) = boxes.nlargest(1, "AS ratio").to_dict("records")
    return BOX.format(low=boxes["AS ratio"].min(), high=most["AS ratio"], data=most["data"], dark=most["dark"])


def modes(rows: pd.DataFrame, label: Mapping[str, str]) -> Values:
    """For MODES, from `before_and_after`: how scores change, and for which encoders the order of the data sets does."""
    factors, sure = rows.after / rows.before, rows.change.abs() > 2 * rows["standard error"]
    same: dict[bool, list[str]] = {True: [], False: []}
    for encoder, part in rows.groupby("encoder", sort=False):
        before, after = (list(part.sort_values(column)["data"]) for column in ("before", "after"))
        same[before == after].append(label[str(encoder)])
    order = f"The order of the data sets by AS score stays the same for {', '.join(same[True])}. " if same[True] else ""
    order += f"It changes for {', '.join(same[False])}. " if same[False] else ""
    below = int((rows["LHS after"] <= rows.before).sum())
    values: Values = {"low": factors.min(), "high": factors.max(), "clear": int(sure.sum())}
    return values | {"n": len(rows), "order": order, "below": below}


def points(variants: pd.DataFrame, label: Mapping[str, str]) -> str:
    """How many points each encoder has."""
    counts = variants.n.groupby("encoder", sort=False).first()
    return ", ".join(f"{n} points ({label[str(encoder)]})" for encoder, n in counts.items())


def criterion(variants: pd.DataFrame, encoder: str) -> Values:
    """For CRITERION, of one encoder."""
    rows: Any = variants.to_dict("index")
    stated, released, label = (rows[encoder, *variant] for variant in (AS_STATED, AS_RELEASED, TRUE_LABEL))
    shares = ""
    if released["pass"]:
        shares = f" ({released['flip'] / released['pass']:.1%}); of the {stated['pass']}, {stated['flip']}"
    values: Values = {"released": released["pass"], "released_flip": released["flip"], "n": released["n"]}
    return values | {"stated": stated["pass"], "label_flip": label["flip"], "share": shares}


def attacks(rows: pd.DataFrame) -> Values:
    """For ATTACKS, from the table of M5."""
    small_step, large_step = STEP_SIZES
    others = rows[rows.attack != "this book's"].groupby("attack", sort=False)["of this book's"]
    share = pd.DataFrame({"least": others.min(), "most": others.max()})
    shares = "; ".join(f"{label} {least:.0%} to {most:.0%}" for label, least, most in share.itertuples())
    robust = rows.pivot(index="data", columns="attack", values="robust acc.")
    gap = 100 * (robust[small_step] - robust[large_step])
    return {"shares": shares, "least": gap.min(), "most": gap.max()}


def squares(regression: pd.DataFrame) -> Values:
    """For SQUARES, from `squared_and_unsquared`."""
    below = int((regression["LHS squared"] <= regression.AS).sum())
    rate, fails = regression["rate squared"].max(), regression["fails from"].min()
    return {"rate": rate, "below": below, "n": len(regression), "fails": fails}


def _count(smaller: pd.Series) -> str:
    return f"{int(smaller.sum())} of {len(smaller)}"


def decay(rows: pd.DataFrame) -> Values:
    """For DECAY, from the table of M9, whose rows without decay are the base; and the same in print."""
    rows = rows.rename(columns={HEAD_NORM: "norm"})
    both = rows[rows["decay"] > 0].merge(rows[rows["decay"] == 0], on="data", suffixes=("", "_0"))
    one, two = published_table("table1"), published_table("table2")
    first, second = (table.diff_ce / (2 * table.w_norm) for table in (one, two))
    here = {"norm": both.norm < both.norm_0, "gap": both.gap < both.gap_0, "lhs": both.LHS > both.LHS_0}
    print_ = {"norm_2": two.w_norm < one.w_norm, "gap_2": two.diff_ce < one.diff_ce, "lhs_2": two.lhs > one.lhs}
    return {name: _count(smaller) for name, smaller in (here | print_ | {"derived_2": second > first}).items()}


def effects(overview: pd.DataFrame) -> str:
    """Of each switch the ratios of AS scores, and the changes of robust accuracy where there are any."""
    found = []
    for switch, part in overview.groupby("switch", sort=False):
        text = f"{switch}: ratio {part['AS ratio'].min():.2f} to {part['AS ratio'].max():.2f}"
        if part.points.notna().any():
            text += f", {part.points.min():+.0f} to {part.points.max():+.0f} points"
        found.append(text)
    return "; ".join(found)


def largest_effects(overview: pd.DataFrame) -> Values:
    """The switches that change the AS score most, in words, and those that hardly do."""
    logs = overview["AS ratio"].map(lambda ratio: abs(math.log(ratio)))
    sizes = overview.assign(size=logs).groupby("switch", sort=False)["size"].max()
    most, flat = sizes.sort_values(ascending=False).index[:3], sizes[sizes < math.log(1.1)].index
    small = f"Below 10% on every data set stay {', '.join(f'“{name}”' for name in flat)}. " if len(flat) else ""
    return {"largest": ", then ".join(f"“{name}”" for name in most), "small": small}
