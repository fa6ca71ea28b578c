"""A first answer to a rerun: the same page on fewer points, soon, in the file that the full one then replaces."""

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat

from rt_utils.pages import execution
from rt_utils.runtime.errors import InputError

# What a page measures on, and how often; not what it measures, such as steps of an attack or images that train.
POINTS = (
    *("n_test", "seed_points", "path_points", "sweep_points", "ft_points", "n_switch"),
    *("floor_points", "apgd_points"),
)
FEWEST = 8
WORTH = 32  # test points: a page on fewer is there at once
CHUNK = 128  # points that are attacked together: a whole chunk of the full run is not computed again


def fewer(full: Mapping[str, Any]) -> dict[str, int]:
    """Of a page's parameters those that the first answer has otherwise: a quarter of the points, and one seed.

    Empty where nothing is to be gained, and where a page cuts its sizes itself, to a budget.

    >>> fewer({"n_test": 500, "floor_points": 64, "n_seeds": 3, "steps": 100})
    {'n_test': 128, 'floor_points': 16, 'n_seeds': 1}
    >>> fewer({"n_test": 16, "n_seeds": 3})
    {}
    """
    if "budget" in full or full.get("n_test", 0) < WORTH:
        return {}
    cut = {name: max(FEWEST, full[name] // 4) for name in POINTS if full.get(name, 0) > FEWEST}
    if full["n_test"] >= 3 * CHUNK:
        cut["n_test"] = CHUNK
    return cut | ({"n_seeds": 1} if full.get("n_seeds", 1) > 1 else {})


def mark(notebook: Path, cut: Mapping[str, int], full: Mapping[str, Any]) -> None:
    """Say below the title of an executed notebook that it is a first answer, and on how much less it rests."""
    page = nbformat.read(notebook, as_version=4)
    less = ", ".join(f"`{name}` {value} of {full[name]}" for name, value in cut.items())
    said = (
        f"> **A first answer**, on fewer points than were asked for: {less}. Its shares have wider intervals. The full "
        "run is under way and replaces this page; where it was stopped, the same command starts it again."
    )
    page.cells.insert(1, nbformat.v4.new_markdown_cell(said))
    nbformat.write(page, notebook)


def run(
    chapter: str,
    given: dict[str, Any],
    output: Path | None,
    say: Callable[[str], None],
    *,
    progress: bool = True,
) -> Path:
    """`execution.run`, with a first answer before it in the same file, unless there is little to gain or a run there.

    What the first answer writes beside its page is not kept. `say` is given a line when the page is there. Raises
    InputError.
    """
    _, checked = execution.read(chapter, given)
    full = vars(checked)
    if not (cut := fewer(full)) or (checked.results_folder(chapter) / "run.json").exists():
        return execution.run(chapter, given, output, progress=progress)
    output = output or checked.results_folder(chapter) / f"{chapter}.ipynb"
    with tempfile.TemporaryDirectory() as first, contextlib.suppress(InputError):  # which the full run says too
        few = {**given, **cut, "results": first}
        execution.run(chapter, few, output, progress=progress, finish=lambda notebook: mark(notebook, cut, full))
        less = ", ".join(f"{name} {value} of {full[name]}" for name, value in cut.items())
        say(f"first answer ({less}): {output}")
    return execution.run(chapter, given, output, progress=progress)
