"""`make assignments`: the sources in assignments/ as an nbgrader course in _build/assignments.

`source` there holds the notebooks with their solutions and hidden tests, `release` what students get, as nbgrader makes
it of them. The sources stand outside book/, since what is in book/ is published with the student edition.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from build import BUILD, RESULTS, ROOT

ASSIGNMENTS = BUILD / "assignments"
SOURCES = ROOT / "assignments"
POINTS = RESULTS / "theorem_2_criterion" / "points.csv"
COLUMNS = ["encoder", "data", "label", "predicted", "shift", "margin_ratio", "flipped", "shift_paper"]
NEEDS_POINTS = ("weak_search",)


def names() -> list[str]:
    return sorted(path.stem for path in SOURCES.glob("*.md"))


def few_columns(points: Path, target: Path) -> None:
    """The columns of a run's points.csv that an assignment names."""
    import pandas as pd

    pd.read_csv(points, usecols=COLUMNS)[COLUMNS].to_csv(target, index=False)


def course(root: Path, points: Path) -> None:
    """Write the folder `source` of an nbgrader course."""
    for name in names():
        folder = root / "source" / name
        folder.mkdir(parents=True)
        notebook = jupytext.read(SOURCES / f"{name}.md")
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{number}"  # else drawn at random
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
        if name in NEEDS_POINTS:
            few_columns(points, folder / "points.csv")


def grader(root: Path) -> Any:
    """nbgrader for the course in `root`."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    scripts = str(Path(sys.executable).parent)  # nbgrader calls alembic by its name
    if scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((scripts, os.environ["PATH"]))
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "transfer"
    return NbGraderAPI(config=config)


def release(root: Path, points: Path = POINTS) -> Path:
    """Write the course and let nbgrader make what students get; returns that folder.

    What students handed in and what was graded stays: only `source` and `release` are written anew.

    Raises RuntimeError with what nbgrader said where it refuses one.
    """
    for made in ("source", "release"):
        shutil.rmtree(root / made, ignore_errors=True)
    course(root, points)
    api = grader(root)
    for name in names():
        done = api.generate_assignment(name)
        if not done["success"]:
            raise RuntimeError(f"nbgrader did not make {name}: {done.get('error')}\n{done.get('log')}")
    return root / "release"


def main() -> None:
    if not POINTS.is_file():
        sys.exit(f"make assignments: {POINTS.relative_to(ROOT)} is missing: run 'make book' first")
    print(f"What students get: {release(ASSIGNMENTS)}; with solutions and hidden tests: {ASSIGNMENTS / 'source'}")


if __name__ == "__main__":
    main()
