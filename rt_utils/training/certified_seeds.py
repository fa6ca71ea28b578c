"""Which seed of `embedded/certified` ships: three are trained, letters that no page reports decide, all are recorded.

`python -m rt_utils.training.certified_seeds FOLDER` trains what FOLDER does not hold yet, and writes the record there.
`make encoders` trains the seed that ships alone.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.certified_shares import over_radii
from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import Split, split_of
from rt_utils.images.drawn import letters
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.networks.certified_network import CertifiedNetwork
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat
from rt_utils.training.cards import certified_accuracies, versions
from rt_utils.training.embedded_encoders import write_encoder
from rt_utils.training.embedded_recipes import RECIPES

SEEDS = (0, 1, 2)
RADII = (1 / 255, 2 / 255, 4 / 255, 8 / 255)
DATA = ("numerals", "digits:coloured", "digits", "letters", "textures")
PROBE = ProbeSettings()
PLAN = AttackPlan(
    PGDSettings(steps=40), PGDSettings(steps=40, restarts=3), PGDSettings(steps=10), floor_points=0, apgd_points=0
)
CHOICE = "merged"  # the share right and certified in this way ...
CHOICE_RADIUS = "2/255"  # ... at this radius ...
CHOICE_STREAM = 3  # ... of letters of this stream, which no page and no card reports


def validation(n: int) -> tuple[Split, Split]:
    """Letters for a probe and letters that decide: the first half of a stream of their own, and the other half."""
    images, labels = letters.draw_many(2 * n, seed=0, stream=CHOICE_STREAM)
    return split_of(images[:n], labels[:n]), split_of(images[n:], labels[n:])


def held_out(encoder: Encoder, n: int, probe: ProbeSettings) -> dict[str, dict[str, float]]:
    """What is right and certified of the letters that decide, with a probe on the others of their stream."""
    train, test = validation(n)
    head = linear_probe(encoder.features(train.images), train.required_labels(), len(letters.CLASSES), probe)
    return certified_accuracies(encoder, head, test)


def load(folder: Path, seed: int) -> tuple[Encoder, dict[str, Any]]:
    """The encoder of that seed with its card, trained now where `folder` lacks it."""
    name = f"certified-seed{seed}"
    if not (folder / f"{name}.json").is_file():
        write_encoder(name, replace(RECIPES["certified"], seed=seed), folder)
    card: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    network = CertifiedNetwork()
    network.load_state_dict(load_file(folder / f"{name}.safetensors"))
    size, width = network.input_size, network.width
    return Encoder(name, network, input_size=size, width=width, weights_sha256=card["sha256"]), card


def record(
    encoders: Sequence[tuple[Encoder, dict[str, Any]]],
    *,
    data: Sequence[str] = DATA,
    radii: Sequence[float] = RADII,
    n_train: int = 4000,
    n_test: int = 500,
    plan: AttackPlan = PLAN,
    probe: ProbeSettings = PROBE,
) -> dict[str, Any]:
    """Each seed's figures, on the letters that decide and on every data set, and which seed was chosen."""
    seeds = []
    for encoder, card in encoders:
        pairs = [(encoder, load_data_set(n, size=encoder.input_size, n_train=n_train, n_test=n_test)) for n in data]
        found = over_radii(pairs, [Threat("linf", eps) for eps in radii], probe, probe, plan, workers=1)
        rows = found.drop(columns="encoder").round(5).to_dict("records")
        its = {"seed": card["recipe"]["seed"], "held out": held_out(encoder, 2 * n_test, probe)}
        seeds.append(its | {"sha256": card["sha256"], "training_seconds": card["training_seconds"], "transfer": rows})
    chosen = max(seeds, key=lambda its: its["held out"][CHOICE_RADIUS][CHOICE])
    return {
        "chosen": chosen["seed"],
        "by": f"right and certified ({CHOICE}) at {CHOICE_RADIUS}, of letters of stream {CHOICE_STREAM}",
        "n_train": n_train,
        "attacks": {"loss": str(plan.loss), "representation": str(plan.representation)},
        "probe": str(probe),
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "seeds": seeds,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure, write certified_seeds.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the weights and the record are, or go")
    folder = parser.parse_args(arguments).folder
    content = record([load(folder, seed) for seed in SEEDS])
    with whole_file(folder / "certified_seeds.json") as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(f"seed {content['chosen']}: wrote {folder / 'certified_seeds.json'}")


if __name__ == "__main__":
    main()
