"""Runs a chapter: its parameters checked first, its notebook there under its name only when it is finished."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient.exceptions import DeadKernelError

from rt_utils.pages import parameters
from rt_utils.runtime import kernels, paths
from rt_utils.runtime.errors import InputError, unknown
from rt_utils.runtime.files import remove_leftovers, writer

logging.getLogger("papermill").addHandler(logging.NullHandler())  # what it logs as an error it raises as well


def chapters() -> list[str]:
    """The names of all chapters."""
    return sorted(path.stem for path in paths.notebooks().glob("*.md"))


def source(chapter: str) -> Path:
    """The chapter's source file. Raises InputError for an unknown name."""
    if chapter not in chapters():
        raise unknown("chapter", chapter, chapters())
    return paths.notebooks() / f"{chapter}.md"


def declared_parameters(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """The chapter's parameters and their defaults, from its `parameters` cell; empty where it has none."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            return parameters.assigned(cell.source)
    return {}


def read(chapter: str, given: dict[str, Any]) -> tuple[nbformat.NotebookNode, parameters.Parameters]:
    """The chapter's notebook, and its parameters with those given. Raises InputError for what it does not take."""
    notebook = jupytext.read(source(chapter))
    declared = declared_parameters(notebook)
    parameters.check(given, declared)
    return notebook, parameters.check({**declared, **given}, declared)


@contextlib.contextmanager
def _kept_on_failure(chapter: str, partial: Path, failed: Path) -> Iterator[None]:
    """A notebook that fails is kept as `failed`, for a look; one that only refused its input is not."""
    from papermill.exceptions import PapermillExecutionError

    failed.unlink(missing_ok=True)
    try:
        yield
    except (PapermillExecutionError, DeadKernelError) as error:
        name, text = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
        line = next(iter(text.strip().splitlines()), "")
        if name == "InputError":
            raise InputError(line) from None
        os.replace(partial, failed)
        raise InputError(f"{chapter}: {name}: {line} (notebook: {failed})") from None


def _not_filled_in(path: Path) -> str:
    """A path for papermill, which fills in what stands between braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def run(
    chapter: str,
    given: dict[str, Any],
    output: Path | None = None,
    *,
    progress: bool = True,
    finish: Callable[[Path], None] = lambda notebook: None,
) -> Path:
    """Check the parameters, execute the chapter, and return the finished notebook's path.

    The notebook appears under its name only when it is finished; one that fails is kept as NAME.failed.ipynb. `finish`
    is called with it just before.
    Raises InputError.
    """
    import papermill  # here, since it loads pyarrow, and with it numpy

    notebook, checked = read(chapter, given)
    if output is None:
        output = checked.results_folder(chapter) / f"{chapter}.ipynb"
    # The writer's name keeps two runs apart: one that outlived a killed build, and the build that follows.
    partial, unexecuted = (output.with_suffix(f".{writer()}.{kind}.ipynb") for kind in ("partial", "source"))
    failed = output.with_suffix(".failed.ipynb")
    made: list[Path] = []
    try:
        made += [folder for folder in output.parents if not folder.exists()]
        if output.exists() and not output.is_file():
            raise InputError(f"cannot write {str(output)!r}: it is a folder or a device, not a file")
        output.parent.mkdir(parents=True, exist_ok=True)
        for kind in ("partial", "source"):
            remove_leftovers(output.parent, f"{output.stem}.*.{kind}.ipynb")
        nbformat.write(notebook, unexecuted)
        with _kept_on_failure(chapter, partial, failed):
            papermill.execute_notebook(
                _not_filled_in(unexecuted),
                _not_filled_in(partial),
                given,
                engine_name=kernels.ENGINE,
                progress_bar=progress,
                autosave_cell_every=0,
            )
        finish(partial)
        os.replace(partial, output)
    except OSError as error:
        raise InputError(f"cannot write {str(output)!r}: {error.strerror or error}") from None
    finally:
        for leftover in (unexecuted, partial):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            for folder in made:  # where nothing came of it they are empty
                folder.rmdir()
    return output


def write_notebooks() -> list[Path]:
    """Write the .ipynb beside each source, for plain papermill and for Jupyter."""
    written = []
    for chapter in chapters():
        target = paths.notebooks() / f"{chapter}.ipynb"
        nbformat.write(jupytext.read(source(chapter)), target)
        written.append(target)
    return written
