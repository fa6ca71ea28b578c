"""Robust encoders under the full AutoAttack, beside what the pages' own attacks find on the same points: kept records.

`python -m rt_utils.evaluation.autoattack_record` measures every set of SETS that book/reference/autoattack does not
hold yet, and enters each as it is done; with names behind it (embedded, public/cifar_wide_kw) those sets alone, so that
several processes can share the work. Finished batches lie in .cache/autoattack, and a stopped run goes on where it was.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.autoattack import CLEAN, Effort
from rt_utils.evaluation.autoattack_batches import Found, in_batches, versions
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, fingerprint, resized, split_of
from rt_utils.models import public
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError, unknown
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat

OWN, PROBE = "its own", "probe"


@dataclass(frozen=True)
class Set:
    """What is measured: an encoder on the first n test images of a data set, and how strong the pages' attacks are.

    eps: radius of the l_inf ball, in pixels of [0, 1].
    """

    encoder: str
    data: str
    eps: float
    n: int = 1000
    n_train: int = 4000  # images that fit the probe

    @property
    def world(self) -> str:
        """Which record it goes into."""
        return self.encoder.partition("/")[0]

    @property
    def head(self) -> str:
        """Networks that others trained have the head of their training, as on their cards; the others the probe."""
        return OWN if self.world == "public" else PROBE


_CIFAR = ("cifar_wide_kw", "cifar_base_kw", "cifar_deep_kw", "cifar_sgd_8px", "cifar_resnet2b", "cifar_resnet4b")
SETS = (
    Set("embedded/robust", "digits", 8 / 255, n=500),
    Set("embedded/robust", "glyphs", 8 / 255),
    Set("embedded/robust", "textures", 8 / 255),
    Set("embedded/certified", "numerals", 2 / 255, n_train=2000),  # the radius of its chapter
    Set("public/cifar_small_8px", "cifar10-jpeg", 2 / 255),
    Set("natural/robust", "fashion-mnist", 8 / 255),
    Set("natural/robust", "cifar10-jpeg", 8 / 255),
    Set("public/fashion_mnist", "fashion-mnist", 2 / 255),
    *(Set(f"public/{name}", "cifar10-jpeg", 2 / 255) for name in _CIFAR),
    Set("natural/robust", "tinyimagenet100", 8 / 255),
)


def plan(world: str, seed: int = 0) -> AttackPlan:
    """What Theorem 2's page runs in that world on every point, with the checks on its first points."""
    starts, steps, floor, apgd = (3, 60, 32, 64) if world == "public" else (5, 100, 64, 100)
    return AttackPlan(
        representation=HalvingSettings.of_shift(starts, steps, seed=seed),
        loss=HalvingSettings.of_loss(starts, steps, seed=seed),
        margin=HalvingSettings.of_margin(starts, steps, seed=seed),
        predicted=PGDSettings(steps=20, rel_stepsize=3.0, seed=seed + 100),
        paper=PGDSettings(steps=20, rel_stepsize=0.7, decay=False, seed=seed + 200),
        floor=PGDSettings(steps=100, restarts=5, seed=seed + 300),
        floor_points=floor,
        apgd_points=apgd,
    )


def images(its: Set, size: int) -> DataSet:
    """The data set with n test images; of textures, of which pages have 200 at most, as many more are drawn."""
    data = load_data_set(its.data, size=size, n_train=its.n_train, n_test=its.n)
    if its.data == "textures" and len(data.test) < its.n:
        from rt_utils.images.drawn import textures  # here: it imports matplotlib

        drawn, labels = textures.draw_many(its.n, seed=0, stream=2)
        test = split_of(resized(drawn, size), labels)
        data = replace(data, test=test, fingerprint=fingerprint(data.train, test))
    if len(data.test) < its.n:
        raise InputError(f"{its.data!r} has {len(data.test)} test images, and {its.n} are asked for")
    return data


def case(its: Set) -> tuple[Encoder, Head, DataSet]:
    """Encoder, head and images of a set. Raises InputError where files are not there."""
    encoder = load_encoder(its.encoder)
    data = images(its, encoder.input_size)
    if its.head == OWN:
        return encoder, public.own_head(its.encoder), data
    (head,) = fit_probes([(encoder, data)], ProbeSettings(), workers=1)
    return encoder, head, data


def row(
    its: Set,
    given: tuple[Encoder, Head, DataSet],
    own: AttackPlan,
    folder: Path,
    effort: Effort,
    progress: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Both robust accuracies of a set on the same points, and what they were measured with; batches go to `folder`."""
    encoder, head, data = given
    threat, n = Threat("linf", its.eps), len(data.test)
    found: Found = in_batches(encoder, head, data.test, threat, folder, effort=effort, progress=progress)
    start = time.monotonic()
    (m,) = measure([given], threat, own, workers=1)
    seconds = round(time.monotonic() - start)
    accuracies, page = found.accuracies, 1 - m.wrong.mean().item()
    *_, last = found.after.values()
    shares = {name: share for name, share in accuracies.items() if name != CLEAN}
    return {
        **{"encoder": its.encoder, "data": its.data, "norm": threat.norm, "eps": its.eps, "n": n},
        **{"head": its.head, "seed": effort.seed, "clean": accuracies[CLEAN]},
        "autoattack": {"attacks": list(shares), "n": n, "accuracies": shares},
        "page": {
            "robust": page,
            "attacks": {"loss": str(own.loss), "margin": str(own.margin), "apgd": own.apgd_points},
        },
        "difference": page - list(shares.values())[-1],
        "both": (last.numpy() & ~m.wrong).mean().item(),
        "seconds": {"autoattack": round(found.seconds), "page": seconds},
        **{"weights_sha256": encoder.weights_sha256, "fingerprint": data.fingerprint},
        **{"threads": torch.get_num_threads(), "versions": versions()},
    }


def enter(folder: Path, world: str, found: dict[str, Any]) -> None:
    """Put a row into the world's record, in place of an older one of the same set; safe beside other processes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{world}.json"
    with FileLock(paths.cache() / f"autoattack-{world}.lock"):
        here, order = (found["encoder"], found["data"]), [(its.encoder, its.data) for its in SETS]
        by_set = {(old["encoder"], old["data"]): old for old in kept(folder, world)} | {here: found}
        rows = [by_set[name] for name in sorted(by_set, key=order.index)]
        with whole_file(path) as partial:
            partial.write_text(json.dumps({"rows": rows}, indent=1) + "\n", "utf-8")


def kept(folder: Path, world: str) -> list[dict[str, Any]]:
    """The rows of a world's record; none where there is no record."""
    path = folder / f"{world}.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
    return rows


def is_of(found: Mapping[str, Any], its: Set) -> bool:
    """Whether a row is that set's, with the weights that are loaded today."""
    same = all(found[name] == getattr(its, name) for name in ("encoder", "data", "eps", "n", "head"))
    return same and found["weights_sha256"] == load_encoder(its.encoder).weights_sha256


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, one set after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="worlds, or encoders, or ENCODER,DATA; else all")
    parser.add_argument("--batches", type=Path, default=None, help="where finished batches go")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    known = {name for its in SETS for name in (its.world, its.encoder, f"{its.encoder},{its.data}")}
    for name in given.only:
        if name not in known:
            raise unknown("set", name, sorted(known))
    folder, batches = paths.reference() / "autoattack", given.batches or paths.cache().parent / "autoattack"
    for its in SETS:
        if given.only and not {its.world, its.encoder, f"{its.encoder},{its.data}"} & {*given.only}:
            continue
        if any(is_of(old, its) for old in kept(folder, its.world)):
            continue
        print(f"{its.encoder} on {its.data}", flush=True)
        found = row(its, case(its), plan(its.world), batches, Effort(), lambda line: print(line, flush=True))
        enter(folder, its.world, found)
        print(f"entered: {json.dumps(found['autoattack'])} {found['page']['robust']}", flush=True)


if __name__ == "__main__":
    main()
