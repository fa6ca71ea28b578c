"""The linear probe against the released code's procedure, which sends every batch through the encoder in every epoch.

Run: python benchmarks/probe.py [--images N] [--epochs K] [--rounds R] [--json FILE]. Both take the same images in the
same batches for as many epochs. This book evaluates the features once. The released code leaves the encoder in train
mode; with its mode put right, which costs as much, both give one head; `apart` is by how much weights differ.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from ratios import against, in_turn, show

from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.training.train_mode_probe import probe_on_images, with_batch_norm


def measure(images: int, epochs: int, rounds: int, test: int = 500) -> dict[str, Any]:
    """Seconds for an image and epoch, the ratio to this book's probe, and what both heads are worth."""
    encoder = load_encoder("embedded/robust")
    data = load_data_set("digits", size=encoder.input_size, n_train=images, n_test=test)
    settings, classes, y = ProbeSettings(epochs, 0.01), len(data.classes), data.train.required_labels()
    network = with_batch_norm(encoder)
    assert network is not None  # shipped encoders have BatchNorm layers

    def on_features() -> Head:
        return linear_probe(encoder.features(data.train.images), y, classes, settings)

    def on_images(*, train_mode: bool) -> Head:
        changed = with_batch_norm(encoder)
        assert changed is not None
        return probe_on_images(changed, data.train, classes, settings, train_mode=train_mode)

    probes: dict[str, Callable[[], Head]] = {
        "this book's probe": on_features,
        "released procedure, mode put right": lambda: on_images(train_mode=False),
        "released procedure": lambda: on_images(train_mode=True),
    }

    def work(name: str) -> float:
        probes[name]()
        return images * epochs

    times = in_turn({name: partial(work, name) for name in probes}, rounds)
    ours, theirs = on_features(), on_images(train_mode=False)
    z, labels = encoder.features(data.test.images), data.test.required_labels()
    accuracy = {
        name: (head.logits(z).argmax(1) == labels).double().mean().item()
        for name, head in (("this book's probe", ours), ("released procedure, mode put right", theirs))
    }
    return {
        "setting": {"images": images, "epochs": epochs, "rounds": rounds, "threads": torch.get_num_threads()},
        "seconds for an image and epoch, and the ratio to this book's probe": against(times, "this book's probe"),
        "clean accuracy": accuracy,
        "apart": (ours.weight - theirs.weight).abs().max().item(),
    }


def main() -> None:
    """Measure on one thread, print a table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(given.images, given.epochs, given.rounds)
    loops = found["seconds for an image and epoch, and the ratio to this book's probe"]
    print(pd.DataFrame(loops).T.to_string())
    show(found, given.json)


if __name__ == "__main__":
    main()
