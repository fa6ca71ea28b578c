"""Attacks on a probe of factors, in processes, kept by chunks of the images."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import joblib
from jaxtyping import Float, UInt8
from torch import Tensor

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.search import Find, search_regression
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.processes import Task, compute
from rt_utils.theory.threat import Threat

CHUNK = 32  # images attacked together
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Case:
    """Whose probe is attacked where, by attacks with names: images as the encoder takes them, and their factors."""

    encoder: Encoder
    head: Head
    images: UInt8[Tensor, "n c h w"]
    targets: Float[Tensor, "n k"]
    data: str
    threat: Threat
    attacks: Mapping[str, PGDSettings]


def _tasks(case: Case) -> list[tuple[int, Task]]:
    """For every chunk the number of its first image, and the task."""
    tasks: list[tuple[int, Task]] = []
    for start in range(0, len(case.images), CHUNK):
        part = slice(start, start + CHUNK)
        x, y = case.images[part].clone(), case.targets[part].clone()  # a view pickles all
        depends_on = joblib.hash((x.numpy(), y.numpy(), case.head.weight.numpy(), case.head.bias.numpy()))
        key = (case.encoder.name, case.data, case.encoder.weights_sha256, depends_on)
        entry = Entry(
            "regression",
            (*key, repr(case.threat), repr(dict(case.attacks))),
            case.encoder.code | {search_regression.__module__},
        )
        tasks.append((start, (entry, search_regression, (case.encoder, case.head, x, y, case.threat, case.attacks))))
    return tasks


def search(cases: Mapping[Name, Case], workers: int) -> dict[Name, list[Find]]:
    """All finds of every case, their points numbered from the case's first image."""
    flat = [(name, start, task) for name, case in cases.items() for start, task in _tasks(case)]
    found: dict[Name, list[Find]] = {name: [] for name in cases}
    for (name, start, _), finds in zip(flat, compute([task for *_, task in flat], workers), strict=True):
        found[name] += [replace(find, index=find.index + start) for find in finds]
    return found
