"""`rt`: run a chapter with checked parameters. What papermill lacks: it refuses what is wrong before anything runs."""

import argparse
import contextlib
import logging
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from rt_utils.pages import parameters, profiles
from rt_utils.runtime import kernels, paths
from rt_utils.runtime.errors import InputError, unknown
from rt_utils.runtime.files import remove_leftovers

logging.getLogger("papermill").addHandler(logging.NullHandler())  # what it logs as an error it raises as well
_VALUE = "\0"  # put before a value that begins with a minus, which argparse would take for an option


def value_of(text: str) -> bool | int | float | str:
    """What a value on the command line means: True, False, a whole number, a number, else the text itself."""
    text = text.removeprefix(_VALUE)
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


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


@contextlib.contextmanager
def _kept_on_failure(chapter: str, partial: Path, failed: Path) -> Iterator[None]:
    """A notebook that fails is kept as `failed`, for a look; one that only refused its input is not."""
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


def run(chapter: str, given: dict[str, Any], output: Path | None = None, *, progress: bool = True) -> Path:
    """Check the parameters, execute the chapter, and return the finished notebook's path.

    The notebook appears under its name only when it is finished; one that fails is kept as NAME.failed.ipynb.
    Raises InputError.
    """
    notebook = jupytext.read(source(chapter))
    declared = declared_parameters(notebook)
    parameters.check(given, declared)
    checked = parameters.check({**declared, **given}, declared)
    if output is None:
        output = checked.results_folder(chapter) / f"{chapter}.ipynb"
    # The process id keeps two runs apart: one that outlived a killed build, and the build that follows.
    partial, unexecuted = (output.with_suffix(f".{os.getpid()}.{kind}.ipynb") for kind in ("partial", "source"))
    failed = output.with_suffix(".failed.ipynb")
    made = [folder for folder in output.parents if not folder.exists()]
    try:
        if output.exists() and not output.is_file():
            raise InputError(f"cannot write {str(output)!r}: it is a folder or a device, not a file")
        output.parent.mkdir(parents=True, exist_ok=True)
        for kind in ("partial", "source"):
            remove_leftovers(output.parent, f"{output.stem}.*.{kind}.ipynb")
        nbformat.write(notebook, unexecuted)
        with _kept_on_failure(chapter, partial, failed):
            papermill.execute_notebook(
                str(unexecuted),
                str(partial),
                given,
                engine_name=kernels.ENGINE,
                progress_bar=progress,
                autosave_cell_every=0,
            )
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


def keep_reference(chapter: str, given: dict[str, Any], *, progress: bool) -> Path:
    """Run a chapter and keep what it computed as its reference run under that profile."""
    from rt_utils.pages import records

    notebook = run(chapter, given, progress=progress)
    return records.write(records.record(chapter, notebook, notebook.parent), paths.reference())


def check_reference(chapter: str, profile: str, *, progress: bool) -> None:
    """Recompute the kept runs from their record and print what differs most. Raises InputError where one differs."""
    from rt_utils.pages import records

    found = []
    for kept in records.read(chapter, profile, paths.reference())["runs"]:
        notebook = run(chapter, kept["parameters"], progress=progress)
        (now,) = records.record(chapter, notebook, notebook.parent)["runs"]
        found += records.differences(chapter, kept, now)
    found.sort(key=lambda pair: -pair[1])
    beyond = [(place, difference) for place, difference in found if difference > records.SAME]
    for place, difference in beyond[:10]:
        print(f"{place}: {difference:.2%}" if difference < math.inf else f"{place}: not the same at all")
    if beyond:
        raise InputError(f"{chapter}: {len(beyond)} of {len(found)} values differ by more than {records.SAME:.0%}")
    largest = f", the largest difference {found[0][1]:.2g}" if found else ""
    print(f"{chapter}: {len(found)} values are the record's{largest}")


def print_cache(*, clear: bool) -> None:
    """What the cache holds, one line a kind; then nothing, if it is to be cleared."""
    from rt_utils.runtime import cache, paths

    print(paths.cache())
    for kind, state, entries, size in cache.contents():
        print(f"{kind:10} {state:8} {entries:6} entries {size / 1e6:9.1f} MB")
    if clear:
        cache.clear()
        print("cleared")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rt", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="run one chapter with your parameters")
    one.add_argument("chapter", help="its name, such as theorem_2_criterion")
    one.add_argument("-o", dest="output", type=Path, metavar="NOTEBOOK", help="where the executed notebook goes")
    kept_run = commands.add_parser("reference", help="keep a chapter's run for the book to show, or check the kept one")
    kept_run.add_argument("chapter")
    kept_run.add_argument("--check", action="store_true", help="recompute it from its own record and compare")
    kept_run.add_argument("--profile", default="natural", help="whose record to check (default: natural)")
    for command in (one, kept_run):
        command.add_argument("-p", dest="pairs", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
        command.add_argument("-f", dest="files", action="append", default=[], metavar="FILE", help="YAML with some")
        command.add_argument("-q", dest="quiet", action="store_true", help="no progress bar")
    commands.add_parser("list", help="the chapters and their parameters")
    commands.add_parser("notebooks", help="write the .ipynb beside each source")
    kept = commands.add_parser("cache", help="what is kept of attacks, heads and features, and how to clear it")
    kept.add_argument("--clear", action="store_true", help="remove all of it")
    return parser


def _given(chapter: str, files: Sequence[str], pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The parameters that the command line gives: of the files, in their order, then of the pairs."""
    given: dict[str, Any] = {}
    declared = declared_parameters(jupytext.read(source(chapter)))
    for file in files:
        given |= profiles.for_chapter(file, chapter, declared, chapters())
    return given | {name: value_of(value) for name, value in pairs}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with 1 and one line for a wrong input, with 2 for a wrong option."""
    given_arguments = list(sys.argv[1:] if arguments is None else arguments)
    for i in range(2, len(given_arguments)):
        if given_arguments[i - 2] == "-p" and given_arguments[i].startswith("-"):
            given_arguments[i] = _VALUE + given_arguments[i]
    options = _parser().parse_args(given_arguments)
    try:
        if options.command in ("run", "reference"):
            given = _given(options.chapter, options.files, options.pairs)
            progress = not options.quiet and sys.stderr.isatty()
            print(f"running {options.chapter}", flush=True)
            if options.command == "run":
                print(f"wrote {run(options.chapter, given, options.output, progress=progress)}")
            elif options.check:
                if given:
                    raise InputError("--check takes the record's own parameters: leave -p and -f out")
                check_reference(options.chapter, options.profile, progress=progress)
            else:
                print(f"wrote {keep_reference(options.chapter, given, progress=progress)}")
        elif options.command == "list":
            for chapter in chapters():
                declared = declared_parameters(jupytext.read(source(chapter)))
                print(chapter, *(f"{name}={value!r}" for name, value in declared.items()), sep="\n    ")
        elif options.command == "cache":
            print_cache(clear=options.clear)
        else:
            for path in write_notebooks():
                print(f"wrote {path}")
    except InputError as error:
        sys.exit(f"rt: {error}")


if __name__ == "__main__":
    main()
