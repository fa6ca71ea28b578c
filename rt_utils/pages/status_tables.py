"""The status page's tables: what ran, when, and with what, from the files that chapters leave."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

FACTS = ("hardware", "versions", "weights (SHA-256)", "data (fingerprint)")
Runs = dict[Path, dict[str, str]]  # by the folder of the run's files


def read(files: Sequence[Path]) -> Runs:
    """What several run.json say."""
    return {file.parent: json.loads(file.read_text("utf-8")) for file in files}


def chapters(runs: Runs) -> pd.DataFrame:
    """One row for each run: its time, when it finished, its claims by verdict, and the digest of its code."""
    rows = []
    for folder, facts in runs.items():
        verdicts = pd.read_csv(folder / "ledger.csv").verdict.value_counts()
        row = {
            "chapter": folder.name,
            "profile": json.loads((folder / "parameters.json").read_text("utf-8"))["profile"],
            "time": facts["time"].replace(" ", "\N{NO-BREAK SPACE}"),
            "finished (UTC)": facts["finished (UTC)"].replace("-", "\N{NON-BREAKING HYPHEN}"),
            "claims": ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()),
            "code": facts["code (digest)"],
        }
        rows.append(row)
    return pd.DataFrame(rows)


def facts(runs: Runs) -> pd.DataFrame:
    """Each value of FACTS, and the chapters that ran with it."""
    return pd.DataFrame(
        {
            "what": name,
            "value": value,
            "chapters": ", ".join(folder.name for folder, run in runs.items() if run[name] == value),
        }
        for name in FACTS
        for value in dict.fromkeys(run[name] for run in runs.values())
    )
