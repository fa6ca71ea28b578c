"""Reference runs: what a chapter computed under a profile, kept in the repository as JSON, and recomputed to check it.

A record holds the run's parameters, what made it (run.json), its commit, its claims, and per cell of the chapter every
table's and figure's data and every text. The book's build shows it beside the page's own run.
"""

import base64
import csv
import gzip
import hashlib
import json
import math
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat

from rt_utils.pages.parameters import assigned
from rt_utils.pages.tables import DATA
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file

SAME = 0.01  # relative difference up to which a recomputed number is the same: a machine's rounding moves attacks
_ELSEWHERE = ("results", "workers")  # parameters that say where and how, not what


def cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells of a chapter, without the one that papermill put in."""
    return [
        c for c in notebook.cells if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", [])
    ]


def profile_of(notebook: nbformat.NotebookNode) -> str:
    """The profile that a chapter ran under: its own default, unless papermill was given another."""
    parts = [
        cell.source
        for cell in notebook.cells
        if {"parameters", "injected-parameters"} & {*cell.metadata.get("tags", [])}
    ]
    return str(
        next((found["profile"] for part in reversed(parts) if "profile" in (found := assigned(part))), "unknown")
    )


def digest(cell: nbformat.NotebookNode) -> str:
    """Twelve hex digits that name a cell's code."""
    return hashlib.sha256(cell.source.strip().encode()).hexdigest()[:12]


def packed(svg: str) -> str:
    """A drawing as a record keeps it: compressed, a tenth of the size. Its numbers stand beside it in the open."""
    return base64.b64encode(gzip.compress(svg.encode(), mtime=0)).decode()


def unpacked(text: str) -> str:
    """The drawing in what `packed` returned."""
    return gzip.decompress(base64.b64decode(text)).decode()


def shown(cell: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The tables, figures and texts that a finished cell shows, as data."""
    found: list[dict[str, Any]] = []
    for output in cell.get("outputs", []):
        data, kept = output.get("data", {}), output.get("metadata", {})
        if DATA in kept:
            part = dict(kept[DATA])
            found.append(part | {"svg": packed(part["svg"])} if part["kind"] == "figure" else part)
        elif "text/markdown" in data:
            found.append({"kind": "text", "markdown": data["text/markdown"]})
    return found


def _commit(folder: Path) -> str:
    """The commit of the code, and whether it has been changed since; other records that changed are no code."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)book/reference")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (", with changes" if changed else "")


def record(chapter: str, notebook: Path, results: Path) -> dict[str, Any]:
    """What the finished `notebook` computed, with the files of its run in `results`, as a record to keep."""
    finished = nbformat.read(notebook, as_version=4)
    parameters = json.loads((results / "parameters.json").read_text("utf-8"))
    with (results / "ledger.csv").open(newline="", encoding="utf-8") as file:
        claims = list(csv.DictReader(file))
    outputs = [
        {"cell": index, "code": digest(cell), "shown": shown(cell)}
        for index, cell in enumerate(cells(finished))
        if shown(cell)
    ]
    return {
        "chapter": chapter,
        "profile": parameters["profile"],
        "commit": _commit(paths.PACKAGE),
        "parameters": {name: value for name, value in parameters.items() if name not in _ELSEWHERE},
        "run": json.loads((results / "run.json").read_text("utf-8")),
        "claims": claims,
        "cells": outputs,
    }


def write(content: Mapping[str, Any], folder: Path) -> Path:
    """Write a record to `folder`/PROFILE/CHAPTER.json, whole or not at all."""
    path = folder / content["profile"] / f"{content['chapter']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, ensure_ascii=False) + "\n", "utf-8")
    return path


def read(chapter: str, profile: str, folder: Path) -> dict[str, Any]:
    """A record. Raises InputError where there is none."""
    path = folder / profile / f"{chapter}.json"
    if not path.is_file():
        kept = ", ".join(sorted(other.stem for other in path.parent.glob("*.json"))) or "none"
        raise InputError(f"no reference run of {chapter} under {profile!r} is kept: there are {kept}")
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _same_inputs(kept: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for fact in ("weights (SHA-256)", "data (fingerprint)"):
        if kept["run"][fact] != now["run"][fact]:
            raise InputError(
                f"{kept['chapter']}: the record was made with other {fact.split()[0]}: "
                f"{kept['run'][fact]} there, {now['run'][fact]} here"
            )


def _plotted(shown: Mapping[str, Any]) -> list[Any]:
    return [shown.get("rows"), shown.get("axes")]


def _numbers(kept: Any, now: Any, place: str) -> Iterator[tuple[str, float]]:
    """The relative difference of every number, with its place; infinite where the two are not of one kind."""
    if isinstance(kept, int | float) and isinstance(now, int | float):
        largest = max(abs(kept), abs(now))
        yield place, abs(kept - now) / largest if largest else 0.0
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for index, (a, b) in enumerate(zip(kept, now, strict=True)):
            yield from _numbers(a, b, f"{place}[{index}]")
    elif isinstance(kept, dict) and isinstance(now, dict) and kept.keys() == now.keys():
        for key in kept:
            yield from _numbers(kept[key], now[key], f"{place} {key}".strip())
    elif isinstance(kept, str) and isinstance(now, str):
        return  # texts repeat the tables' numbers in words
    elif kept != now:
        yield place, math.inf


def differences(kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Every number of the record's tables and figures, and every verdict, by how much the new run differs, worst first.

    Raises InputError where the new run had other weights or data.
    """
    _same_inputs(kept, now)
    verdicts, drawn = [], []
    for run in (kept, now):
        verdicts.append([claim["verdict"] for claim in run["claims"]])
        drawn.append({f"cell {cell['cell']}": [_plotted(s) for s in cell["shown"]] for cell in run["cells"]})
    changed = [("a verdict", math.inf)] * (verdicts[0] != verdicts[1])
    return sorted([*changed, *_numbers(drawn[0], drawn[1], "")], key=lambda pair: -pair[1])
