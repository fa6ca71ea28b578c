"""The published numbers of Nern et al. (NeurIPS 2023), table by table."""

import json
from functools import cache
from typing import Any

import pandas as pd

from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.runtime.errors import unknown
from rt_utils.runtime.paths import PACKAGE


@cache
def _all() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads((PACKAGE / "pages" / "published_tables.json").read_text("utf-8"))
    return tables


def published_table(name: str) -> pd.DataFrame:
    """A published table ('table1' to 'table13'), as transcribed; accuracies as fractions, missing values as NaN.

    Raises InputError for a table that does not exist.
    """
    tables = {key: value for key, value in _all().items() if isinstance(value, dict) and "rows" in value}
    if name not in tables:
        raise unknown("table", name, tables)
    return pd.DataFrame(tables[name]["rows"])


# The tables' columns as pages head them; what a page shows beside its own numbers is marked as published.
_KEYS = {"pretraining": "encoder", "downstream": "data", "method": "method"}
_HEADS = {
    "acc": "clean acc.",
    "clean_acc": "clean acc.",
    "robust_acc": "robust acc.",
    "prop_fulfilled": "fulfilled",
    "robust_given_fulfilled": "robust where fulfilled",
    "diff_ce": "diff. CE",
    "w_norm": HEAD_NORM,
    "lhs": "LHS",
    "as_score": "AS score",
    "clean_ce": "clean CE",
    "robust_ce": "robust CE",
    "relative_diff": "relative dif.",
    "prop_fulfilled_eps": "fulfilled",
    "robust_acc_eps": "ε",
    "robust_acc_2eps": "2ε",
    "robust_acc_3eps": "3ε",
}


def as_shown(table: pd.DataFrame) -> pd.DataFrame:
    """A published table under the heads that pages give its columns, in the same order."""
    return table.rename(columns=_KEYS | {column: f"published {head}" for column, head in _HEADS.items()})


def recomputed_lhs(table: pd.DataFrame) -> pd.Series:
    """LHS of Lemma 1 for cross-entropy in l_inf, diff. CE / (2 L_inf(W)), from the rounded entries of a table."""
    lhs: pd.Series = table.diff_ce / (2 * table.w_norm)
    return lhs


def regularised_in_print() -> dict[str, str | int | float]:
    """Tables 1 and 2: in how many cases LHS rises with the penalty, and the entry furthest from its recomputation."""
    plain, regularised = published_table("table1"), published_table("table2")
    recomputed = recomputed_lhs(regularised)
    odd = int((regularised.lhs - recomputed).abs().argmax())
    entry = regularised.iloc[odd]
    return {
        "rose_printed": int((regularised.lhs > plain.lhs).sum()),
        "rose_recomputed": int((recomputed > recomputed_lhs(plain)).sum()),
        "odd": f"{entry['pretraining']} to {entry['downstream']}",
        "odd_printed": float(entry["lhs"]),
        "odd_recomputed": float(recomputed.iloc[odd]),
    }
