"""The assignments: nbgrader itself makes what students get, and grades a right and a wrong submission."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import jupytext
import leaks
import nbformat
import pandas as pd
import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "book"))
import assignments

STUB = re.compile(r"( *)### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL)
# For each assignment a mistake that the visible tests do not see and a hidden one does, and the points that it costs.
MISTAKES = {
    "theorem_2": ("return bool(shift < ratio)", "return bool(shift <= ratio)", 2),
    "theorem_1": ("np.maximum(clean, cross_entropy(moved @ weight.T, y))", "cross_entropy(moved @ weight.T, y)", 3),
    "weak_search": ("there = points[points[column].notna()]", "there = points", 3),
}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's file with a few rows."""
    rows = [
        ("a", "d", 0, 0, 0.5, 1.0, False, 0.4),
        ("a", "d", 1, 1, 1.5, 1.0, True, 0.9),
        ("b", "d", 1, 0, 2.0, 1.0, False, 1.8),
    ]
    path = tmp_path_factory.mktemp("run") / "points.csv"
    pd.DataFrame(rows, columns=assignments.COLUMNS).assign(more=1).to_csv(path, index=False)
    return path


def code(name: str) -> list[Any]:
    notebook = jupytext.read(assignments.SOURCES / f"{name}.md")
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run(cells: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    space: dict[str, Any] = {}
    for cell in cells:
        exec(compile(cell, "assignment", "exec"), space)


@pytest.mark.parametrize("name", assignments.names())
def test_the_solution_passes_every_test_and_the_stub_none(
    name: str, points: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignments.few_columns(points, tmp_path / "points.csv")
    cells = code(name)
    run([cell.source for cell in cells], tmp_path, monkeypatch)
    stubs = [STUB.sub(r"\1raise NotImplementedError()", cell.source) for cell in cells]
    assert sum(stub != cell.source for stub, cell in zip(stubs, cells, strict=True)) == 3
    space: dict[str, Any] = {}
    for cell, stub in zip(cells, stubs, strict=True):
        if cell.metadata.get("nbgrader", {}).get("grade"):
            with pytest.raises((NotImplementedError, NameError)):
                exec(compile(stub, "assignment", "exec"), space)
        else:
            exec(compile(stub, "assignment", "exec"), space)


@pytest.mark.parametrize("name", assignments.names())
def test_the_points_are_those_that_the_text_says(name: str) -> None:
    notebook = jupytext.read(assignments.SOURCES / f"{name}.md")
    marks = [cell.metadata["nbgrader"] for cell in notebook.cells if "nbgrader" in cell.metadata]
    stated = re.search(r"(\d+) points", "".join(cell.source for cell in notebook.cells[:2]))
    assert stated
    assert sum(mark.get("points", 0) for mark in marks) == int(stated[1])
    assert len({mark["grade_id"] for mark in marks}) == len(marks)
    assert any("BEGIN HIDDEN TESTS" in cell.source for cell in notebook.cells)


@pytest.mark.slow
def test_nbgrader_grades_a_right_and_a_wrong_submission(points: Path, tmp_path: Path) -> None:
    root = tmp_path / "course"
    given = assignments.release(root, points)
    assert leaks.found_in(given, leaks.secrets().all_runs) == {}
    api: Any = assignments.grader(root)
    for name in assignments.names():
        told = (given / name / f"{name}.ipynb").read_text("utf-8")
        assert "NotImplementedError" in told
        assert "BEGIN SOLUTION" not in told
        assert "HIDDEN" not in told
        right = nbformat.read(root / "source" / name / f"{name}.ipynb", as_version=4)
        line, wrong_line, lost = MISTAKES[name]
        for student, replaced in (("right", line), ("wrong", wrong_line)):
            folder = root / "submitted" / student / name
            shutil.copytree(given / name, folder)
            solved = nbformat.read(folder / f"{name}.ipynb", as_version=4)
            for cell, own in zip(solved.cells, right.cells, strict=True):
                if own.metadata.get("nbgrader", {}).get("solution"):
                    cell.source = own.source.replace(line, replaced)
            nbformat.write(solved, folder / f"{name}.ipynb")
            done = api.autograde(name, student)
            assert done["success"], done
        scores = {row["student"]: (row["score"], row["max_score"]) for row in api.get_submissions(name)}
        assert scores["right"] == (12, 12), name
        assert scores["wrong"] == (12 - lost, 12), name
