"""What a sweep runs: its cells, each one choice of the chapter's parameters, checked before anything starts."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import jupytext

from rt_utils.images.catalogue import check_data_set
from rt_utils.models.catalogue import check_encoder
from rt_utils.pages import execution, parameters
from rt_utils.runtime.errors import InputError, unknown

AXES = ("eps", "encoder", "data", "seeds")
MOST = 10_000  # cells of one sweep


@dataclass(frozen=True)
class Cell:
    """One run of the chapter: a name that is a file's, what the sweep chose for it, all parameters it is given."""

    name: str
    swept: Mapping[str, Any]
    given: Mapping[str, Any]
    values: Mapping[str, Any]  # all parameters, parsed, but for those that do not change the numbers


@dataclass(frozen=True)
class Sweep:
    """The cells of one chapter, and the folder of their results."""

    chapter: str
    cells: tuple[Cell, ...]
    folder: Path


def _split(axis: str, text: str) -> list[str]:
    """The values of one axis. A comma in a folder's path is kept."""
    checks = {"encoder": check_encoder, "data": check_data_set}
    if axis in checks:
        return list(parameters.names(checks[axis])(axis, text))
    return [part for part in re.split(r",\s*", text.strip()) if part]


def _seeds(text: int, first: int) -> list[int]:
    if not 1 <= text <= 1000:
        raise InputError(f"--seeds {text} is out of range: give how many seeds, from 1 to 1000")
    return list(range(first, first + text))


def _parameter(axis: str, chapter: str, declared: Mapping[str, Any]) -> str:
    """The chapter's name for what the axis sweeps. Raises InputError where it has none."""
    wanted = {"encoder": ("encoder", "encoders"), "seeds": ("seed",)}.get(axis, (axis,))
    for name in wanted:
        if name in declared:
            return name
    raise InputError(f"{chapter} has no parameter {wanted[0]}: leave --{axis} out, or see rt list")


def _file_name(swept: Mapping[str, Any], key: str) -> str:
    """What a cell is called: its choices, and the digits that stand for all its parameters."""
    shown = [f"{name}{value}" if name == "seed" else str(value)[-40:] for name, value in swept.items()]
    return "_".join(re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.") for part in (*shown, key))


def _number(text: str) -> float | str:
    """A radius as it was typed, which a notebook takes as a number or a text such as 8/255."""
    try:
        return float(text)
    except ValueError:
        return text


def plan(chapter: str, given: Mapping[str, Any], axes: Mapping[str, Any]) -> Sweep:
    """The sweep of `chapter`: every combination of the `axes` that are there (texts with commas; seeds: how many).

    `given` are the parameters that all cells share; its `results` is the sweep's folder. What is swept comes before
    what is given. Raises InputError for a wrong name or value of any cell, and for a parameter that the chapter lacks.
    """
    declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
    if "results" not in declared:
        raise InputError(f"{chapter} collects what other chapters wrote: sweep one of those")
    shared = {name: value for name, value in given.items() if name != "results"}
    parameters.check(given, declared)
    lists: dict[str, list[Any]] = {}
    for axis, text in axes.items():
        if axis not in AXES:
            raise unknown("axis", axis, AXES)
        name = _parameter(axis, chapter, declared)
        if name == "seed":
            first = parameters.check({"seed": given.get("seed", declared["seed"])}).seed
            lists[name] = _seeds(text, first)
            continue
        values = _split(axis, str(text))
        if not values:
            raise InputError(f"--{axis} is empty: give values with commas between them")
        lists[name] = [_number(value) for value in values] if axis == "eps" else values
    cells: dict[str, Cell] = {}
    seen: set[str] = set()
    if (count := math.prod(map(len, lists.values()))) > MOST:
        raise InputError(f"{count} cells are too many for one sweep: at most {MOST}")
    for choice in product(*lists.values()):
        swept = dict(zip(lists, choice, strict=True))
        checked = parameters.check({**declared, **shared, **swept, "results": ""}, declared)
        name = _file_name(swept, checked.key())
        if name in cells or (same := str(_kept(checked))) in seen:
            raise InputError(f"two cells of the sweep are the same: {', '.join(map(str, swept.values()))}")
        seen.add(same)
        cells[name] = Cell(name, swept, {**shared, **swept}, _kept(checked))
    key = hashlib.sha256("\n".join(cells).encode()).hexdigest()[:8]
    folder = Path(given.get("results") or Path("results") / f"sweep-{chapter}-{key}")
    return Sweep(chapter, tuple(cells.values()), folder.absolute())


def _kept(checked: parameters.Parameters) -> dict[str, Any]:
    return {name: value for name, value in vars(checked).items() if name not in parameters.NOT_IN_KEY}
