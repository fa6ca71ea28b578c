"""The published numbers of Nern et al. (NeurIPS 2023), table by table."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from rt_utils.runtime.errors import unknown


@cache
def _all() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads((files("rt_utils.pages") / "published_tables.json").read_text("utf-8"))
    return tables


def published_table(name: str) -> pd.DataFrame:
    """A published table ('table1' to 'table13'), as transcribed; accuracies as fractions, missing values as NaN.

    Raises InputError for a table that does not exist.
    """
    tables = {key: value for key, value in _all().items() if isinstance(value, dict) and "rows" in value}
    if name not in tables:
        raise unknown("table", name, tables)
    return pd.DataFrame(tables[name]["rows"])
