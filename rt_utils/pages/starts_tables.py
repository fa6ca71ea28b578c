"""What the page on starts shows of its runs: means with their spread, differences with their interval, claims."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rt_utils.evaluation.finetuned_runs import ROBUST, STARTS, Grid, Setting, linear, of
from rt_utils.evaluation.paired_runs import by_seed, deviation
from rt_utils.evaluation.start_claims import Row
from rt_utils.evaluation.statistics import plus_minus
from rt_utils.pages.page import Page

NAMES = {"linear": "linear probe", "full": "full finetuning"}


def means(runs: pd.DataFrame, grid: Grid, columns: Sequence[str], form: str = ".3f") -> pd.DataFrame:
    """Linear probe and full finetuning from every encoder: mean and standard deviation over the seeds."""
    word = {rate: f"{name} ({rate:g})" for name, rate in grid.rates.items()}
    rows = []
    for setting in (setting for e in grid.encoders for setting in (linear(e), *grid.square(e))):
        method = ", ".join(filter(None, (NAMES[setting.method], setting.start)))
        row = {"encoder": setting.encoder, "method": method, "rate": word.get(setting.rate, "–")}
        for column in columns:
            values = pd.Series(by_seed(runs, setting, column))
            row[column] = plus_minus(values.mean(), values.std(), form)
        rows.append(row)
    return pd.DataFrame(rows)


def effects_shown(effects: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """`paired_runs.effects`, with the deviation over seeds."""
    columns = {
        f"{c} [points]": [plus_minus(a, b, "+.1f") for a, b in zip(effects[c], effects[f"{c} ±"], strict=True)]
        for c in (ROBUST, "clean acc.")
    }
    ahead = {"seeds ahead": [f"{n} of {seeds}" for n in effects[f"{ROBUST} up"]]}
    return effects[["encoder", "what changes"]].assign(**columns, **ahead)


def first_seed(runs: pd.DataFrame, settings: Sequence[Setting], trained: Mapping[str, int]) -> pd.DataFrame:
    """One row a setting, of the first seed; `trained`: by method the number of the encoder's parameters that train."""
    columns = ("clean acc.", ROBUST, "drift", "AS / distance")
    own = runs[runs.seed == 0]
    return pd.DataFrame(
        {
            "method": setting.method,
            "start": setting.start or "–",
            "rate": f"{setting.rate:g}" if setting.rate else "–",
            "trained": trained[setting.method],
            **{column: by_seed(own, setting, column)[0] for column in columns},
        }
        for setting in settings
    )


def several_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Per encoder, method and rate: mean and deviation; RoLI minus RanLI in points, by seed, with its deviation."""
    out = []
    for (encoder, method, rate), part in rows.groupby(["encoder", "method", "rate"], sort=False):
        start = {name: part[part.start == name].sort_values("seed") for name in STARTS}
        d = 100 * (start["RoLI"][ROBUST].to_numpy() - start["RanLI"][ROBUST].to_numpy())
        cells = {
            f"{column}, {name}": plus_minus(start[name][column].mean(), start[name][column].std(), ".2f")
            for column in (ROBUST, "clean acc.")
            for name in STARTS
        }
        out.append(
            {"encoder": encoder, "method": method, "rate": f"{rate:g}"}
            | {"RoLI − RanLI": plus_minus(d.mean(), deviation(d), ".1f")}
            | cells
        )
    return pd.DataFrame(out)


def enter(page: Page, asked: Sequence[Row], data: str) -> list[tuple[Row, str]]:
    """Enter the claims, which are about methods, and decide them over seeds; returns each with its verdict."""
    for row in asked:
        sides: dict[str, Any] = {"n": row.n, "lhs": row.left, "rhs": row.right, "evidence": row.evidence}
        page.claim(f"RoLI {row.number} {row.text}", encoder=row.encoder, data=data, units="seeds", **sides)
    return [(row, claim.verdict) for row, claim in zip(asked, page.decide(), strict=True)]


def claims(claimed: Sequence[tuple[Row, str]]) -> pd.DataFrame:
    """Each claim with its sides, what is published of them, and its verdict."""
    return pd.DataFrame(
        {
            "claim": f"{row.number} {row.text}",
            "encoder": row.encoder,
            "left": row.left,
            "right": row.right,
            "published left": f"{row.published[0]:g}%" if row.published else "–",
            "published right": f"{row.published[1]:g}%" if row.published else "–",
            "in seeds": f"{row.within} of {row.n}",
            "verdict": verdict,
        }
        for row, verdict in claimed
    )


def rates_drawn(runs: pd.DataFrame, grid: Grid) -> dict[str, object]:
    """What `plots.starts.rates` draws."""
    full, control = (
        (setting for e in grid.encoders for setting in grid.square(e)),
        map(grid.control, grid.rates.values()),
    )
    return {
        "probes": of(runs, map(linear, grid.encoders))[["encoder", ROBUST]],
        "finetuned": of(runs, full)[["encoder", "start", "rate", ROBUST]],
        "control": of(runs, control)[["rate", "epochs", ROBUST]],
        "encoders": list(grid.encoders),
    }


def drift_drawn(runs: pd.DataFrame, grid: Grid) -> dict[str, object]:
    """What `plots.starts.drift` draws."""
    full, shown = (setting for e in grid.encoders for setting in grid.square(e)), [ROBUST, "AS / distance"]
    return {
        "probes": of(runs, map(linear, grid.encoders))[["encoder", *shown]],
        "finetuned": of(runs, full)[["encoder", "start", "rate", "seed", "drift", *shown]],
        "encoders": list(grid.encoders),
    }
