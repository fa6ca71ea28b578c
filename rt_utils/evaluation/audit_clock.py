"""How much of an audit fits into the minutes that were asked for: a pass is timed, and the ladder of sizes cut.

`audit_budget` counts operations, so that every machine makes the same choice. Here the clock decides, so the choice is
this machine's, and another run may choose otherwise.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from rt_utils.evaluation import audit_budget
from rt_utils.evaluation.audit_budget import Size
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime.devices import device, placed
from rt_utils.runtime.errors import InputError

SPARE = 1.3  # what is planned may take longer by this factor


def seconds_a_pass(encoder: Encoder, *, images: int = 4, repeats: int = 3) -> float:
    """Seconds that one pass forward and back takes for one image: the fastest of a few on a small batch."""
    network, fastest = placed(encoder), float("inf")
    x = torch.rand(images, 3, encoder.input_size, encoder.input_size, device=device())
    for _ in range(repeats + 1):  # the first warms up
        started = time.perf_counter()
        point = x.clone().requires_grad_()
        network(point).sum().backward()
        if device().type == "cuda":
            torch.cuda.synchronize()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest / images


@dataclass
class Clock:
    """The time that was asked for, in seconds, and what was found out on the way about how long things take.

    pace: by how much what was timed took longer than what a pass alone let expect.
    """

    seconds: float
    workers: int
    started: float = field(default_factory=time.perf_counter)
    pace: float = 1.0

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


def sizes(asked: Mapping[str, Any], labelled: bool) -> list[tuple[Size, float]]:
    """The ladder's sizes without reference sets, and the passes that each takes, with the checks at five radii."""
    rungs = [size | {"references": 0} for size in audit_budget.rungs(asked)]
    return [(size, audit_budget.passes(size, 5, labelled)) for size in rungs]


def choose(
    clock: Clock,
    seconds: float,
    per_pass: float,
    asked: Mapping[str, Any],
    *,
    labelled: bool,
    name: str,
    or_smallest: bool = False,
) -> tuple[Size, float, int]:
    """The first size that should fit into `seconds`, its passes, and its rung (0: what was asked for).

    Where none fits, the smallest with `or_smallest`, else raises InputError with the minutes that would be enough.
    """
    ladder = sizes(asked, labelled)
    for rung, (size, passes) in enumerate(ladder):
        if clock.expected(passes, per_pass) <= seconds:
            return size, passes, rung
    if or_smallest:
        return (*ladder[-1], len(ladder) - 1)
    needed = clock.seconds / 60 * clock.expected(ladder[-1][1], per_pass) / max(seconds, 1e-9)
    raise InputError(
        f"--minutes {clock.seconds / 60:g} is too short for {name} on this machine: "
        f"the smallest audit needs about --minutes {math.ceil(1.1 * needed)}"
    )
