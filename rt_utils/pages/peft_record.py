"""The kept run of the methods that train few parameters, with more seeds than a live page has time for."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from rt_utils.evaluation.finetuned_runs import ROBUST, SETTING
from rt_utils.pages.labels import short_name
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime import code_digest, paths
from rt_utils.runtime.files import whole_file
from rt_utils.training.peft import PEFT

RUN = [*SETTING, "seed"]
SAME = (
    "Of the {there} trainings of the reference this run repeated {here}: their robust accuracies differ by at most "
    "{apart:.1f} points, with {code} code in the package."
)
OTHER = "This run has other parameters than the reference ({differing}), so the two are not compared."

FEW_PARAMETERS = (
    "**Claim (i), asked as the paper states it.** In the reference run above ({profile_there}, {data}, {seeds} seeds) "
    "the most robust method that trains few parameters, over starts and rates, leaves a robust accuracy of {each}."
)


def kept() -> dict[str, Any] | None:
    """The record: `parameters`, `run` (what made it) and `rows`; None where a book keeps none."""
    path = paths.reference() / "embedded" / "roli_peft.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def rows(record: dict[str, Any]) -> pd.DataFrame:
    """One row a run. An old record has short names: its encoders' full names stand in its parameters."""
    full = {short_name(name): name for name in record["parameters"]["encoders"]}
    return pd.DataFrame(record["rows"]).replace({"encoder": full})


def facts(record: dict[str, Any]) -> dict[str, Any]:
    """When, where, in what time and by what code the record was made, and with how many seeds."""
    made = {name.partition(" ")[0]: value for name, value in record["run"].items()}
    named = {name: made[name] for name in ("finished", "time", "hardware", "code", "versions")}
    return named | {"seeds": rows(record).seed.nunique()}


def few_parameters(record: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """What is found of claim (i): from each encoder the highest mean over seeds of a method, with the seeds' range."""
    if record is None:
        return "Claim (i) as the paper states it is not asked: no reference run is kept here.", {}
    found, parts = rows(record), []
    for encoder, part in found.groupby("encoder", sort=False):
        by_setting = part.groupby(SETTING, sort=False)[ROBUST].agg(["mean", "min", "max"])
        best = by_setting.iloc[int(by_setting["mean"].argmax())]
        parts.append(f"{best['mean']:.2f} ({best['min']:.2f} to {best['max']:.2f}) from {short_name(str(encoder))}")
    there = record["parameters"]
    values = {"profile_there": f"profile {there['profile']}", "data": ", ".join(there["data"])}
    return FEW_PARAMETERS, values | {"seeds": found.seed.nunique(), "each": ", ".join(parts)}


def compared(record: dict[str, Any], p: Parameters, runs: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """What a page says of the record beside its own runs: a template, and its values."""
    there = record["parameters"]
    differing = [
        f"{name}: {there.get(name)} there, {value} here"
        for name, value in vars(p).items()
        if name not in ("results", "peft_seeds") and there.get(name) != value
    ]
    if differing:
        return OTHER, {"differing": "; ".join(differing)}
    both = runs[runs.method.isin(PEFT)].merge(rows(record), on=RUN, suffixes=("", " there"))
    apart = 100 * (both[ROBUST] - both[f"{ROBUST} there"]).abs().max()
    same = record["run"]["code (digest)"] == code_digest.digest(code_digest.all_modules())
    counts = {"there": len(record["rows"]), "here": len(both)}
    return SAME, counts | {"apart": apart, "code": "the same" if same else "other"}


def write(folder: Path, p: Parameters, chapter: str, runs: pd.DataFrame) -> None:
    """peft.json, beside the page's other files: the runs with what made them, to be kept."""
    made = {what: json.loads((folder / f"{what}.json").read_text("utf-8")) for what in ("parameters", "run")}
    columns = [*RUN, "clean acc.", ROBUST, "drift", "AS score", "AS / distance"]
    numbers = runs.loc[runs.method.isin(PEFT), columns].round(6).to_dict("records")
    content = {"chapter": chapter, "profile": p.profile, **made, "rows": numbers}
    with whole_file(folder / "peft.json") as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
