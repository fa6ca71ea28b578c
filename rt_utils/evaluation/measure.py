"""From (encoder, head, data, threat) to one row per point: losses, prediction, shifts, margin, criterion."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import torch
from jaxtyping import Float

from rt_utils.evaluation import interval_bounds
from rt_utils.evaluation.finds import Find, best
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.probe import ProbeSettings, clean_features, fitted
from rt_utils.evaluation.search import AttackPlan, search_loss, search_representation
from rt_utils.evaluation.subspace_search import KIND, best_in_subspace, search_subspace
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import cache
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.devices import device
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.processes import Task, compute
from rt_utils.theory.threat import Threat

CHUNK = {"cpu": 128, "cuda": 2048}  # images attacked together, at 32x32; fewer where they are larger


def _key(encoder: Encoder, data: DataSet, *settings: object) -> cache.Key:
    return (encoder.name, data.name, encoder.weights_sha256, data.fingerprint, *map(repr, settings))


def _task(kind: str, key: cache.Key, function: Callable[..., Any], encoder: Encoder, *arguments: object) -> Task:
    """`function(encoder, *arguments)`, kept by what `key` says and by the code that it runs through."""
    return Entry(kind, key, encoder.code | {function.__module__}), function, (encoder, *arguments)


def fit_probes(pairs: Sequence[tuple[Encoder, DataSet]], settings: ProbeSettings, *, workers: int = 0) -> list[Head]:
    """For every pair a linear probe on the frozen encoder's clean features of the training split.

    Raises InputError where a data set has no labels, fewer than two classes, or a tested class that is not trained.
    """
    tasks: list[Task] = []
    for encoder, data in pairs:
        data.check_trainable()
        arguments = (data.train.images, data.train.required_labels(), len(data.classes), settings)
        tasks.append(_task("probes", _key(encoder, data, settings), fitted, encoder, *arguments))
    return [Head(torch.from_numpy(weight), torch.from_numpy(bias)) for weight, bias in compute(tasks, workers)]


def _chunk(encoder: Encoder) -> int:
    return max(4, CHUNK[device().type] * 32**2 // encoder.input_size**2)


def _head_free(encoder: Encoder, data: DataSet, threat: Threat, plan: AttackPlan) -> list[tuple[int, Task]]:
    """The attacks on the representation, one task a chunk of the test split and kind, with the chunk's first point.

    Kept by what they depend on alone, so that every head, and every data set with the same chunk, shares them.
    """
    tasks: list[tuple[int, Task]] = []
    size = _chunk(encoder)
    for first in range(0, len(data.test), size):
        chunk = data.test.images[first : first + size]
        for kind, settings, up_to in (
            ("representation", plan.representation, len(data.test)),
            ("floor", plan.floor, plan.floor_points),
            ("paper", plan.paper, plan.apgd_points),
        ):
            x = chunk[: max(0, up_to - first)].clone()  # a view pickles all
            if len(x):
                key = (encoder.name, data.name, encoder.weights_sha256, joblib.hash(x.numpy()), repr(threat))
                arguments = (x, threat, kind, settings)
                its = (*key, kind, repr(settings))
                tasks.append((first, _task("shifts", its, search_representation, encoder, *arguments)))
    return tasks


def _with_head(
    encoder: Encoder, head: Head, data: DataSet, threat: Threat, plan: AttackPlan, shifted: Mapping[int, np.ndarray]
) -> list[tuple[int, Task]]:
    """The attacks on the loss, and on the head's own subspace where the plan has one; `shifted` by first point.

    All are kept by chunk: of two pages with different n_test the second computes what the first has not.
    """
    tasks: list[tuple[int, Task]] = []
    size = _chunk(encoder)
    aimed, plan = plan.subspace, replace(plan, subspace=None)  # the others are kept by what they depend on
    for first in range(0, len(data.test), size):
        part = slice(first, first + size)
        x, y = data.test.images[part].clone(), data.test.required_labels()[part].clone()
        start = shifted.get(first)
        depends_on = joblib.hash((x.numpy(), y.numpy(), head.weight.numpy(), head.bias.numpy(), start))
        key = (encoder.name, data.name, encoder.weights_sha256, depends_on, *map(repr, (threat, plan, first)))
        tasks.append((first, _task("losses", key, search_loss, encoder, head, x, y, threat, plan, first, start)))
        if aimed:
            depends_on = joblib.hash((x.numpy(), head.weight.numpy()))
            key = (encoder.name, data.name, encoder.weights_sha256, depends_on, repr(threat), repr(aimed))
            tasks.append((first, _task(KIND, key, search_subspace, encoder, head.weight, x, threat, aimed)))
    return tasks


def label_free(
    cases: Sequence[tuple[Encoder, DataSet, Threat, AttackPlan]], *, workers: int = 0
) -> list[tuple[Float[np.ndarray, "n r"], dict[str, Float[np.ndarray, " n"]]]]:
    """Per case the clean features, and by kind of attack on the representation the largest shift that it found.

    In feature units; NaN at points that the kind did not run on. Needs neither labels nor a head.
    """
    tasks = [_head_free(*case) for case in cases]
    clean = [_task("features", _key(e, d), clean_features, e, d.test.images) for e, d, *_ in cases]
    values = compute([*clean, *(task for part in tasks for _, task in part)], workers)
    found, results = iter(values[len(cases) :]), []
    for z, part in zip(values, tasks, strict=False):
        shifts: dict[str, Float[np.ndarray, " n"]] = {}
        for first, _ in part:
            for find in next(found):
                index, column = first + find.index, shifts.setdefault(find.kind, np.full(len(z), np.nan))
                shift = np.linalg.norm(find.z.astype(np.float64) - z[index], axis=1)
                column[index] = np.fmax(column[index], shift)
        results.append((z, shifts))
    return results


def _shift_upper(encoder: Encoder, data: DataSet, threat: Threat) -> Float[np.ndarray, " n"]:
    """A certified upper bound on S at every test point; NaN for an encoder on which none is worth computing."""
    if not interval_bounds.bounded(encoder):
        return np.full(len(data.test), np.nan)
    return interval_bounds.shift_upper(encoder, data.test.images, threat).numpy()


def _searched(
    tasks: Sequence[Sequence[tuple[int, Task]]], before: Sequence[Task], workers: int
) -> tuple[list[Any], list[list[Find]], list[dict[int, np.ndarray]]]:
    """The values of `before`; what every case's tasks found; by first point the perturbations that were kept."""
    # The first chunks carry the attack floor and take longest: they go first.
    order = sorted((first, i, k) for i, part in enumerate(tasks) for k, (first, _) in enumerate(part))
    values = compute([*before, *(tasks[i][k][1] for _, i, k in order)], workers)
    found: list[list[Find]] = [[] for _ in tasks]
    kept: list[dict[int, np.ndarray]] = [{} for _ in tasks]
    for (first, i, _), finds in zip(order, values[len(before) :], strict=True):
        found[i] += [replace(find, index=find.index + first, delta=None) for find in finds]
        kept[i].update((first, find.delta) for find in finds if find.delta is not None)
    return values[: len(before)], found, kept


def measure(
    cases: Sequence[tuple[Encoder, Head, DataSet]], threat: Threat, plan: AttackPlan, *, workers: int = 0
) -> list[Measurement]:
    """Attack every test point of every case, and evaluate all that was found with a float64 head.

    Args:
        cases: (encoder, head, data set), any number of them.
        threat: The norm, and the radius in pixels.
        plan: The attacks, and on how many points a stronger search checks them.
        workers: Processes that attack; at most one: this process.

    Returns:
        One measurement for each case. What was computed before is taken from the cache.

    Raises:
        InputError: where a data set has no labels or a head's width is not its encoder's.

    Example:
        >>> from rt_utils.images.catalogue import load_data_set
        >>> from rt_utils.models.catalogue import load_encoder
        >>> encoder = load_encoder("embedded/robust")
        >>> digits = load_data_set("digits", size=encoder.input_size, n_train=100, n_test=4)
        >>> (head,) = fit_probes([(encoder, digits)], ProbeSettings(epochs=2))
        >>> plan = AttackPlan(floor_points=0, apgd_points=0)
        >>> (found,) = measure([(encoder, head, digits)], Threat("linf", 8 / 255), plan)
        >>> found.z.shape, found.weight.shape
        ((4, 64), (10, 64))
    """
    for encoder, head, _ in cases:
        if head.weight.shape[1] != encoder.width:
            raise InputError(f"the head takes {head.weight.shape[1]} features, {encoder.name} gives {encoder.width}")
    clean = [_task("features", _key(e, d), clean_features, e, d.test.images) for e, _, d in cases]
    head_free = [_head_free(encoder, data, threat, plan) for encoder, _, data in cases]
    values, found, shifted = _searched(head_free, clean, workers)
    with_head = [_with_head(*case, threat, plan, its) for case, its in zip(cases, shifted, strict=True)]
    for finds, more in zip(found, _searched(with_head, [], workers)[1], strict=True):
        finds += more
    floor = {
        "shift_floor": plan.floor_points,
        "loss_floor": plan.loss_floor_points,
        "shift_paper": plan.apgd_points,
    }
    measurements = []
    for i, (encoder, head, data) in enumerate(cases):
        z, y = torch.from_numpy(values[i]), data.test.required_labels()
        others = [find for find in found[i] if find.kind != KIND]
        columns = {name: column.numpy() for name, column in best(head, z, y, others, floor).items()}
        measurements.append(
            Measurement(
                encoder=encoder.name,
                data=data.name,
                classes=data.classes,
                weights_sha256=encoder.weights_sha256,
                fingerprint=data.fingerprint,
                labels=y.numpy(),
                weight=head.weight.numpy(),
                bias=head.bias.numpy(),
                **columns,
                subspace=best_in_subspace(head, z, found[i]) if plan.subspace else None,
                shift_upper=_shift_upper(encoder, data, threat),
            )
        )
    return measurements
