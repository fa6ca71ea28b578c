"""What an audit may cost: sizes of its attacks on a ladder, cut until they cost no more than a budget of operations.

Operations are counted, not timed, so that every machine makes the same choice.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from rt_utils.evaluation.audit_checks import NOISE
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime.errors import InputError

# What may be cut: its name for the page, what is asked for where no parameter says so, five sizes that cost less.
LADDER: dict[str, tuple[str, int | None, tuple[int, ...]]] = {
    "n_test": ("images attacked", None, (200, 100, 64, 40, 20)),
    "restarts": ("starts of the search for the loss; up to three more for the shift", None, (3, 2, 2, 1, 1)),
    "steps": ("steps, of which the last start takes a third", None, (50, 40, 20, 20, 10)),
    "floor_points": ("images with a stronger search", None, (24, 8, 4, 4, 2)),
    "strong_restarts": ("its restarts", 5, (5, 4, 3, 3, 2)),
    "strong_steps": ("its steps", 100, (60, 50, 48, 30, 24)),
    "apgd_points": ("images with APGD", None, (48, 24, 8, 6, 4)),
    "apgd_steps": ("its steps, for each loss", 100, (50, 40, 30, 20, 20)),
    "references": ("images of each reference set", 64, (48, 16, 8, 6, 4)),
    "checked": ("images for checks of the gradient", 24, (16, 8, 6, 4, 3)),
    "n_train": ("images that fit the probe, at most", None, (2000, 1000, 500, 300, 200)),
}
NEED_LABELS = ("apgd_points", "apgd_steps", "n_train")

Size = dict[str, int]


def rungs(asked: Mapping[str, Any]) -> list[Size]:
    """The sizes of an audit, from what is asked for down the ladder; never more than is asked for.

    `asked` may be all of a page's parameters; those of the ladder count.
    """
    top = {what: asked[what] if default is None else default for what, (_, default, _) in LADDER.items()}
    lower = [{what: min(top[what], row[rung]) for what, (_, _, row) in LADDER.items()} for rung in range(5)]
    return [top, *lower]


def passes(size: Size, radii: int, labelled: bool) -> float:
    """Forward and backward passes of one image, over all attacks; `radii`: at how many the attack is tried."""
    page = HalvingSettings.of_shift(size["restarts"], size["steps"]).passes
    strong = size["floor_points"] * size["strong_restarts"] * size["strong_steps"]
    total = size["n_test"] * (page + NOISE / 2) + 3 * size["references"] * page + strong
    total += size["checked"] * ((radii - 1) * page + 1) + 20 * size["apgd_points"]
    if labelled:
        on_loss = HalvingSettings.of_loss(size["restarts"], size["steps"]).passes
        on_margin = HalvingSettings.of_margin(size["restarts"], size["steps"]).passes
        total += size["n_test"] * (on_loss + on_margin + 20) + strong
        total += size["n_test"] * (12 * min(2, size["restarts"]) + math.ceil(0.3 * size["steps"]))  # head's subspace
        total += size["apgd_points"] * (20 + 2 * size["apgd_steps"]) + size["n_train"] / 2
    return total


def operations(encoder: Encoder) -> float:
    """Operations of a forward and a backward pass of one image, in units of 10^12."""
    counter = FlopCounterMode(display=False)
    with counter:
        image = torch.zeros(1, 3, encoder.input_size, encoder.input_size, requires_grad=True)
        encoder(image).sum().backward()
    return counter.get_total_flops() / 1e12


@dataclass(frozen=True)
class Budget:
    """The chosen `size` and its `rung` (0: what was asked for); costs in 10^12 operations, `per_pass` of one image."""

    asked: Size
    size: Size
    rung: int
    asked_cost: float
    cost: float
    per_pass: float
    labelled: bool

    def table(self) -> pd.DataFrame:
        """What was asked for, and what this run does."""
        rows = [
            {"number of": name, "asked for": self.asked[what], "this run": self.size[what]}
            for what, (name, _, _) in LADDER.items()
            if self.labelled or what not in NEED_LABELS
        ]
        return pd.DataFrame(rows)


def choose(encoder: Encoder, asked: Mapping[str, Any], budget: float, *, radii: int, labelled: bool) -> Budget:
    """The first rung whose attacks cost at most `budget`, in 10^12 operations. Raises InputError where none does."""
    per_pass, sizes = operations(encoder), rungs(asked)
    costs = [passes(size, radii, labelled) * per_pass for size in sizes]
    for rung, (size, cost) in enumerate(zip(sizes, costs, strict=True)):
        if cost <= budget:
            return Budget(sizes[0], size, rung, costs[0], cost, per_pass, labelled)
    raise InputError(
        f"budget {budget:g} is too small for {encoder.name}: "
        f"the smallest audit costs {costs[-1]:.3g} x 10^12 operations"
    )
