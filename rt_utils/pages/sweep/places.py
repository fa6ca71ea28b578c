"""Where a sweep keeps what, and which of its cells are done: the files alone say so, whoever wrote them."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rt_utils.pages import execution
from rt_utils.runtime import code_digest


class Places:
    """The folders below a sweep's own, `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells = folder / "cells"  # one folder a cell, whole or not there
        self.failed = folder / "failed"  # NAME.txt: the error's line; NAME.ipynb: the notebook up to there
        self.locks = folder / ".sweep" / "locks"
        self.work = folder / ".sweep" / "work"  # what is being computed
        self.runs = folder / ".sweep" / "runs"  # Snakemake's own folder, one for each run of the driver
        self.log = folder / "sweep.log"

    def make(self) -> None:
        """Make them."""
        for path in (self.cells, self.failed, self.locks, self.work, self.runs):
            path.mkdir(parents=True, exist_ok=True)

    def reason(self, name: str) -> Path:
        """The file with a failed cell's error."""
        return self.failed / f"{name}.txt"

    def notebook(self, name: str) -> Path:
        """The notebook of a failed cell."""
        return self.failed / f"{name}.ipynb"

    def record(self, name: str) -> Path:
        """What made a cell's results."""
        return self.cells / name / "cell.json"

    def done(self, name: str, made: Mapping[str, Any]) -> bool:
        """Whether the cell is there, made by this (`made_by`)."""
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(self.record(name).read_text("utf-8"))
            return all(found.get(key) == value for key, value in made.items())
        return False

    def seconds(self, name: str) -> float | None:
        """How long the cell took, where that is known."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return float(json.loads(self.record(name).read_text("utf-8"))["seconds"])
        return None


def made_by(chapter: str) -> dict[str, str]:
    """The code that made a cell: one that other code made is made again, from what the cache holds."""
    source = execution.source(chapter).read_bytes()
    return {
        "code": code_digest.digest(code_digest.all_modules()),
        "chapter": hashlib.sha256(source).hexdigest()[:12],
    }
