"""The paper's printed numbers against each other: what can be derived from others, and what is printed twice."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from rt_utils.pages.printed_intervals import Interval, agree, digits, interval, minus, over, twice
from rt_utils.pages.published import published_table

Row = Mapping[str, Any]
NAMES = {"cifar100": "C100", "imagenet": "IN", "cifar10": "CIFAR-10", "fashionmnist": "F-MNIST", "intel": "Intel"}
WITH_LHS = ("table1", "table2", "table12", "table13")
LHS = "LHS = diff. CE / (2 × norm)"
NORM = "max row norm"


def cell(row: Row) -> str:
    """The pretraining and the data set of a row, and its level."""
    level = f", {row['level']}" if "level" in row else ""
    return f"{NAMES[row.get('pretraining', 'cifar100')]} → {NAMES[row.get('downstream', 'cifar100')]}{level}"


def _rows(table: str) -> list[Any]:
    return published_table(table).to_dict("records")


def _lhs(row: Row) -> Interval:
    return over(interval(row["diff_ce"]), twice(interval(row["w_norm"])))


def _derived() -> Iterator[tuple[str, str, Row, float, Interval, float]]:
    """relation, table, row, the printed number, the interval that follows from others, and its middle."""
    for table in WITH_LHS:
        for row in _rows(table):
            yield LHS, table, row, row["lhs"], _lhs(row), row["diff_ce"] / (2 * row["w_norm"])
    for table in ("table12", "table13"):
        for row in _rows(table):
            gap = minus(interval(row["robust_ce"]), interval(row["ce"]))
            yield "diff. CE = robust CE − CE", table, row, row["diff_ce"], gap, row["robust_ce"] - row["ce"]
    gaps = {cell(row): row["diff_ce"] for row in _rows("table1")}
    for row in _rows("table4"):
        gap, middle = minus(interval(row["robust_ce"]), interval(row["clean_ce"])), row["robust_ce"] - row["clean_ce"]
        relative = over(gap, interval(row["clean_ce"]))
        text = "rel. diff. = (robust CE − CE) / CE"
        yield text, "table4", row, row["relative_diff"], relative, middle / row["clean_ce"]
        if row["pretraining"] != row["downstream"]:
            yield "diff. CE (Table 1) = robust CE − CE (Table 4)", "table1", row, gaps[cell(row)], gap, middle


def derived() -> pd.DataFrame:
    """Every printed number that follows from others: printed, follows, low and high, and whether it is consistent."""
    return pd.DataFrame(
        {
            "relation": relation,
            "table": table,
            "cell": cell(row),
            "printed": printed,
            "follows": middle,
            "low": follows[0],
            "high": follows[1],
            "consistent": agree(interval(printed), follows),
        }
        for relation, table, row, printed, follows, middle in _derived()
    )


def relations(checked: pd.DataFrame) -> pd.DataFrame:
    """Per relation: in which tables, how many cells, how many of them consistent."""

    def tables(names: pd.Series) -> str:
        return ", ".join(dict.fromkeys(name.removeprefix("table") for name in names))

    groups = checked.groupby("relation", sort=False)
    return groups.agg(
        tables=("table", tables), cells=("printed", "size"), consistent=("consistent", "sum")
    ).reset_index()


def inconsistent(checked: pd.DataFrame) -> pd.DataFrame:
    """The cells that are not consistent, with their interval as text."""
    off = checked[~checked.consistent]
    intervals = [f"{low:.3g} to {high:.3g}" for low, high in zip(off.low, off.high, strict=True)]
    shown = off.assign(table=off.table.str.removeprefix("table"), interval=intervals)
    columns = ["relation", "table", "cell", "printed", "follows", "interval"]
    return shown[columns].rename(columns={"printed": "published value"})


_LEVELS = {c: c for c in ("acc", "robust_acc", "ce", "robust_ce", "diff_ce", "w_norm", "lhs", "as_score")}
# Linear probes of one encoder on one data set: per table the columns that other tables print too, by what they are.
_SAME: dict[str, dict[str, str]] = {
    "table1": {"diff_ce": "diff. CE", "w_norm": NORM, "lhs": "LHS", "as_score": "AS score"},
    "table2": {"as_score": "AS score"},  # the head is another, the encoder the same
    "table3": {"clean_acc": "clean acc.", "robust_acc": "robust acc.", "prop_fulfilled": "fulfilled"},
    "table4": {"as_score": "AS score", "clean_ce": "clean CE", "robust_ce": "robust CE"},
    "table5": {"acc": "clean acc.", "robust_acc": "robust acc.", "as_score": "AS score"},
    "table8": {"clean_acc": "clean acc.", "robust_acc_eps": "robust acc.", "prop_fulfilled_eps": "fulfilled"},
    "table9": {"diff_ce": "diff. CE", "w_norm": NORM, "as_score": "AS score"},
    "table10": {
        "clean_ce": "clean CE",
        "robust_ce": "robust CE",
        "clean_acc": "clean acc.",
        "robust_acc": "robust acc.",
        "prop_fulfilled": "fulfilled",
        "lhs": "LHS",
        "rhs": "AS score",
    },
    "table12": _LEVELS,
    "table13": _LEVELS,
}


def _same(table: str) -> list[dict[str, Any]]:
    """The rows of a table that stand for a linear probe without a shift of the data."""
    rows = [row for row in _rows(table) if row.get("method", "LP") == "LP" and row.get("level", "clean") == "clean"]
    if table == "table4":
        rows = [row for row in rows if row["pretraining"] != row["downstream"]]
    if table == "table10":
        rows = [{"pretraining": "imagenet", "downstream": "cifar10"} | r for r in rows if r["input_size"] == 256]
    return rows


def printed_twice() -> pd.DataFrame:
    """Pairs of printed numbers of the same quantity: whether they agree within rounding."""
    where = ("pretraining", "downstream")
    records = [
        {
            "quantity": quantity,
            "cell": cell({k: row[k] for k in where if k in row}),
            "table": table,
            "value": row[column],
        }
        for table, columns in _SAME.items()
        for row in _same(table)
        for column, quantity in columns.items()
        if pd.notna(row[column])
    ]
    return pd.DataFrame(
        {
            "quantity": quantity,
            "cell": where,
            "tables": ", ".join(each["table"].removeprefix("table") for each in (a, b)),
            "published first": a["value"],
            "published second": b["value"],
            "agree": agree(interval(a["value"]), interval(b["value"])),
        }
        for (quantity, where), part in pd.DataFrame(records).groupby(["quantity", "cell"], sort=False)
        for a, b in combinations(part.to_dict("records"), 2)
    )


def left_sides(checked: pd.DataFrame) -> dict[str, str | int]:
    """How many printed left sides follow from gap and norm, by intervals and by rounding; and of a single exception
    in Table 2 the norm that it needs.
    """
    own = checked[checked.relation == LHS]
    rounded = [round(f, digits(v)) == v for f, v in zip(own.follows, own.printed, strict=True)]
    off, exception = own[~own.consistent], ""
    needed = [row for row in _rows("table2") if not agree(interval(row["lhs"]), _lhs(row))]
    if len(off) == len(needed) == 1:
        norm = needed[0]["diff_ce"] / (2 * needed[0]["lhs"])
        exception = f"The exception needs a norm of {norm:.1f}, where {needed[0]['w_norm']} is printed. "
    counts = {"n": len(own), "follow": len(own) - len(off), "missed": len(own) - sum(rounded)}
    return {**counts, "off": len(off), "exception": exception}


def norm_of_table_10() -> dict[str, float]:
    """The norm that the first row of Table 10 implies, from low to high, and the one that Table 9 prints."""
    row = _rows("table10")[0]
    low, high = over(minus(interval(row["robust_ce"]), interval(row["clean_ce"])), twice(interval(row["lhs"])))
    probe = "method == 'LP' and pretraining == 'imagenet' and downstream == 'cifar10'"
    return {"low": low, "high": high, "printed": float(published_table("table9").query(probe).w_norm.iloc[0])}
