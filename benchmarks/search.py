"""A page's search against the one that it took before: what both find, and how many gradients a point that costs.

Run: python benchmarks/search.py [--points N] [--seeds K] [--json FILE]. Before: five runs of 12 steps from random
corners, the best refined by 60 steps for the shift and by 100 for the loss. Now: successive halving, the loss from what
the shift's search found. Both through `search_representation` and `search_loss`, as pages call them.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from ratios import show
from torch import Tensor, nn

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find, best
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan, search_loss, search_representation
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat

ENCODERS = ("embedded/robust", "embedded/standard", "embedded/random")
DATA = ("digits", "glyphs", "textures")
THREATS = (Threat("linf", 8 / 255), Threat("l2", 0.5))
RESTARTS, STEPS = 5, 100  # a page's defaults


class Counting:
    """Counts the images that pass through an encoder with a gradient."""

    def __init__(self, encoder: Encoder) -> None:
        self.images = 0
        self.handle = encoder.register_forward_pre_hook(self)

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if torch.is_grad_enabled() and inputs[0].requires_grad:
            self.images += len(inputs[0])


def plans(seed: int) -> dict[str, AttackPlan]:
    """The attacks of a page, as they were and as they are, and nothing that checks them."""
    was = PGDSettings(12, RESTARTS, refine=60, seed=seed), PGDSettings(12, RESTARTS, refine=100, seed=seed)
    now = HalvingSettings.of_shift(RESTARTS, STEPS, seed=seed), HalvingSettings.of_loss(RESTARTS, STEPS, seed=seed)
    none: dict[str, Any] = {"predicted": PGDSettings(steps=0), "floor_points": 0, "apgd_points": 0}
    return {"before": AttackPlan(*was, **none), "now": AttackPlan(*now, **none)}


def searched(
    encoder: Encoder, head: Head, data: DataSet, threat: Threat, plan: AttackPlan
) -> tuple[list[Find], int, int]:
    """Everything found, and the gradients of the search for the shift and of that for the loss."""
    counting, x = Counting(encoder), data.test.images
    found = search_representation(encoder, x, threat, "representation", plan.representation)
    on_shift, start = counting.images, found[-1].delta
    found += search_loss(encoder, head, x, data.test.required_labels(), threat, plan, 0, start)
    counting.handle.remove()
    return found, on_shift, counting.images - on_shift


def compare(
    points: int,
    seeds: int,
    encoders: Sequence[str] = ENCODERS,
    data_sets: Sequence[str] = DATA,
    threats: Sequence[Threat] = THREATS[:1],
    n_train: int = 1000,
) -> pd.DataFrame:
    """Per encoder, data set, threat: now over before, for the mean shift and the mean loss gap, over all seeds."""
    rows = []
    for name, its, threat in product(encoders, data_sets, threats):
        encoder = load_encoder(name)
        data = load_data_set(its, size=encoder.input_size, n_train=n_train, n_test=points)
        (head,) = fit_probes([(encoder, data)], ProbeSettings(), workers=1)
        z, y = encoder.features(data.test.images), data.test.required_labels()
        sums: dict[str, float] = {}
        for seed in range(seeds):
            for when, plan in plans(seed).items():
                found, *gradients = searched(encoder, head, data, threat, plan)
                columns = best(head, z, y, found, {})
                gap = columns["loss_page"] - best(head, z, y, [], {})["loss_page"]
                for what, value in (("shift", columns["shift_page"]), ("gap", gap)):
                    sums[f"{what} {when}"] = sums.get(f"{what} {when}", 0) + value.mean().item() / seeds
                for what, count in zip(("shift", "loss"), gradients, strict=True):
                    sums[f"gradients, {what}, {when}"] = count / points
        ratios = {f"{what} ratio": sums[f"{what} now"] / sums[f"{what} before"] for what in ("shift", "gap")}
        rows.append({"encoder": name, "data": its, "threat": str(threat), **ratios, **sums})
        print(pd.DataFrame(rows[-1:]).round(4).to_string(header=len(rows) == 1), file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = compare(given.points, given.seeds, threats=THREATS)
    sums = rows.groupby(["threat", "data"]).sum(numeric_only=True)
    means = rows.groupby(["threat", "data"])[["shift ratio", "gap ratio"]].mean().add_suffix(", mean of encoders")
    means["shift, summed"], means["gap, summed"] = (sums[f"{w} now"] / sums[f"{w} before"] for w in ("shift", "gap"))
    print(means.round(4).to_string())
    names = [f"{data}, {threat}" for threat, data in means.index]
    by_data = dict(zip(names, means.to_dict("records"), strict=True))
    found = {"points": given.points, "seeds": given.seeds, "by data set": by_data, "rows": rows.to_dict("records")}
    show(found, given.json)


if __name__ == "__main__":
    main()
