"""What the benchmarks share: medians of pairwise ratios, taken in turn in one run, and a JSON beside the table."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd


def in_turn(work: Mapping[str, Callable[[], float]], rounds: int) -> pd.DataFrame:
    """Seconds for each unit of work: one row a round, one column a name; the first round warms up and is left out.

    `work` returns how many units it did. Every round begins with another name, so that no one always comes first.
    """
    names, rows = list(work), []
    for turn in range(rounds + 1):
        row = {}
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            units = work[name]()
            row[name] = (time.perf_counter() - start) / units
        rows.append(row)
    return pd.DataFrame(rows[1:])[names]


def against(times: pd.DataFrame, base: str) -> dict[str, dict[str, float]]:
    """For each name the median of its ratios to `base` of the same round, the quartiles, and its median time."""
    found = {}
    for name in times:
        ratios = (times[name] / times[base]).tolist()
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        found[str(name)] = {"ratio": middle, "low": low, "high": high, "seconds": float(times[name].median())}
    return found


def show(found: Mapping[str, Any], path: Path | None) -> None:
    """Print it, and write it where a path is given."""
    text = json.dumps(found, indent=2)
    print(text)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
