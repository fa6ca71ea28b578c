"""How far a sweep is, by the files that its cells leave: so it does not matter where the jobs run."""

from pathlib import Path

from rt_utils.pages.sweep.places import Places
from rt_utils.runtime.progress import Progress


class Watch:
    """What the cells' files say, told to the progress line: which began, ended, failed."""

    def __init__(self, places: Places, run: Path, names: list[str], made: dict[str, str], known: list[float]) -> None:
        self.places, self.run, self.waiting, self.made, self.known = places, run, list(names), made, known
        self.begun: set[str] = set()

    def look(self, progress: Progress) -> None:
        """To be called often."""
        for name in [name for name in self.waiting if (self.run / "running" / name).exists()]:
            if name not in self.begun:
                self.begun.add(name)
                progress.take(f"running {name}")
        for name in list(self.waiting):
            if self.places.done(name, self.made):
                self.waiting.remove(name)
                self.known.append(self.places.seconds(name) or 0.0)
                progress.times.update(dict.fromkeys(self.waiting, sum(self.known) / len(self.known)))
                progress.take(f"wrote cells/{name}")
            elif self.places.reason(name).exists():
                self.waiting.remove(name)
                progress.take(f"rt: {name}: {self.places.reason(name).read_text('utf-8').strip()}")
