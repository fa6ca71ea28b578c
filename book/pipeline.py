"""`make book`: run what is out of date, build the book, say where it is. One build at a time.

Arguments are the chapters to run (`make book CHAPTERS="..."`); the other pages then say that they were not run. Where
there is no book yet, the first chapter's is built before the others run: it is there to read after a few minutes.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from rt_utils.runtime.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html" / "index.html"
RESULTS = ROOT / "results" / "book"
LOG = ROOT / "_build" / "chapters.log"
PAGES = ["ledger", "status"]  # they collect what the chapters wrote, in seconds
FIRST = "theorem_2_criterion"
# --nolock: Snakemake's own lock survives a kill; ours does not. --rerun-incomplete: what a kill left is made again.
SNAKEMAKE = ("--nolock", "--rerun-incomplete", "--quiet", "all", "--cores")


def times() -> dict[str, float]:
    """The seconds that each chapter's last run took, where there was one."""
    found = {}
    for path in RESULTS.glob("*/run.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            found[path.parent.name] = float(json.loads(path.read_text(encoding="utf-8"))["time"].removesuffix(" s"))
    return found


def watch(process: subprocess.Popen[bytes], progress: Progress) -> None:
    """Show what the process writes into the log until it ends."""
    with LOG.open(encoding="utf-8", errors="replace", newline="\n") as log:
        rest, ended = "", False
        while not ended:
            ended = process.poll() is not None  # before what it said is read, so that none of it is missed
            *lines, rest = (rest + log.read()).split("\n")
            for line in lines:
                progress.take(line)
            progress.tick()
            if not ended:
                time.sleep(0.2)
        if rest:
            progress.take(rest)


def run(command: list[str], environment: dict[str, str]) -> int:
    """The command's exit status. It writes into a file, not into a pipe: it may outlive this process."""
    progress = Progress({**dict.fromkeys(PAGES, 5.0), **times()})
    LOG.unlink(missing_ok=True)  # one that outlived an earlier build goes on in its own
    with LOG.open("wb") as log:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the process too, which ends, and says so
    watch(process, progress)
    progress.close()
    return process.returncode


def build(chapters: list[str]) -> None:
    """A book of these chapters, of all of them where none is named; ends the program where that fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "snakemake", *SNAKEMAKE, str(os.cpu_count() or 1)]
    command += ["--config", f"chapters={' '.join(chapters)}"] if chapters else []
    if run(command, {**os.environ, "PATH": path, "PYTHONUTF8": "1"}):
        kept = "the last good book is still there" if BOOK.exists() else "there is no book yet"
        sys.exit(f"make book: stopped by the error above; {kept}")


def main() -> None:
    chapters = sys.argv[1:]
    (ROOT / "_build").mkdir(exist_ok=True)
    lock = FileLock(ROOT / "_build" / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("another build is running here: waiting for it", flush=True)
        lock.acquire()
    with lock:
        if not chapters and not BOOK.exists():
            build([FIRST])
            print(f"Book, so far with {FIRST} alone: {BOOK}\nThe other chapters follow.", flush=True)
        build(chapters)
    print(f"Book: {BOOK}")


if __name__ == "__main__":
    main()
