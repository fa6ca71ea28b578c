"""How much of an audit fits into the minutes that were asked for: a pass is timed, and the ladder of sizes cut.

`audit_budget` counts operations, so that every machine makes the same choice. Here the clock decides, so the choice is
this machine's, and another run may choose otherwise.
"""

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from rt_utils.evaluation import audit_budget, audit_checks
from rt_utils.evaluation.audit_budget import Size
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime import processes
from rt_utils.runtime.devices import device, placed
from rt_utils.runtime.errors import InputError

SPARE = 1.3  # what is planned may take longer by this factor
FEWEST = 8  # images, below which nothing is attacked
# Smaller than any of the ladder's sizes, for encoders of which a pass takes a good part of a second.
LAST = {"n_test": FEWEST, "restarts": 1, "steps": 10, "floor_points": 2, "strong_restarts": 1, "strong_steps": 20}
LAST |= {"apgd_points": 2, "apgd_steps": 10, "checked": 2}
TRAINED = (1000, 500, 300, 200, 100, 50)  # images that fit the probe


def _timed(encoder: Encoder, images: int, repeats: int) -> float:
    network, times = placed(encoder), list[float]()
    x = torch.rand(images, 3, encoder.input_size, encoder.input_size, device=device())
    for _ in range(repeats + 1):  # the first warms up
        started = time.perf_counter()
        point = x.clone().requires_grad_()
        network(point).sum().backward()
        if device().type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:]) / images


def _all_timed(encoders: Sequence[Encoder], images: int, repeats: int) -> list[float]:
    """One job for all encoders: only the first waits for its process to start, so the others run beside each other."""
    return [_timed(encoder, images, repeats) for encoder in encoders]


def seconds_a_pass(encoders: Sequence[Encoder], workers: int, *, images: int = 4, repeats: int = 3) -> list[float]:
    """Seconds that a pass forward and back takes for one image, in each encoder: the median of a few on a small batch.

    In all processes at once, as attacks run, since they share the machine's memory; the slowest process counts.
    """
    jobs = [(_all_timed, (list(encoders), images, repeats))] * max(1, workers)
    return [max(times) for times in zip(*processes.run(jobs, workers), strict=True)]


@dataclass
class Clock:
    """The time that was asked for, in seconds, and what was found out on the way about how long things take.

    pace: by how much what was timed took longer than what a pass alone let expect; fixed: seconds that went into
    loading and timing, which more minutes would not make more.
    """

    seconds: float
    workers: int
    started: float = field(default_factory=time.perf_counter)
    pace: float = 1.0
    fixed: float = 0.0

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    @property
    def left(self) -> float:
        """Seconds that are left; negative after the end."""
        return self.seconds - self.spent

    def expected(self, passes: float, per_pass: float) -> float:
        """Seconds that so many passes will take, by what is known now."""
        return passes * per_pass / self.workers * self.pace * SPARE

    def learn(self, took: float, passes: float, per_pass: float) -> None:
        """Note how long so many passes took. The pace only slows down: what the cache held proves nothing."""
        self.pace = max(self.pace, min(10.0, took / max(passes * per_pass / self.workers, 1e-9)))


def passes(size: Size, labelled: bool, workers: int) -> float:
    """Passes forward and back of one image, over all attacks and checks of an audit, without the probe's features.

    What one process does alone counts for all of them.
    """
    total = audit_budget.passes(size | {"references": 0, "n_train": 0}, 5, labelled)
    if labelled:  # nothing is aimed at the head's own subspace
        total -= size["n_test"] * (12 * min(2, size["restarts"]) + math.ceil(0.3 * size["steps"]))
    k = size["checked"]
    return total + workers * (k * (k + audit_checks.NOISE) / 3 + 3 * k)


def sizes(asked: Mapping[str, Any]) -> list[Size]:
    """The ladder's sizes without reference sets, and a last, smaller one."""
    ladder = audit_budget.rungs(asked)
    last = {what: min(ladder[-1][what], LAST.get(what, ladder[-1][what])) for what in ladder[-1]}
    return [size | {"references": 0} for size in (*ladder, last)]


def trained(clock: Clock, seconds: float, per_pass: float, asked: int) -> list[int]:
    """How many images may fit the probe: first as many as `seconds` allow, at least the fewest, then more."""
    ladder = [n for n in TRAINED if n < asked]
    fits = [n for n in (asked, *ladder) if clock.expected(n / 3, per_pass) <= seconds]
    first = max(fits, default=min((asked, *ladder)))
    return sorted(n for n in (asked, *ladder) if n >= first)


def parts(
    clock: Clock, seconds: float, rates: Sequence[float], asked: Mapping[str, Any], *, labelled: bool
) -> list[float]:
    """Seconds for each encoder, of `rates` seconds a pass: equal, but a fast one leaves what it does not need."""
    found, left = [0.0] * len(rates), seconds
    full = passes(sizes(asked)[0], labelled, clock.workers)
    for taken, i in enumerate(sorted(range(len(rates)), key=lambda i: rates[i])):
        found[i] = left / (len(rates) - taken)
        left -= min(found[i], clock.expected(full, rates[i]))
    return found


def choose(
    clock: Clock,
    seconds: float,
    per_pass: float,
    asked: Mapping[str, Any],
    *,
    labelled: bool,
    name: str,
    smallest_within: float = -math.inf,
) -> tuple[Size, float, int]:
    """The first size that should fit into `seconds`, its passes, and its rung (0: what was asked for).

    It gets as many images as fit besides, up to those of the size before it. Where none fits, the smallest if that fits
    into `smallest_within` seconds, else raises InputError with the minutes that would be enough.
    """
    ladder = sizes(asked)
    for rung, size in enumerate(ladder):
        most = ladder[max(rung - 1, 0)]["n_test"]
        counts = [passes(size | {"n_test": n}, labelled, clock.workers) for n in (0, 1)]
        spare = seconds / clock.expected(1, per_pass) - counts[0]
        n = min(most, int(spare / (counts[1] - counts[0])))
        if n >= size["n_test"]:
            chosen = size | {"n_test": n}
            return chosen, passes(chosen, labelled, clock.workers), rung
    least, most_seconds = passes(ladder[-1], labelled, clock.workers), max(seconds, smallest_within)
    if clock.expected(least, per_pass) <= most_seconds:
        return ladder[-1], least, len(ladder) - 1
    share = most_seconds / (clock.seconds - clock.fixed or 1e-9)  # both are negative where loading took all the time
    needed = (clock.fixed + clock.expected(least, per_pass) / max(share, 1e-9)) / 60
    raise InputError(
        f"--minutes {clock.seconds / 60:g} is too short for {name} on this machine: "
        f"the smallest audit needs about --minutes {math.ceil(1.1 * needed)}"
    )
