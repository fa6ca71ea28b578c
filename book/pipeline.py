"""`make book`: run what is out of date, build the book, say where it is. One build at a time.

Arguments are the chapters to run (`make book CHAPTERS="..."`); the other pages then say that they were not run. Where
there is no book yet, the first chapter's is built before the others run: it is there to read after a few minutes.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from rt_utils.runtime import snakemake
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


class Said:
    """What the log says that was not said before, given to the progress line by line."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.read, self.rest = progress, 0, b""

    def __call__(self) -> None:
        with LOG.open("rb") as log:
            log.seek(self.read)
            said = log.read()
        self.read += len(said)
        *lines, self.rest = (self.rest + said).split(b"\n")
        for line in lines:
            self.progress.take(line.decode("utf-8", "replace"))


def inputs(root: Path = ROOT) -> set[str]:
    """The files that a build reads, from the root."""
    single = (root / name for name in ("CITATION.cff", "_config.yml", "_toc.yml", "requirements.lock"))
    found = [path for folder in ("rt_utils", "notebooks", "book") for path in (root / folder).rglob("*")]
    return {str(path.relative_to(root)) for path in (*found, *single) if path.is_file() and path.suffix != ".pyc"}


def why(removed: set[str], errors: int) -> str:
    """What stopped a build. Snakemake says nothing where an input of a later step has gone since it looked."""
    if removed:
        return f"stopped, since {', '.join(sorted(removed))} was removed while it ran; run it again"
    return "stopped by the error above" if errors else "stopped, and Snakemake does not say why; run it again"


def build(chapters: list[str]) -> None:
    """A book of these chapters, of all of them where none is named; ends the program where that fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    arguments = [*SNAKEMAKE, str(os.cpu_count() or 1)]
    arguments += ["--config", f"chapters={' '.join(chapters)}"] if chapters else []
    before, progress = inputs(), Progress({**dict.fromkeys(PAGES, 5.0), **times()})
    said = Said(progress)
    status = snakemake.follow(arguments, LOG, progress, said, folder=ROOT, path=path)
    if said.rest:
        progress.take(said.rest.decode("utf-8", "replace"))
    if status:
        kept = "the last good book is still there" if BOOK.exists() else "there is no book yet"
        sys.exit(f"make book: {why(before - inputs(), progress.errors)}; {kept}")


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
