"""Kept runs: what a chapter computed under a profile, as JSON in the repository, and recomputed to check it.

A record holds data and no layout: each run's parameters, what made it (run.json), its commit, its claims, and per
element of the page, by its key, the data that it is drawn from; strips of images are left out. The book draws it with
today's code. `code` is the digest of the modules that compute; where today's differs, the book says so.
"""

import ast
import csv
import json
import math
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from rt_utils.pages.elements import DATA, computed
from rt_utils.pages.parameters import NOT_IN_KEY, assigned
from rt_utils.runtime import code_digest, paths
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file

IMAGES = "rt_utils.pages.plots.strips:"  # images of data sets, which a record does not hand on
SCHEMA = 1  # of the records that `write` writes; those that name none are of the first
BESIDE = ("published", "control")  # keys of what stands beside every run and is no run's own begin so
TAGS = ("parameters", "injected-parameters")  # of a chapter's cells, in this order
SAME = 0.01  # relative difference up to which a recomputed number is the same: a machine's rounding moves attacks
_ROOMS = tuple(f"{paths.PACKAGE.name}.{room}" for room in ("theory", "images", "models", "evaluation", "training"))
_EXPERIMENT = "experiment"  # modules of pages whose names end so say which attacks a page runs


def parameters_of(notebook: nbformat.NotebookNode, tags: Sequence[str] = TAGS) -> dict[str, Any]:
    """A finished chapter's parameters: its own defaults, and what papermill was given in their place."""
    found: dict[str, Any] = {}
    for cell in notebook.cells:
        if {*tags} & {*cell.metadata.get("tags", [])}:
            found |= assigned(cell.source)
    return found


def profile_of(notebook: nbformat.NotebookNode) -> str:
    """The profile that a chapter ran under: its own default, unless papermill was given another."""
    return str(parameters_of(notebook).get("profile", "unknown"))


def own_elements(cell: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The tables, figures and texts that a finished cell shows, as data."""
    outputs = cell.get("outputs", [])
    return [dict(output.metadata[DATA]) for output in outputs if DATA in output.get("metadata", {})]


def elements_of(notebook: nbformat.NotebookNode) -> dict[str, dict[str, Any]]:
    """All tables, figures and texts that a finished chapter shows, by key."""
    found = (element for cell in notebook.cells for element in own_elements(cell))
    return {element["key"]: element for element in found if "key" in element}


def computing(chapter: str) -> frozenset[str]:
    """The modules that compute what a chapter shows: those of the rooms below the pages, and the pages' experiments.

    As far as it imports them, directly or through modules of pages, whose prose, layout and plots do not count.
    """
    notebook = jupytext.read(paths.notebooks() / f"{chapter}.md")
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    reached = code_digest.modules(names)
    return frozenset(name for name in reached if name.startswith(_ROOMS) or name.endswith(_EXPERIMENT))


def computation(chapter: str) -> str:
    """The digest of the code of `computing`."""
    return code_digest.digest_of(computing(chapter))


def _commit(folder: Path) -> str:
    """The commit of the code, and whether it has been changed since; other records that changed are no code."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)book/reference")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (", with changes" if changed else "")


def record(chapter: str, notebook: Path, results: Path) -> dict[str, Any]:
    """What the finished `notebook` computed, with the files of its run in `results`: a record of one run."""
    finished = nbformat.read(notebook, as_version=4)
    parameters = json.loads((results / "parameters.json").read_text("utf-8"))
    with (results / "ledger.csv").open(newline="", encoding="utf-8") as file:
        claims = list(csv.DictReader(file))
    cells = [cell for cell in finished.cells if cell.cell_type == "code"]
    shown = [own for cell in cells for own in own_elements(cell) if not str(own.get("plot")).startswith(IMAGES)]
    run = {
        "parameters": {name: value for name, value in parameters.items() if name not in NOT_IN_KEY},
        "commit": _commit(paths.PACKAGE),
        "code": computation(chapter),
        "run": json.loads((results / "run.json").read_text("utf-8")),
        "claims": claims,
        "elements": {element["key"]: computed(element) for element in shown if "key" in element},
    }
    return {"chapter": chapter, "profile": parameters["profile"], "runs": [run]}


def write(content: Mapping[str, Any], folder: Path, *, alone: bool = False) -> Path:
    """Write a record to `folder`/PROFILE/CHAPTER.json, whole or not at all.

    Runs that are there with other parameters stay, unless `alone`; one with the same parameters is replaced.
    """
    path = folder / content["profile"] / f"{content['chapter']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text("utf-8")).get("runs", []) if path.is_file() and not alone else []
    new = [run["parameters"] for run in content["runs"]]
    runs = [run for run in before if run["parameters"] not in new] + content["runs"]
    with whole_file(path) as partial:
        partial.write_text(json.dumps({"schema": SCHEMA, **content, "runs": runs}, ensure_ascii=False) + "\n", "utf-8")
    return path


def read(chapter: str, profile: str, folder: Path) -> dict[str, Any]:
    """A record. Raises InputError where there is none, or one of a later schema."""
    path = folder / profile / f"{chapter}.json"
    if not path.is_file():
        kept = ", ".join(sorted(other.stem for other in path.parent.glob("*.json"))) or "none"
        raise InputError(f"no reference run of {chapter} under {profile!r} is kept: there are {kept}")
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if (schema := content.get("schema", SCHEMA)) > SCHEMA:
        raise InputError(
            f"{path}: a record of schema {schema}, where this package reads those up to {SCHEMA}: update it"
        )
    return content


def _same_inputs(chapter: str, kept: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for fact in ("weights (SHA-256)", "data (fingerprint)"):
        if kept["run"][fact] != now["run"][fact]:
            raise InputError(
                f"{chapter}: the record was made with other {fact.split()[0]}: "
                f"{kept['run'][fact]} there, {now['run'][fact]} here"
            )


def _difference(kept: float, now: float, points: int) -> float:
    """The relative difference; none where one of `points` that flipped explains it: another machine's rounding does.

    One point moves a count by 1, a share by 1 / points, and the ends of its interval by less than twice that.
    """
    whole, largest = isinstance(kept, int) and isinstance(now, int), max(abs(kept), abs(now))
    flip = 0.0 if not points else 1.0 if whole else 2 / points if largest <= 1 else 0.0
    return abs(kept - now) / largest if abs(kept - now) > flip else 0.0


def _numbers(kept: Any, now: Any, place: str, points: int) -> Iterator[tuple[str, float]]:
    """The `_difference` of every number, with its place; infinite where the two are not of one kind."""
    if isinstance(kept, int | float) and isinstance(now, int | float):
        yield place, _difference(kept, now, points)
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for index, (a, b) in enumerate(zip(kept, now, strict=True)):
            yield from _numbers(a, b, f"{place}[{index}]", points)
    elif isinstance(kept, dict) and isinstance(now, dict) and kept.keys() == now.keys():
        for key in kept:
            yield from _numbers(kept[key], now[key], f"{place} {key}".strip(), points)
    elif isinstance(kept, str) and isinstance(now, str):
        return  # texts repeat the tables' numbers in words
    elif kept != now:
        yield place, math.inf


def differences(chapter: str, kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Every number of a kept run's elements, and every verdict, by how much the new run differs, worst first.

    What a single flipped image explains counts as no difference.
    Raises InputError where the new run had other weights or data.
    """
    _same_inputs(chapter, kept, now)
    verdicts = [[claim["verdict"] for claim in run["claims"]] for run in (kept, now)]
    changed = [("a verdict", math.inf)] * (verdicts[0] != verdicts[1])
    points = int(kept["parameters"].get("n_test", 0))
    found = [*changed, *_numbers(kept["elements"], now["elements"], "", points)]
    return sorted(found, key=lambda pair: -pair[1])
