"""What `rt audit ENCODER... DATA` is asked for, checked before anything heavy is imported."""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rt_utils.images.catalogue import NAMED, PREFIXED, check_data_set
from rt_utils.models.catalogue import check_encoder
from rt_utils.pages import audit_folder, parameters
from rt_utils.pages.numbers_given import number, whole
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

MINUTES = number(0, 24 * 60)


@dataclass(frozen=True)
class Request:
    """Checked. `data`: a data set's name, 'folder:PATH' for a folder that was given as a path; `minutes` of time."""

    encoders: list[str]
    data: str
    threat: Threat
    minutes: float
    folder: Path
    n_test: int
    n_train: int
    seed: int
    workers: int

    def facts(self) -> dict[str, Any]:
        """For the files of the report."""
        own = {"encoders": self.encoders, "data": self.data, "norm": self.threat.norm, "eps": self.threat.eps}
        return own | {"minutes_asked": self.minutes, "seed": self.seed, "n_test": self.n_test, "n_train": self.n_train}


def add_options(command: argparse.ArgumentParser) -> None:
    """What `rt audit` takes on the command line."""
    command.add_argument(
        "names", nargs="+", metavar="NAME", help="encoders, then one folder of images or data set, folder:PATH"
    )
    for name, default, what in (
        ("--eps", "4/255", "radius in pixels of [0, 1]"),
        ("--norm", "linf", "linf or l2"),
        ("--minutes", "10", "time for all of it"),
        ("--n-test", "200", "images attacked, at most"),
        ("--n-train", "1000", "images that fit the probe, at most"),
        ("--seed", "0", "of what is drawn at random"),
        ("--workers", "0", "processes; 0: one for each core"),
    ):
        command.add_argument(name, default=default, metavar="X", help=f"{what} (default: {default})")
    command.add_argument(
        "-o",
        dest="output",
        type=Path,
        metavar="FOLDER",
        help="new, empty, or an earlier audit's (default: results/audit_report-KEY)",
    )


def _data(name: str) -> str:
    """The data set's name; a path to a folder becomes 'folder:PATH'."""
    known = name in NAMED or name.startswith(tuple(PREFIXED))
    chosen = f"folder:{name}" if not known and os.path.isdir(os.path.expanduser(name)) else name
    check_data_set(parameters.names(lambda _: None)("DATA", [chosen])[0])
    return chosen


def parse(
    names: list[str],
    *,
    eps: str = "4/255",
    norm: str = "linf",
    minutes: object = 10,
    output: Path | None = None,
    n_test: object = 200,
    n_train: object = 1000,
    seed: object = 0,
    workers: object = 0,
) -> Request:
    """The request: `names` are encoders, then one data set. Raises InputError; what is light is checked first."""
    if len(names) < 2:
        raise InputError(
            "name an encoder and then a folder of images or a data set, as in: rt audit timm/resnet10t folder:PATH"
        )
    threat = Threat.parse(norm, eps)
    if not threat.eps:
        raise InputError("--eps 0 allows no perturbation, so there is nothing to audit: give a radius such as 4/255")
    asked = MINUTES("--minutes", minutes)
    sizes = whole(2, 10_000_000)
    counts = sizes("--n-test", n_test), sizes("--n-train", n_train)
    numbers = whole(0, 2**31 - 1)("--seed", seed), whole(0, 1024)("--workers", workers)
    *encoders, data = names
    if len(set(encoders)) < len(encoders):
        raise InputError(f"{', '.join(encoders)} names the same encoder twice")
    data = _data(data)
    if output:
        parameters.writable("-o", str(output))
        audit_folder.check(output)
    for encoder in sorted(encoders, key=lambda name: name.startswith(("timm/", "torchvision/", "file:", "python:"))):
        parameters.names(check_encoder)("ENCODER", [encoder])
    request = Request(encoders, data, threat, asked, output or Path(), *counts, *numbers)
    if output is None:
        request = replace(request, folder=audit_folder.default(request.facts()))
        audit_folder.check(request.folder)
    return request
