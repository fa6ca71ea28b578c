"""The control's kept run: no representation beside encoders, on the embedded data sets, under clean and robust heads.

`python -m rt_utils.training.control FOLDER` writes embedded.json there; the book keeps it in book/reference/control.
With a second word, photographs, it is Fashion-MNIST and CIFAR-10 (JPEG) without an encoder, and photographs.json; the
data lie below $RT_DATA. What a seed has found is kept in FOLDER too, so a stopped run goes on where it was.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
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
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat
from rt_utils.training.adversarial_finetuning import Inner, adversarial_probe

ENCODERS = ("embedded/robust",)
DATA = ("digits", "digits:stretched", "textures", "glyphs")
RADII = tuple(k / 255 for k in (2, 4, 8))
SEEDS = (0, 1, 2)
N_TRAIN, N_TEST, N_ADVERSARIAL = 4000, 128, 500  # images that fit clean heads, are tested, fit adversarial heads
PAPER, WORST_EPOCHS, GREY = ProbeSettings(20, 0.01), 10, "fashion-mnist"
PROBE = ProbeSettings()  # the book's: 60 epochs at rate 0.1
EPOCHS, STEPS = 8, 2  # of the adversarially trained heads, at PROBE's rate, for the largest of RADII


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


def without_encoder(data: DataSet, seed: int) -> Iterator[dict[str, object]]:
    """Exact rows: the clean-trained head, and the head trained on the exact worst case at the largest radius."""
    for name in SIDES:
        yield from control.rows(data, name, RADII, replace(PROBE, seed=seed), worst=RADII[-1:])


def with_encoder(name: str, data: DataSet, seed: int) -> Iterator[dict[str, object]]:
    """Rows by attacks, so upper bounds: the clean-trained head, and one trained adversarially at the largest radius."""
    encoder = load_encoder(name)
    (clean,) = fit_probes([(encoder, data)], replace(PROBE, seed=seed), workers=1)
    few = Split(data.train.images[:N_ADVERSARIAL], data.train.required_labels()[:N_ADVERSARIAL])
    inner = Inner(Threat("linf", RADII[-1]), STEPS, batch=PROBE.batch)
    robust = adversarial_probe(encoder, replace(data, train=few), inner, lr=PROBE.lr, epochs=EPOCHS, seed=seed)
    for how, head in ((control.CLEAN, clean), (f"adversarial at {255 * RADII[-1]:g}/255", robust)):
        for eps in RADII:
            (m,) = measure([(encoder, head, data)], Threat("linf", eps), plan(seed), workers=1)
            points = table(m)
            right = points.label == points.predicted
            shares = {"clean acc.": right, "robust acc.": ~points.wrong, "fulfilled": points.fulfilled}
            shares["fulfilled and right"] = points.fulfilled & right
            yield {
                **{"encoder": name, "data": data.name, "channels": "", "seed": seed, "n": len(points), "head": how},
                **{"eps": eps},
                **{what: float(values.mean()) for what, values in shares.items()},
            }


def photographs(data: DataSet, seed: int) -> Iterator[dict[str, object]]:
    """Exact rows by the paper's recipe: clean-trained heads, one also in three equal channels, and worst-case heads."""
    settings, three = replace(PAPER, seed=seed), list(control.CHANNELS)[1]
    for name in SIDES:
        yield from control.rows(data, name, RADII, settings, worst=RADII[-1:], worst_epochs=WORST_EPOCHS)
    if data.name == GREY:
        yield from control.rows(data, "pixels", RADII, settings, channels=three)


def everything(data: DataSet, seed: int) -> Iterator[dict[str, object]]:
    """The rows of one embedded data set and seed."""
    yield from without_encoder(data, seed)
    for name in ENCODERS:
        yield from with_encoder(name, data, seed)


def main(folder: Path, kind: str = "embedded") -> None:
    """Compute what is missing, write embedded.json, or photographs.json."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, Any]] = []
    own = {"n_train": N_TRAIN, "n_test": N_TEST} if kind == "embedded" else {"n_train": 60_000, "n_test": 10_000}
    names, rows_of = (DATA, everything) if kind == "embedded" else ((GREY, "cifar10-jpeg"), photographs)
    for seed in SEEDS:
        for name in names:
            path = folder / f"control_{name.replace(':', '_')}_{seed}.json"
            if not path.is_file():
                rows = list(rows_of(load_data_set(name, size=32, seed=seed, **own), seed))
                with whole_file(path) as partial:
                    partial.write_text(json.dumps(rows) + "\n", "utf-8")
            parts += json.loads(path.read_text("utf-8"))
            settings = own | {"n_adversarial": N_ADVERSARIAL, "epochs": EPOCHS, "steps": STEPS}
            with whole_file(folder / f"{kind}.json") as partial:
                partial.write_text(json.dumps({"settings": settings, "rows": parts}, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
