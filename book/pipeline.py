"""`make book`: run what is out of date, build the book, say where it is. One build at a time.

Arguments are the chapters to run (`make book CHAPTERS="..."`); the other pages then say that they were not run. Where
there is no book yet, the first chapter's is built before the others run: it is there to read after a few minutes.
"""

import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock, Timeout

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html" / "index.html"
FIRST = "theorem_2_criterion"
# --nolock: Snakemake's own lock survives a kill; ours does not. --rerun-incomplete: what a kill left is made again.
SNAKEMAKE = ("--nolock", "--rerun-incomplete", "--quiet", "all", "--cores")


def build(chapters: list[str]) -> None:
    """A book of these chapters, of all of them where none is named; ends the program where that fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "snakemake", *SNAKEMAKE, str(os.cpu_count() or 1)]
    command += ["--config", f"chapters={' '.join(chapters)}"] if chapters else []
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path, "PYTHONUTF8": "1"}, check=False)
    if done.returncode:
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
