"""The paper's Tables 10 to 13, with the columns of `evaluation.distribution_shift.by_level`."""

import math

import pandas as pd

from rt_utils.evaluation.distribution_shift import NORM
from rt_utils.images.corruptions import BLUR, CLEAN, NOISE, scaled
from rt_utils.pages.published import published_table

IMPLIED = "gap / (2 LHS)"  # the norm of the head that printed numbers imply
TABLES = {NOISE: "table12", BLUR: "table13"}
COLUMNS = {"acc": "acc.", "robust_acc": "robust acc.", "ce": "CE", "robust_ce": "robust CE", "diff_ce": "gap"}
COLUMNS |= {"w_norm": NORM, "lhs": "LHS", "as_score": "AS"}

SIZE_COLUMNS = {"input_size": "size", "clean_acc": "acc.", "robust_acc": "robust acc.", "prop_fulfilled": "fulfilled"}
SIZE_COLUMNS |= {"clean_ce": "CE", "robust_ce": "robust CE", "lhs": "LHS", "rhs": "AS"}

# The columns that tables show, in their order, with their formats; and the same marked as published.
FORMATS = dict.fromkeys(("acc.", "robust acc.", "fulfilled"), ".3f") | dict.fromkeys(("CE", "robust CE", NORM), ".2f")
FORMATS |= {IMPLIED: ".2f", "LHS": ".3f", "AS": ".3f"}
MARKED = {column if column == IMPLIED else f"published {column}": form for column, form in FORMATS.items()}


def strengths(severity: float = 1.0) -> dict[str, list[float]]:
    """Table 11: the levels of Gaussian noise (standard deviation) and of zoom blur (end of the range of zooms).

    `severity` times as strong.
    """
    rows = {
        row["corruption"]: [row["C1"], row["C2"], row["C5"]] for row in published_table("table11").to_dict("records")
    }
    published = {NOISE: rows["gaussian_noise"], BLUR: [end for _, end in rows["zoom_blur"]]}
    return {kind: [scaled(kind, strength, severity) for strength in its] for kind, its in published.items()}


def levels() -> pd.DataFrame:
    """Tables 12 and 13 in one: the clean images, which both begin with, and every level of each corruption."""
    clean = published_table(TABLES[NOISE]).iloc[:1].assign(kind=CLEAN, level=0, strength=math.nan, images=CLEAN)
    parts = [clean]
    for kind, its in strengths().items():
        rows = published_table(TABLES[kind]).iloc[1:]
        names = [f"{kind} {strength:.2f}" for strength in its]
        parts.append(rows.assign(kind=kind, level=range(1, 1 + len(its)), strength=its, images=names))
    return pd.concat(parts, ignore_index=True).rename(columns=COLUMNS)


def sizes() -> pd.DataFrame:
    """Table 10, CIFAR-10 at three sizes through the ImageNet encoder; with IMPLIED."""
    rows = published_table("table10").rename(columns=SIZE_COLUMNS)
    return rows.assign(**{IMPLIED: (rows["robust CE"] - rows["CE"]) / (2 * rows["LHS"])})


def discrepancy() -> dict[str, float]:
    """The first row of Table 10 is a run of Table 1: what both print of it, and the LHS that Table 1's norm allows.

    least, most: gap / (2 L) for all L that Table 1's `norm` may be rounded from.
    """
    (row,) = published_table("table1").query("pretraining == 'imagenet' and downstream == 'cifar10'").to_dict("records")
    gap, norm = float(row["diff_ce"]), float(row["w_norm"])
    return {
        "score": float(row["as_score"]),
        "gap": gap,
        "norm": norm,
        "there": float(row["lhs"]),
        "here": float(sizes()["LHS"].iloc[0]),
        "least": gap / (2 * (norm + 0.05)),
        "most": gap / (2 * (norm - 0.05)),
    }


def marked(rows: pd.DataFrame) -> pd.DataFrame:
    """What a table shows of `levels` or `sizes`: the columns of FORMATS, marked as published."""
    names = dict(zip(FORMATS, MARKED, strict=True))
    first = "images" if "images" in rows else "size"
    return rows[[first, *(column for column in FORMATS if column in rows)]].rename(columns=names)
