"""How long a book takes: the first, the whole, one in which nothing or one page's prose changed, and a page's rerun.

Run: python benchmarks/whole_book.py COMMIT [COMMIT ...] [--what book,...] [--json FILE]. Each is cloned and built
from an empty cache, one after the other, with this environment; ratios are to the first one named. HEAD is a commit.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from ratios import show

ROOT = Path(__file__).resolve().parent.parent
FIRST = "Book, so far with"  # what `make book` says when the first book is there
ANSWER = "first answer"  # what `rt run` says when its first answer is there
PAGE, EPS = "theorem_2_criterion", "7/255"
WHAT = ("book", "nothing", "prose", "rerun", "same")
Measured = dict[str, float]


class Memory:
    """The most memory that a process and its children take together, as proportional sets, in GB."""

    def __init__(self, process: int) -> None:
        self.most, self.process, self.over = 0.0, psutil.Process(process), threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()

    def _sample(self) -> None:
        while not self.over.wait(2):
            total = 0
            try:
                for its in [self.process, *self.process.children(recursive=True)]:
                    total += getattr(its.memory_full_info(), "pss", its.memory_info().rss)
            except psutil.Error:
                continue
            self.most = max(self.most, total / 1e9)

    def end(self) -> float:
        """Stop sampling; the most that was seen."""
        self.over.set()
        self.thread.join()
        return self.most


def timed(command: Sequence[str], folder: Path, said: str = "") -> Measured:
    """Seconds until a command ends, and until it says a line that begins with `said`; and its memory in GB.

    Raises RuntimeError with the end of its output where it fails.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    environment["PATH"] = os.pathsep.join([str(folder / ".venv" / "bin"), environment.get("PATH", "")])
    began, lines = time.monotonic(), list[str]()
    found: dict[str, float] = {}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        memory = Memory(process.pid)
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if said and line.startswith(said):
                found.setdefault("first", time.monotonic() - began)
    found |= {"seconds": time.monotonic() - began, "memory": memory.end()}
    if process.returncode:
        raise RuntimeError("".join(lines[-20:]))
    return found


def clone(commit: str, folder: Path) -> Path:
    """A clone of this repository at a commit, with this environment."""
    for command in (["clone", "-q", str(ROOT), str(folder)], ["-C", str(folder), "checkout", "-q", commit]):
        subprocess.run(["git", *command], check=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def measure(folder: Path, what: Sequence[str]) -> Measured:
    """Seconds, by name, for each of WHAT that is asked for; what comes later needs the book."""
    build = [".venv/bin/python", "book/pipeline.py"]
    rerun = [".venv/bin/rt", "run", PAGE, "-p", "eps", EPS, "-p", "results", "results/rerun"]
    found: Measured = {}
    if "book" in what:
        book = timed(build, folder, FIRST)
        found |= {"first book": book["first"], "whole book": book["seconds"], "memory, GB": book["memory"]}
    if "nothing" in what:
        found["nothing changed"] = timed(build, folder)["seconds"]
    if "prose" in what:
        page = folder / "notebooks" / "setting.md"
        page.write_text(page.read_text("utf-8") + "\nOne more sentence.\n", "utf-8")
        found["prose of one page"] = timed(build, folder)["seconds"]
    if "rerun" in what:
        new = timed(rerun, folder, ANSWER)
        found |= {"new eps, first answer": new.get("first", new["seconds"]), "new eps, full": new["seconds"]}
    if "same" in what:
        found["the same again"] = timed(rerun, folder)["seconds"]
    return found


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commits", nargs="+")
    parser.add_argument("--what", default=",".join(WHAT), help=f"some of {', '.join(WHAT)}")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as place:
        for commit in given.commits:
            found[commit] = measure(clone(commit, Path(place) / f"{len(found)}"), given.what.split(","))
            print(commit, {name: round(value, 1) for name, value in found[commit].items()}, file=sys.stderr, flush=True)
    base = found[given.commits[0]]
    ratios = {
        commit: {name: round(value / base[name], 3) for name, value in its.items() if base.get(name)}
        for commit, its in found.items()
    }
    show({"seconds": found, f"ratios to {given.commits[0]}": ratios}, given.json)


if __name__ == "__main__":
    main()
