"""Runs a sweep: hands the cells that are not done to Snakemake, says how far it is, and collects what they found."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
from filelock import FileLock, Timeout

from rt_utils.pages.sweep import report, rows
from rt_utils.pages.sweep.cells import Sweep
from rt_utils.pages.sweep.places import Places, made_by
from rt_utils.pages.sweep.watching import Watch
from rt_utils.runtime import paths, snakemake
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file
from rt_utils.runtime.progress import Progress

THREADS = 4  # cores of a job on a cluster, where its profile does not say otherwise
IDLE = ("waiting for the first cell to begin", "collecting what the cells found")
# --nolock: each run has a folder of its own. --keep-going: a failed cell does not stop the others.
SNAKEMAKE = ("--nolock", "--keep-going", "--quiet", "all", "--rerun-triggers", "mtime")
SILENT = "ended without a word: killed, or out of memory? See {log}"
CHANGED = "was made by other code than this command's: the package was changed meanwhile"
NOT_BEGUN = "{n} of {all} cells were not begun: {said} (log: {log})"


def profile_folder(profile: str) -> Path:
    """The Snakemake profile of that name or path. Raises InputError where there is none, or its executor is missing."""
    for folder in (Path(profile), paths.SWEEP / profile):
        if (folder / "config.yaml").is_file():
            if folder == paths.SWEEP / "slurm" and find_spec("snakemake_executor_plugin_slurm") is None:
                raise InputError("--profile slurm needs snakemake-executor-plugin-slurm: pip install 'rt-utils[slurm]'")
            return folder.resolve()
    raise InputError(f"no profile {profile!r}: give slurm, or a folder that holds a Snakemake profile's config.yaml")


def check_installed() -> None:
    """Raises InputError where Snakemake, of the extra `book`, is missing."""
    if find_spec("snakemake") is None:
        raise InputError("rt sweep needs snakemake: pip install 'rt-utils[book]'")


def gpus() -> list[str]:
    """The GPUs of this machine that attacks would use, as CUDA_VISIBLE_DEVICES names them."""
    if os.environ.get("RT_DEVICE"):
        return []
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    named = visible.split(",") if visible else [str(i) for i in range(torch.cuda.device_count())]
    return named[: torch.cuda.device_count()]


def _plan(sweep: Sweep, todo: Iterable[str], run: Path, cores: int, profile: Path | None) -> dict[str, Any]:
    names = list(todo)
    own = [] if profile else gpus()
    at_once = min(cores, len(names), *([len(own)] if own else []))
    return {
        "chapter": sweep.chapter,
        "folder": str(sweep.folder),
        "run": str(run),
        "directory": str(Path.cwd()),
        "cells": {cell.name: dict(cell.given) for cell in sweep.cells if cell.name in names},
        "gpus": own,
        "threads": THREADS if profile else max(1, cores // at_once),
        "resources": {"gpu": 1} if own else {},
    }


def _arguments(run: Path, plan: dict[str, Any], cores: int, profile: Path | None) -> list[str]:
    arguments = [*SNAKEMAKE, "--snakefile", str(paths.SWEEP / "Snakefile"), "--directory", str(run)]
    if profile:
        return [*arguments, "--profile", str(profile)]
    limits = ["--resources", f"gpu={len(plan['gpus'])}"] if plan["gpus"] else []
    return [*arguments, "--cores", str(cores), *limits]


def _follow(arguments: list[str], log: Path, watch: Watch, at_once: int) -> None:
    """Run it until it ends. Its own words go into the log; the progress line follows the cells' files."""
    expected = dict.fromkeys(watch.waiting, sum(watch.known) / len(watch.known)) if watch.known else {}
    progress = Progress(expected, at_once=at_once, idle=IDLE)
    progress.take("to run: " + " ".join(watch.waiting))
    snakemake.follow(arguments, log, progress, lambda: watch.look(progress))


def _remove_runs(places: Places) -> None:
    """Remove what Snakemake kept of each run of a driver; one that outlived its driver may write there yet."""
    for run in places.runs.iterdir():
        shutil.rmtree(run, ignore_errors=True)


def _compute(sweep: Sweep, places: Places, cores: int, profile: Path | None, made: dict[str, str]) -> set[str]:
    """Compute the cells that are not done; returns the names of those that began."""
    _remove_runs(places)  # of drivers that are no more: what they have not begun, they will not begin
    todo = [cell.name for cell in sweep.cells if not places.done(cell.name, made)]
    if len(todo) < len(sweep.cells):
        print(f"{len(sweep.cells) - len(todo)} of {len(sweep.cells)} cells are there already", flush=True)
    if not todo:
        return set()
    for name in todo:
        places.reason(name).unlink(missing_ok=True)
        places.notebook(name).unlink(missing_ok=True)
    run = Path(tempfile.mkdtemp(dir=places.runs))
    (run / "running").mkdir()
    plan = _plan(sweep, todo, run, cores, profile)
    with whole_file(run / "plan.json") as partial:
        partial.write_text(json.dumps(plan), "utf-8")
    known = [s for cell in sweep.cells if cell.name not in todo and (s := places.seconds(cell.name)) is not None]
    at_once = len(todo) if profile else max(1, cores // plan["threads"])
    watch = Watch(places, run, todo, made, known)
    _follow(_arguments(run, plan, cores, profile), places.log, watch, at_once)
    _remove_runs(places)
    return watch.begun


def _complain(places: Places, missing: list[str], begun: set[str], count: int) -> None:
    """Raises InputError for the cells that are not there; those that left no reason get a line of their own."""
    failed = [name for name in missing if name in begun or places.reason(name).exists()]
    for name in failed:
        if not places.reason(name).exists():
            why = CHANGED if places.record(name).exists() else SILENT.format(log=places.log)
            print(f"rt: {name}: {why}", file=sys.stderr)
    if rest := len(missing) - len(failed):
        lines = places.log.read_text("utf-8", "replace").split("\n") if places.log.exists() else []
        said = next((line.strip() for line in reversed(lines) if line.strip()), "Snakemake ended")
        raise InputError(NOT_BEGUN.format(n=rest, all=count, said=said, log=places.log))
    shown = ", ".join(failed[:5]) + (f" and {len(failed) - 5} more" if len(failed) > 5 else "")
    raise InputError(f"{len(failed)} of {count} cells failed: {shown}; the same command tries them again")


def run(sweep: Sweep, cores: int = 0, profile: str = "") -> None:
    """Compute every cell that is not done, then write sweep.csv, sweep.parquet and sweep.html from those that are.

    `cores`: of this machine, at most so many cells at once, 0: all; or a Snakemake `profile` says where jobs run.
    A driver that finds another one at work in the folder waits for it. Raises InputError where cells failed.
    """
    check_installed()
    chosen = profile_folder(profile) if profile else None
    places, made = Places(sweep.folder), made_by(sweep.chapter)
    try:
        places.make()
    except OSError as error:
        raise InputError(f"cannot write the results to {str(sweep.folder)!r}: {error.strerror or error}") from None
    print(f"{len(sweep.cells)} cells in {sweep.folder}", flush=True)
    lock = FileLock(places.locks / "driver")
    try:
        lock.acquire(timeout=0)
    except (OSError, NotImplementedError) as error:
        if not isinstance(error, Timeout):
            raise InputError(f"files in {str(sweep.folder)!r} cannot be locked ({error}): take another disk") from None
        print("another sweep is running in that folder: waiting for it", flush=True)
        lock.acquire()
    with lock:
        begun = _compute(sweep, places, cores or joblib.cpu_count(), chosen, made)
        done = [cell for cell in sweep.cells if places.done(cell.name, made)]
        frame = rows.write(places, done)
        report.write(places, sweep, frame, done)
    if missing := [cell.name for cell in sweep.cells if cell not in done]:
        _complain(places, missing, begun, len(sweep.cells))
    print(f"{len(done)} of {len(done)} cells done; wrote {sweep.folder / 'sweep.html'}, sweep.csv, sweep.parquet")
