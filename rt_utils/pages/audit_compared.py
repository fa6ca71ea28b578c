"""`rt audit`: one attack, the same for known and audited encoders, on the same images: what the verdict compares."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from rt_utils.evaluation import audit_clock, audit_known, audit_probes, audit_radii
from rt_utils.evaluation.audit_clock import FEWEST, Clock
from rt_utils.evaluation.audit_known import Bars, Known
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import audit_subject
from rt_utils.pages.audit_request import Request
from rt_utils.pages.audit_stock import Stock
from rt_utils.pages.audit_subject import Subject
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime import processes
from rt_utils.runtime.errors import InputError

SHARE = 0.2  # of the time
SIZES = ((2, 40), (1, 20), (1, 10))  # starts and steps: the first that leaves `ENOUGH` images, or the last
ENOUGH = 24
PREDICTED = 1  # step of the attack where the label is lost already: it decides nothing here


@dataclass(frozen=True)
class Compared:
    """What the attack found in the known encoders, and by name in the audited ones, on the same n images.

    possible: by name the levels that `audit_known.levels` leaves to an audited encoder.
    """

    known: list[Known]
    own: dict[str, Known]
    bars: Bars | None
    possible: dict[str, tuple[str, ...]]
    n: int
    restarts: int
    steps: int


def constant_answer(images: DataSet) -> Bool[np.ndarray, " n"] | None:
    """On which test images the answer of the most frequent class among them is right; None without labels."""
    if images.test.labels is None:
        return None
    labels = images.test.labels.numpy()
    return np.asarray(labels == np.bincount(labels).argmax())


def size(clock: Clock, rate: float, asked: int, labelled: bool) -> tuple[int, int, int]:
    """Images, starts and steps of the attack within its part of the time. `rate`: seconds of a pass in all encoders."""
    for restarts, steps in SIZES:
        seconds = clock.expected(audit_radii.passes(restarts, steps, labelled, PREDICTED), rate)
        n = min(asked, int(SHARE * clock.seconds / max(seconds, 1e-9)))
        if n >= min(ENOUGH, asked):
            break
    return n, restarts, steps


def _public(names: Sequence[str], cut: list[str]) -> list[Encoder]:
    """Of the public networks those that can be used; `cut` says which cannot, and why."""
    found = []
    for name in names:
        try:
            found.append(load_encoder(name))
        except InputError as error:
            cut.append(f"{name} is not among the known encoders: {error}")
    return found


def run(
    request: Request, subject: Subject, encoders: Sequence[Encoder], clock: Clock, stock: Stock, cut: list[str]
) -> Compared | None:
    """Attack the known encoders, and those that are audited, alike; None where the time does not allow it."""
    order, own_kinds = list(audit_known.training()), audit_known.TRAINING
    public = _public([name for name in order if name not in own_kinds], cut)
    known = [*(load_encoder(name) for name in own_kinds), *public]
    every = [*known, *(encoder for encoder in encoders if encoder.name not in order)]
    rates = audit_clock.seconds_a_pass(every, request.workers)
    rate, images = sum(rates), {pixels: stock.images(pixels) for pixels in {encoder.input_size for encoder in every}}
    asked = min(len(some.test) for some in images.values())
    n, restarts, steps = size(clock, rate, asked, subject.labelled)
    if n < min(ENOUGH, asked) and public:  # the book's own say enough
        dropped = {encoder.name for encoder in public} - {encoder.name for encoder in encoders}
        rate = sum(its for encoder, its in zip(every, rates, strict=True) if encoder.name not in dropped)
        every, known = ([encoder for encoder in some if encoder.name not in dropped] for some in (every, known))
        n, restarts, steps = size(clock, rate, asked, subject.labelled)
        cut.append("public networks were left out of the comparison with known encoders")
    if n < min(FEWEST, asked):
        cut.append("the known encoders were left out")
        return None
    if n < asked or (restarts, steps) != SIZES[0]:
        starts = f"{restarts} start" + "s" * (restarts > 1)
        cut.append(f"the comparison with known encoders: {n} of {asked} images, {starts}, {steps} steps")
    few = {"restarts": restarts, "steps": steps, "floor_points": 0, "apgd_points": 0}
    plan = audit_subject.plan(
        Parameters(**few, rel_stepsize=3.0, seed=request.seed),
        few | {"strong_restarts": 1, "strong_steps": 1, "apgd_steps": 1},
    )
    predicted = replace(plan.predicted, steps=PREDICTED)
    plan, rows, took = replace(plan, subspace=None, predicted=predicted), list[Known](), 0.0
    list(processes.run([(int, ())] * request.workers, request.workers))  # their start is not the attacks' time
    groups = [[encoder for encoder in every if encoder.input_size == pixels] for pixels in images]
    while groups:
        group = groups.pop()
        some, heads = images[group[0].input_size].first(n), None
        try:
            if subject.labelled:
                pairs, settings = [(encoder, some) for encoder in group], ProbeSettings(seed=request.seed)
                heads = audit_probes.fit(pairs, settings, workers=request.workers)
            started = time.perf_counter()
            rows += audit_known.examine(group, some, request.threat, plan, heads=heads, workers=request.workers)
            took += time.perf_counter() - started
        except InputError as error:
            if len(group) > 1:  # the others' results are kept
                groups += [[encoder] for encoder in group]
            elif group[0] in known:
                raise
            else:
                cut.append(f"{group[0].name} was not compared with known encoders: {error}")
    clock.learn(took, n * audit_radii.passes(restarts, steps, subject.labelled, PREDICTED), rate)
    others = sorted((row for row in rows if row.name in order), key=lambda row: order.index(row.name))
    asked_for = {encoder.name for encoder in encoders}
    own = {row.name: row for row in rows if row.name in asked_for}
    constant = constant_answer(images[known[0].input_size].first(n)) if subject.labelled else None
    try:
        bars = audit_known.bars(others, constant)
    except InputError as error:
        cut.append(str(error))
        return Compared(others, own, None, {}, n, restarts, steps)
    possible = {name: audit_known.levels(row, others, constant, request.seed) for name, row in own.items()}
    return Compared(others, own, bars, possible, n, restarts, steps)
