"""`rt`: run a chapter with checked parameters. What papermill lacks: it refuses what is wrong before anything runs."""

import argparse
import contextlib
import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jupytext

from rt_utils.pages import audit_request, execution, first_answer, profiles
from rt_utils.runtime import cache_size, paths
from rt_utils.runtime.errors import InputError

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


def keep_reference(chapter: str, given: dict[str, Any], *, alone: bool, progress: bool) -> Path:
    """Run a chapter and keep what it computed as a reference run under that profile; `alone`: as the only one."""
    from rt_utils.pages import records

    notebook = execution.run(chapter, given, progress=progress)
    return records.write(records.record(chapter, notebook, notebook.parent), paths.reference(), alone=alone)


def check_reference(chapter: str, profile: str, *, progress: bool) -> None:
    """Recompute the kept runs from their record and print what differs most. Raises InputError where one differs."""
    from rt_utils.pages import records

    found = []
    for kept in records.read(chapter, profile, paths.reference())["runs"]:
        notebook = execution.run(chapter, kept["parameters"], progress=progress)
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
    from rt_utils.runtime import cache

    print(paths.cache())
    for kind, state, entries, size in cache.contents():
        print(f"{kind:10} {state:8} {entries:6} entries {size / 1e6:9.1f} MB")
    total, most = sum(row[3] for row in cache.contents()), cache_size.bound()
    print(
        f"in all {total / 1e6:.1f} MB of at most {most / 1e6:.1f} MB, which {cache_size.VARIABLE} sets; what was unused"
    )
    print("for longest goes first; rt cache --clear removes all of it")
    if clear:
        cache.clear()
        print("cleared")


def run_sweep(options: argparse.Namespace) -> None:
    """Check every cell of a sweep, then compute those that are not there. Raises InputError."""
    from rt_utils.pages.sweep import cells, driver

    if options.cores < 0:
        raise InputError(f"--cores {options.cores} is out of range: give how many, or leave it out for all")
    swept = {axis: value for axis in cells.AXES if (value := getattr(options, axis)) is not None}
    if not swept:
        raise InputError("nothing is swept: give at least one of --" + ", --".join(cells.AXES))
    given = _given(options.chapter, options.files, options.pairs)
    driver.run(cells.plan(options.chapter, given, swept), options.cores, options.profile)


def run_audit(options: argparse.Namespace) -> None:
    """`rt audit`: encoders on one set of images, as a report. Raises InputError before anything heavy is imported."""
    names = ("eps", "norm", "minutes", "output", "n_test", "n_train", "seed", "workers")
    request = audit_request.parse(options.names, **{name: getattr(options, name) for name in names})
    from rt_utils.pages import audit_report, audit_run  # which import torch

    print(f"wrote {audit_report.write(audit_run.run(request, partial(print, flush=True)))}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rt", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="run one chapter with your parameters")
    one.add_argument("chapter", help="its name, such as theorem_2_criterion")
    one.add_argument("-o", dest="output", type=Path, metavar="NOTEBOOK", help="where the executed notebook goes")
    one.add_argument("--whole", action="store_true", help="no first answer on fewer points before the full run")
    audit = commands.add_parser("audit", help="audit encoders on your images: one report to send to a colleague")
    audit_request.add_options(audit)
    kept_run = commands.add_parser("reference", help="keep a chapter's run for the book to show, or check the kept one")
    kept_run.add_argument("chapter")
    kept_run.add_argument("--check", action="store_true", help="recompute it from its own record and compare")
    kept_run.add_argument("--profile", default="natural", help="whose record to check (default: natural)")
    kept_run.add_argument("--alone", action="store_true", help="runs kept before, with other parameters, go")
    many = commands.add_parser("sweep", help="run one chapter under many choices of parameters, as Snakemake jobs")
    many.add_argument("chapter")
    for axis, what in (("eps", "radii"), ("encoder", "encoders"), ("data", "data sets")):
        many.add_argument(f"--{axis}", metavar="A,B", help=f"{what}, one for each cell")
    many.add_argument("--seeds", type=int, metavar="N", help="so many seeds, from the chapter's own on")
    where = many.add_mutually_exclusive_group()
    where.add_argument("--cores", type=int, default=0, metavar="N", help="of this machine (default: all)")
    where.add_argument("--profile", default="", metavar="DIR", help="a Snakemake profile, or slurm")
    for command in (one, kept_run, many):
        command.add_argument("-p", dest="pairs", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
        command.add_argument("-f", dest="files", action="append", default=[], metavar="FILE", help="YAML with some")
    for command in (one, kept_run):
        command.add_argument("-q", dest="quiet", action="store_true", help="no progress bar")
    commands.add_parser("list", help="the chapters and their parameters")
    commands.add_parser("notebooks", help="write the .ipynb beside each source")
    kept = commands.add_parser(
        "cache", help="what is kept of attacks, heads and features, how large it may be, how to clear it"
    )
    kept.add_argument("--clear", action="store_true", help="remove all of it")
    return parser


def _given(chapter: str, files: Sequence[str], pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The parameters that the command line gives: of the files, in their order, then of the pairs."""
    given: dict[str, Any] = {}
    declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
    for file in files:
        given |= profiles.for_chapter(file, chapter, declared, execution.chapters())
    return given | {name: value_of(value) for name, value in pairs}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with 1 and one line for a wrong input, with 2 for a wrong option."""
    given_arguments = list(sys.argv[1:] if arguments is None else arguments)
    for i in range(2, len(given_arguments)):
        if given_arguments[i - 2] == "-p" and given_arguments[i].startswith("-"):
            given_arguments[i] = _VALUE + given_arguments[i]
    options = _parser().parse_args(given_arguments)
    try:
        if sys.platform == "win32":
            raise InputError("this book runs on Linux and macOS; on Windows use WSL, the Windows Subsystem for Linux")
        cache_size.bound()  # refused before anything runs
        if options.command in ("run", "reference"):
            given = _given(options.chapter, options.files, options.pairs)
            progress = not options.quiet and sys.stderr.isatty()
            print(f"running {options.chapter}", flush=True)
            if options.command == "run":
                run = execution.run if options.whole else partial(first_answer.run, say=partial(print, flush=True))
                print(f"wrote {run(options.chapter, given, options.output, progress=progress)}")
            elif options.check:
                if given or options.alone:
                    raise InputError("--check takes the record's own parameters: leave -p, -f and --alone out")
                check_reference(options.chapter, options.profile, progress=progress)
            else:
                print(f"wrote {keep_reference(options.chapter, given, alone=options.alone, progress=progress)}")
        elif options.command == "audit":
            run_audit(options)
        elif options.command == "sweep":
            run_sweep(options)
        elif options.command == "list":
            for chapter in execution.chapters():
                declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
                print(chapter, *(f"{name}={value!r}" for name, value in declared.items()), sep="\n    ")
        elif options.command == "cache":
            print_cache(clear=options.clear)
        else:
            for path in execution.write_notebooks():
                print(f"wrote {path}")
    except InputError as error:
        sys.exit(f"rt: {error}")


if __name__ == "__main__":
    main()
