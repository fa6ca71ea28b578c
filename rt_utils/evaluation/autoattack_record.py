"""Robust encoders under the full AutoAttack, beside what the pages' own attacks find on the same points: kept records.

`python -m rt_utils.evaluation.autoattack_record` measures every set of SETS that book/reference/autoattack does not
hold yet, and enters each as it is done; with names behind it (embedded, public/cifar_wide_kw) those sets alone, so that
several processes can share the work. Finished batches lie in .cache/autoattack, and a stopped run goes on where it was.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from rt_utils.evaluation.autoattack import CLEAN, Effort
from rt_utils.evaluation.autoattack_batches import Found, in_batches, versions
from rt_utils.evaluation.autoattack_sets import SETS, Set, case, plan, recipe
from rt_utils.evaluation.measure import measure
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError, unknown
from rt_utils.runtime.files import whole_file


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
    threat, n = its.threat, len(data.test)
    found: Found = in_batches(encoder, head, data.test, threat, folder, effort=effort, progress=progress)
    start = time.process_time()
    (m,) = measure([given], threat, own, workers=1)
    seconds = round(time.process_time() - start)
    accuracies, page = found.accuracies, (~m.wrong).mean().item()
    *_, last = found.after.values()
    shares = {name: share for name, share in accuracies.items() if name != CLEAN}
    return {
        **{"encoder": its.encoder, "data": its.data, "norm": threat.norm, "eps": threat.eps, "n": n},
        **{"head": its.head, "probe": recipe(its), "seed": effort.seed, "clean": accuracies[CLEAN]},
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
    path, locks = folder / f"{world}.json", paths.cache() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"autoattack-{world}"):
        here, order = (found["encoder"], found["data"]), [(its.encoder, its.data) for its in SETS]
        by_set = {(old["encoder"], old["data"]): old for old in kept(folder, world)} | {here: found}
        rows = [by_set[name] for name in order if name in by_set]
        with whole_file(path) as partial:
            partial.write_text(json.dumps({"rows": rows}, indent=1) + "\n", "utf-8")


def kept(folder: Path, world: str) -> list[dict[str, Any]]:
    """The rows of a world's record; none where there is no record."""
    path = folder / f"{world}.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
    return rows


def is_of(found: Mapping[str, Any], its: Set) -> bool:
    """Whether a row is that set's, with today's recipe of the probe and the weights that are loaded today."""
    own = {name: getattr(its, name) for name in ("encoder", "data", "n", "head")} | asdict(its.threat)
    same = all(found[name] == value for name, value in own.items())
    return (
        same and found["probe"] == recipe(its) and found["weights_sha256"] == load_encoder(its.encoder).weights_sha256
    )


def land(its: Set, folder: Path, batches: Path) -> None:
    """Measure a set and enter it; not where that is done, where another process does it, or where files are missing."""
    if any(is_of(old, its) for old in kept(folder, its.world)):
        return
    batches.mkdir(parents=True, exist_ok=True)
    lock = FileLock(batches / f"{its.encoder}-{its.data}.lock".replace("/", "_"))
    try:
        with lock.acquire(timeout=0):
            say = partial(print, flush=True)  # a log shows each batch as it is done
            say(f"{its.encoder} on {its.data}")
            found = row(its, case(its), plan(its.world), batches, Effort(), say)
            enter(folder, its.world, found)
            say(f"entered: {found['page']['robust']:.4f} under the page's attacks, {found['both']:.4f} under all")
    except Timeout:
        print(f"{its.encoder} on {its.data}: another process measures it", flush=True)
    except InputError as error:
        print(f"{its.encoder} on {its.data} is left out: {error}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, one set after the other. Raises InputError for a name that no set has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="worlds, encoders, or ENCODER,DATA; else all")
    parser.add_argument("--batches", type=Path, help="where finished batches go; else .cache/autoattack")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    known = {name for its in SETS for name in its.names}
    for name in given.only:
        if name not in known:
            raise unknown("set", name, sorted(known))
    for its in SETS:
        if not given.only or {*its.names} & {*given.only}:
            land(its, paths.reference() / "autoattack", given.batches or paths.cache().parent / "autoattack")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
