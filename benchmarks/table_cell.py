"""One cell of Table 1 end to end, from an encoder's and a data set's name to its row: this book's way and the paper's.

Run: python benchmarks/table_cell.py [--points N] [--rounds R] [--json FILE]. The paper's way: a probe of 20 epochs
whose every batch passes through the encoder, then PGD of 20 constant steps from one start on the cross-entropy and on
the representation. This book's: features once, a page's searches at their defaults. Seconds are the processor's own, so
that other work does not count; beside them the gradients a point and both rows, since the book's way finds more.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from ratios import show

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import best
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.evaluation.search import AttackPlan, search_loss, search_representation
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat
from rt_utils.training.train_mode_probe import probe_on_images, with_batch_norm

PAPER, BOOK = "the paper's way", "this book's way"
THREAT, STEPS = Threat("linf", 8 / 255), 20
NONE: dict[str, Any] = {"floor_points": 0, "apgd_points": 0}


def plans() -> dict[str, AttackPlan]:
    """The attacks of both ways."""
    pgd = PGDSettings(STEPS, rel_stepsize=0.7, decay=False)
    page = HalvingSettings.of_shift(5, 100), HalvingSettings.of_loss(5, 100)
    margin = HalvingSettings.of_margin(5, 100)
    return {PAPER: AttackPlan(pgd, pgd, PGDSettings(0), **NONE), BOOK: AttackPlan(*page, margin=margin, **NONE)}


def fitted(way: str, encoder: Encoder, data: DataSet) -> Head:
    """The probe, each way with its own settings."""
    y, classes = data.train.required_labels(), len(data.classes)
    if way == BOOK:
        return linear_probe(encoder.features(data.train.images), y, classes, ProbeSettings())
    network = with_batch_norm(encoder)
    assert network is not None
    return probe_on_images(network, data.train, classes, ProbeSettings(STEPS, 0.01), train_mode=False)


def cell(way: str, points: int, n_train: int) -> dict[str, float]:
    """The row, and the seconds of its three parts."""
    clock, seconds = time.process_time, {}
    begun = clock()
    encoder = load_encoder("embedded/robust")
    data = load_data_set("digits", size=encoder.input_size, n_train=n_train, n_test=points)
    seconds["seconds, loading"], begun = clock() - begun, clock()
    head = fitted(way, encoder, data)
    seconds["seconds, probe"], begun = clock() - begun, clock()
    plan, x, y = plans()[way], data.test.images, data.test.required_labels()
    found = search_representation(encoder, x, THREAT, "representation", plan.representation)
    found += search_loss(encoder, head, x, y, THREAT, plan, 0, found[-1].delta)
    columns = best(head, encoder.features(x), y, found, {})
    seconds["seconds, attacks"] = clock() - begun
    clean = best(head, encoder.features(x), y, [], {})
    row = {
        "clean acc.": 1 - clean["wrong"].double().mean().item(),
        "robust acc.": 1 - columns["wrong"].double().mean().item(),
        "loss gap": (columns["loss_page"] - clean["loss_page"]).mean().item(),
        "AS score": columns["shift_page"].mean().item(),
    }
    return row | seconds | {"seconds": sum(seconds.values())}


def measure(points: int, rounds: int, n_train: int = 1000) -> dict[str, dict[str, float]]:
    """Both ways in turn; medians, and the median ratio of the same round to the paper's way."""
    rows: dict[str, list[dict[str, float]]] = {PAPER: [], BOOK: []}
    work: Callable[[str], None] = lambda way: rows[way].append(cell(way, points, n_train))  # noqa: E731
    for turn in range(rounds):
        for way in sorted(rows, reverse=bool(turn % 2)):
            work(way)
    found = {way: {k: statistics.median(row[k] for row in its) for k in its[0]} for way, its in rows.items()}
    for way, its in rows.items():
        pairs = zip(its, rows[PAPER], strict=True)
        found[way]["ratio"] = statistics.median(one["seconds"] / base["seconds"] for one, base in pairs)
    return found


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(given.points, given.rounds)
    print(pd.DataFrame(found).T.round(4).to_string())
    show({"points": given.points, "rounds": given.rounds, "ways": found}, given.json)


if __name__ == "__main__":
    main()
