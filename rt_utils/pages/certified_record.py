"""The kept record of the three seeds of `embedded/certified`, one of which ships."""

import json
from typing import Any

import pandas as pd

from rt_utils.runtime import paths

COLUMNS = (
    *("clean", "PGD", "S < m", "S_P < m", "merged"),
    *("M-probe clean", "M-probe", "T-probe clean", "T-probe", "bound / found"),
)


def kept() -> dict[str, Any] | None:
    """What `training.certified_seeds` wrote; None where a book keeps none."""
    path = paths.reference() / "embedded" / "certified_seeds.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def rows(record: dict[str, Any], eps: str) -> pd.DataFrame:
    """One row per data set and seed at that radius ("2/255"), the seed that ships marked: shares, and bound / found."""
    table = pd.DataFrame(
        {"data": its["data"], "eps": its["eps"], "seed": seed["seed"], "n": its["n"]}
        | {"ships": "yes" if seed["seed"] == record["chosen"] else ""}
        | {name: its[name] for name in COLUMNS}
        for seed in record["seeds"]
        for its in seed["transfer"]
    )
    order = table.data.drop_duplicates().tolist()
    at = table[table.eps == eps].drop(columns="eps")
    return at.sort_values("data", key=lambda names: names.map(order.index), kind="stable").reset_index(drop=True)


def over_radii(record: dict[str, Any]) -> pd.DataFrame:
    """One row per data set and radius, of the seed that ships: shares, and bound / found."""
    (ships,) = (seed for seed in record["seeds"] if seed["seed"] == record["chosen"])
    return pd.DataFrame({name: its[name] for name in ("data", "eps", "n", *COLUMNS)} for its in ships["transfer"])


def held_out(record: dict[str, Any]) -> pd.DataFrame:
    """One row a seed: what is right and certified (merged) of the letters that decide, by radius."""
    return pd.DataFrame(
        {"seed": seed["seed"], "ships": "yes" if seed["seed"] == record["chosen"] else ""}
        | {eps: shares["merged"] for eps, shares in seed["held out"].items()}
        for seed in record["seeds"]
    )
