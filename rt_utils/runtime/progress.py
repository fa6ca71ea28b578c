"""What `make book` and `rt sweep` say while they run: what runs, what is done, how long it may still take.

It follows the lines that Snakemake and `rt` write. What it does not know, such as an error, is shown as it stands.
"""

import re
import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

TO_RUN = "to run:"  # the Snakefile says so before the first chapter starts, with their names
MINUTE = 60.0
_STARTED = re.compile(r"running (\S+)$")
_DONE = re.compile(r"wrote (?:chapters|cells)/(\S+?)(?:\.ipynb)?$")
_FAILED = re.compile(r"rt: (\S+): ")


def clock_of(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock_of(83.4)
    '1:23'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class Progress:
    """A line at the foot of a terminal; elsewhere a line for each start and end, and one a minute.

    `times` are the seconds that chapters, or a sweep's cells, took before, `at_once` how many run at the same time;
    `idle` is what to say where nothing runs: before the first has begun, and after one is done.
    """

    def __init__(
        self,
        times: dict[str, float],
        at_once: int = 2,
        out: Any = sys.stdout,
        err: Any = sys.stderr,
        clock: Callable[[], float] = time.monotonic,
        idle: tuple[str, str] = ("looking for what is out of date", "putting the pages together"),
    ) -> None:
        self.idle = idle
        self.times, self.at_once, self.out, self.err, self.clock = times, at_once, out, err, clock
        self.waiting: list[str] = []
        self.running: dict[str, float] = {}  # since when
        self.done: list[str] = []
        self.began = self.spoke = clock()
        self.bar = tqdm(file=out, bar_format="{desc}", dynamic_ncols=True, disable=not out.isatty(), leave=False)

    def take(self, line: str) -> None:
        """One line of what the build says."""
        if line.startswith(TO_RUN):
            self.waiting = line.removeprefix(TO_RUN).split()
        elif found := _STARTED.match(line):
            self.running[found[1]] = self.clock()
            self.waiting = [name for name in self.waiting if name != found[1]]
            self._say(f"{found[1]}: started")
        elif found := _DONE.match(line):
            took = self.clock() - self.running.pop(found[1], self.clock())
            self.done.append(found[1])
            self._say(f"{found[1]}: done after {clock_of(took)}; {self._how_far()}")
        else:
            if found := _FAILED.match(line):
                self.running.pop(found[1], None)
            self._say(line, self.err)

    def tick(self) -> None:
        """To be called often: moves the terminal's line, or says once a minute what runs."""
        if not self.bar.disable:
            self.bar.set_description_str(self.status())
        elif self.clock() - self.spoke >= MINUTE:
            self._say(self.status())

    def close(self) -> None:
        """The terminal's line goes."""
        self.bar.close()

    def status(self) -> str:
        """What goes on, in one line."""
        now = self.clock()
        if self.running:
            chapters = ", ".join(f"{name} {clock_of(now - since)}" for name, since in self.running.items())
            return f"{self._how_far()}; running {chapters}"  # a narrow terminal cuts off the end
        what = self.idle[bool(self.done)]
        return f"{what} {clock_of(now - self.spoke)}" if not self.bar.disable else what

    def left(self) -> float | None:
        """Seconds that are left by the times of before; None where one of them is not known."""
        now = self.clock()
        names = [*self.waiting, *self.running]
        if any(name not in self.times for name in names):
            return None
        each = [max(self.times[name] - (now - self.running.get(name, now)), 0) for name in names]
        return max(sum(each) / self.at_once, max(each, default=0))

    def _how_far(self) -> str:
        """How many of the chapters are done, and how long the others take."""
        far = f"{len(self.done)} of {len(self.done) + len(self.running) + len(self.waiting)} done"
        seconds = self.left()
        if not self.running and not self.waiting:
            return far
        if seconds is None:
            return f"{far}, no times of an earlier run to tell how long"
        return f"{far}, about {seconds / 60:.0f} min left" if seconds >= MINUTE else f"{far}, less than a minute left"

    def _say(self, line: str, file: Any = None) -> None:
        self.spoke = self.clock()
        self.bar.clear()
        print(line, file=file or self.out, flush=True)
        self.bar.refresh()
