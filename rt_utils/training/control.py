"""The control's kept run: no representation beside encoders, under clean and robust heads.

`python -m rt_utils.training.control FOLDER` writes embedded.json there; the book keeps it in book/reference/control.
With a second word, photographs, it is natural images under the paper's recipe, and photographs.json; the data lie below
$RT_DATA. What a seed has found on a data set is kept in FOLDER too, so a stopped run goes on where it was.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rt_utils.evaluation import control
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import table
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.no_representation import SIDES
from rt_utils.runtime.errors import unknown
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat
from rt_utils.training.adversarial_finetuning import Inner, adversarial_probe

THREATS = tuple(Threat("linf", k / 255) for k in (2, 4, 8))
SEEDS = (0, 1, 2)
GREY = "fashion-mnist"
ADVERSARIAL = Inner(THREATS[-1], steps=2)
RATE, EPOCHS = 0.1, 8  # of the adversarially trained heads


@dataclass(frozen=True)
class World:
    """Data sets and the encoder beside the control on each, and how heads are trained.

    Images: `n_train` train heads, `n_test` are tested, the first `n_attacked` of them where an encoder is attacked,
    `n_adversarial` train an adversarial head; `worst_epochs`: of the heads for the exact worst case.
    """

    encoders: dict[str, str]
    probe: ProbeSettings
    worst_epochs: int
    n_train: int
    n_test: int
    n_attacked: int
    n_adversarial: int

    def settings(self) -> dict[str, object]:
        """What the record says of them."""
        said = {"n_train": self.n_train, "n_test": self.n_test, "n_attacked": self.n_attacked}
        own = {"epochs": self.probe.epochs, "lr": self.probe.lr, "worst_epochs": self.worst_epochs}
        inner = {"epochs": EPOCHS, "lr": RATE, "steps": ADVERSARIAL.steps, "n_train": self.n_adversarial}
        return {**said, **own, "batch": self.probe.batch, "adversarial": inner}


_ROBUST = dict.fromkeys(("digits", "digits:stretched", "digits:coloured", "textures", "glyphs"), "embedded/robust")
WORLDS = {  # by the book's own probe, and by the paper's recipe
    "embedded": World(_ROBUST | {"numerals": "embedded/certified"}, ProbeSettings(), 60, 4000, 500, 500, 500),
    "photographs": World(
        dict.fromkeys((GREY, "cifar10-jpeg", "tinyimagenet100"), "natural/robust"),
        ProbeSettings(20, 0.01),
        *(10, 60_000, 10_000, 256, 5000),
    ),
}


def plan(seed: int) -> AttackPlan:
    """PGD on the shift, the cross-entropy and the margin at every point, APGD on the first 64."""
    return AttackPlan(
        representation=PGDSettings(steps=20, seed=seed),
        loss=PGDSettings(steps=20, seed=seed + 1),
        margin=HalvingSettings.of_margin(2, 70, seed=seed + 2),
        floor_points=0,
        apgd_steps=30,
        apgd_points=64,
    )


def without_encoder(world: World, data: DataSet, seed: int) -> Iterator[dict[str, object]]:
    """Exact rows: the clean-trained head, and the head for the exact worst case at the largest radius."""
    settings, three = replace(world.probe, seed=seed), list(control.CHANNELS)[1]
    for name in SIDES:
        yield from control.rows(data, name, THREATS, settings, worst=THREATS[-1:], worst_epochs=world.worst_epochs)
    if data.name == GREY:
        yield from control.rows(data, "pixels", THREATS, settings, channels=three)


def with_encoder(world: World, name: str, data: DataSet, seed: int) -> Iterator[dict[str, object]]:
    """Rows by attacks, so upper bounds: the clean-trained head, and one trained adversarially at the largest radius."""
    encoder, n = load_encoder(name), world.n_adversarial
    (clean,) = fit_probes([(encoder, data)], replace(world.probe, seed=seed), workers=1)
    few = Split(data.train.images[:n], data.train.required_labels()[:n])
    robust = adversarial_probe(encoder, replace(data, train=few), ADVERSARIAL, lr=RATE, epochs=EPOCHS, seed=seed)
    for how, head in ((control.CLEAN, clean), (f"adversarial at {255 * THREATS[-1].eps:g}/255", robust)):
        for threat in THREATS:
            (m,) = measure([(encoder, head, data)], threat, plan(seed), workers=1)
            points = table(m)
            right = points.label == points.predicted
            shares = {"clean acc.": right, "robust acc.": ~points.wrong, "fulfilled": points.fulfilled}
            shares["fulfilled and right"] = points.fulfilled & right
            yield {
                **{"encoder": name, "data": data.name, "channels": "", "seed": seed, "n": len(points), "head": how},
                **{"eps": threat.eps},
                **{what: float(values.mean()) for what, values in shares.items()},
            }


def rows(world: World, name: str, seed: int) -> Iterator[dict[str, object]]:
    """Those of one data set and seed."""
    load = partial(load_data_set, name, size=32, seed=seed, n_train=world.n_train)
    yield from without_encoder(world, load(n_test=world.n_test), seed)
    yield from with_encoder(world, world.encoders[name], load(n_test=world.n_attacked), seed)


def main(folder: Path, kind: str = "embedded") -> None:
    """Compute what is missing, write embedded.json, or photographs.json. Raises InputError for another kind."""
    if kind not in WORLDS:
        raise unknown("kind", kind, tuple(WORLDS))
    folder.mkdir(parents=True, exist_ok=True)
    world, parts = WORLDS[kind], list[dict[str, Any]]()
    for seed in SEEDS:
        for name in world.encoders:
            path = folder / f"control_{name.replace(':', '_')}_{seed}.json"
            if not path.is_file():
                found = list(rows(world, name, seed))
                with whole_file(path) as partial:
                    partial.write_text(json.dumps(found) + "\n", "utf-8")
            parts += json.loads(path.read_text("utf-8"))
            with whole_file(folder / f"{kind}.json") as partial:
                record = {"settings": world.settings(), "rows": parts}
                partial.write_text(json.dumps(record, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
