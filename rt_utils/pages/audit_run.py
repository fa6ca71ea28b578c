"""`rt audit`: several encoders on one set of images within a time, known encoders beside them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rt_utils.evaluation import audit, audit_clock, audit_radii, audit_worst
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_budget import Size
from rt_utils.evaluation.audit_clock import Clock
from rt_utils.evaluation.audit_radii import AtRadius
from rt_utils.evaluation.audit_worst import Shown
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import audit_compared, audit_subject
from rt_utils.pages.audit_compared import FEWEST, Compared
from rt_utils.pages.audit_request import Request
from rt_utils.pages.audit_subject import Subject
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime import processes
from rt_utils.runtime.errors import InputError

FULL = {"restarts": 5, "steps": 100, "floor_points": 24, "apgd_points": 50}
CORE_SHARE, RADII_SHARE = 0.6, 0.3  # of an encoder's part of the time
LOOKED_AT, LOOK_STEPS = 6, 60
Say = Callable[[str], object]


@dataclass(frozen=True)
class Audited:
    """One encoder's audit; `cut`: in words, what the time did not allow."""

    encoder: Encoder
    images: DataSet
    done: Audit
    size: Size
    radii: list[AtRadius]
    shown: list[Shown]
    seconds: float
    cut: list[str]


@dataclass(frozen=True)
class Report:
    """All that was measured. `files`: of the tested images, in order; empty for a data set that has a name."""

    request: Request
    subject: Subject
    audited: list[Audited]
    compared: Compared | None
    files: list[str]
    seconds: float
    cut: list[str]


def _one(
    encoder: Encoder,
    request: Request,
    subject: Subject,
    clock: Clock,
    seconds: float,
    per_pass: float,
    say: Say,
    *,
    first: bool,
) -> Audited:
    """One encoder within so many seconds: the audit at the radius, at others, and the worst images.

    Raises InputError where the time is too short, but for the `first` one, which is audited at the smallest size.
    """
    started, cut = time.perf_counter(), list[str]()
    images = audit_compared.loaded(request, subject, encoder.input_size)
    asked = FULL | {"n_test": len(images.test), "n_train": max(len(images.train), 2)}
    left = max(seconds - (time.perf_counter() - started), 1.0)
    size, passes, rung = audit_clock.choose(
        clock, CORE_SHARE * left, per_pass, asked, labelled=subject.labelled, name=encoder.name, or_smallest=first
    )
    if rung:
        few = f"{size['n_test']} of {asked['n_test']} images, {size['restarts']} of {asked['restarts']} starts"
        cut.append(f"attacked {few}, {size['steps']} of {asked['steps']} steps")
    images = images.first(size["n_test"])
    say(f"{encoder.name}: attacking {len(images.test)} images, about {clock.expected(passes, per_pass):.0f} s")
    parameters = Parameters(**asked, rel_stepsize=3.0, seed=request.seed)
    plan, before = replace(audit_subject.plan(parameters, size), subspace=None), time.perf_counter()
    probe = ProbeSettings(seed=request.seed) if subject.labelled else None
    common = {"checked": size["checked"], "seed": request.seed, "workers": request.workers}
    done = audit.run(encoder, images, [], request.threat, plan, probe=probe, **common)
    clock.learn(time.perf_counter() - before, passes, per_pass)
    end, radii = started + seconds, audit_radii.around(request.threat)
    per_image = len(radii) * audit_radii.passes(size["restarts"], size["steps"], subject.labelled)
    spare = end - time.perf_counter()
    n = min(len(images.test), int(RADII_SHARE / (1 - CORE_SHARE) * spare / clock.expected(per_image, per_pass)))
    rows = [audit_radii.of_audit(done, request.threat, len(images.test))]
    if n >= min(FEWEST, len(images.test)):
        if n < len(images.test):
            cut.append(f"other radii on {n} of {len(images.test)} images")
        rows += audit_radii.at(encoder, done, images, radii, plan, n, workers=request.workers)
    else:
        cut.append("other radii were left out")
    look = audit_radii.passes(2, LOOK_STEPS, subject.labelled) * request.workers  # in this process alone
    k = max(1, min(LOOKED_AT, len(images.test), int((end - time.perf_counter()) / clock.expected(look, per_pass))))
    options = {"k": k, "restarts": 2, "steps": LOOK_STEPS, "seed": request.seed}
    shown = processes.alone(_look, done, encoder, images, request, options)
    rows.sort(key=lambda row: row.eps)
    return Audited(encoder, images, done, size, rows, shown, time.perf_counter() - started, cut)


def _look(done: Audit, encoder: Encoder, images: DataSet, request: Request, options: dict[str, int]) -> list[Shown]:
    return audit_worst.look(done, encoder, images, request.threat, **options)


def run(request: Request, say: Say) -> Report:
    """Everything, in about `request.minutes`: what does not fit is cut, and `cut` says so.

    Raises InputError, before anything is attacked where not even the smallest audit of an encoder fits.
    """
    workers = processes.ready(request.workers)
    request = replace(request, workers=workers)
    clock, cut = Clock(60 * request.minutes, workers), list[str]()
    subject = audit_subject.one(request.data, request.seed, request.n_test)
    encoders = [load_encoder(name) for name in request.encoders]
    rates = [processes.alone(audit_clock.seconds_a_pass, encoder) for encoder in encoders]
    asked = FULL | {"n_test": request.n_test, "n_train": request.n_train}
    for encoder, rate in zip(encoders, rates, strict=True):
        part = CORE_SHARE * (1 - audit_compared.SHARE) * clock.seconds / len(encoders)
        audit_clock.choose(clock, part, rate, asked, labelled=subject.labelled, name=encoder.name)
    say("one attack on known encoders and yours")
    compared = audit_compared.run(request, subject, encoders, clock, cut)
    audited: list[Audited] = []
    for i, (encoder, rate) in enumerate(zip(encoders, rates, strict=True)):
        part = clock.left / (len(encoders) - i)
        try:
            audited.append(_one(encoder, request, subject, clock, part, rate, say, first=not audited))
        except InputError as error:  # the others' results are kept
            if len(encoders) == 1:
                raise
            cut.append(f"{encoder.name} was left out: {error}")
    if not audited:
        raise InputError(cut[-1])
    most = max((item.images for item in audited), key=lambda images: len(images.test))
    files = subject.relative_files({"n_train": request.n_train, "n_test": request.n_test})
    return Report(request, subject, audited, compared, [*files][: len(most.test)], clock.spent, cut)
