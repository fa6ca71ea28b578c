"""Attacks on a probe of factors, in processes, kept by chunks of the images."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import joblib
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from rt_utils.evaluation import attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find
from rt_utils.evaluation.halving import HalvingSettings, halving
from rt_utils.evaluation.search import Finder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.devices import device
from rt_utils.runtime.processes import Task, compute
from rt_utils.theory.threat import Threat

CHUNK = 32  # images attacked together
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Halvings:
    """A page's own searches: for the shift, and from what that found for the residual of each output."""

    shift: HalvingSettings
    residual: HalvingSettings


Attack = PGDSettings | Halvings


def _residual(j: int, outputs: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    return (outputs[:, j] - targets[:, j]).abs()


def search_regression(
    encoder: Encoder,
    head: Head,
    images: UInt8[Tensor, "n c h w"],
    targets: Float[Tensor, "n k"],
    threat: Threat,
    settings: Mapping[str, Attack],
) -> list[Find]:
    """Attacks on the representation, and on |f(x)_j - y_j| for each of the k outputs j of `head` alone.

    A find's kind is the name of its settings, for the representation, or that name, a space, and the output's number.
    """
    finder, everyone = Finder(encoder, images, threat), torch.arange(len(images))
    model = nn.Sequential(finder.encoder, head.module().to(device())).eval()
    x, targets = finder.x, targets.to(device())

    shifted = x.clone()  # what the last search for the shift found

    def on_representation(some: Attack, part: Int64[Tensor, " j"]) -> Iterable[Tensor]:
        if isinstance(some, PGDSettings):
            return attacks.representation_pgd(finder.encoder, x[part], threat, some)
        shifted[part] = halving(attacks.shifts_from(finder.encoder, x[part]), x[part], threat, some.shift)
        return [shifted[part]]

    def on_output(some: Attack, j: int, part: Int64[Tensor, " j"]) -> Iterable[Tensor]:
        residual = partial(_residual, j)
        if isinstance(some, PGDSettings):
            return attacks.loss_pgd(model, x[part], targets[part], threat, some, residual)
        losses = attacks.losses_of(model, targets[part], residual)
        return [halving(losses, x[part], threat, some.residual, [shifted[part]])]

    for name, some in settings.items():
        finder.add(name, everyone, partial(on_representation, some))
        for j in range(targets.shape[1]):
            finder.add(f"{name} {j}", everyone, partial(on_output, some, j))
    return finder.finds


@dataclass(frozen=True)
class Case:
    """Whose probe is attacked where, by attacks with names: images as the encoder takes them, and their factors."""

    encoder: Encoder
    head: Head
    images: UInt8[Tensor, "n c h w"]
    targets: Float[Tensor, "n k"]
    data: str
    threat: Threat
    attacks: Mapping[str, Attack]


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
