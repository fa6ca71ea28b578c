"""`rt audit`: several encoders on one set of images within a time, known encoders beside them."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rt_utils.evaluation import audit, audit_clock, audit_probes, audit_radii, audit_worst, published_accuracy
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_budget import Size
from rt_utils.evaluation.audit_clock import FEWEST, Clock
from rt_utils.evaluation.audit_radii import AtRadius
from rt_utils.evaluation.audit_worst import Shown
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import audit_compared, audit_subject
from rt_utils.pages.audit_compared import Compared
from rt_utils.pages.audit_request import Request
from rt_utils.pages.audit_stock import Stock
from rt_utils.pages.audit_subject import Subject
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime import processes
from rt_utils.runtime.errors import InputError

FULL = {"restarts": 5, "steps": 100, "floor_points": 24, "apgd_points": 50}
CORE_SHARE, RADII_SHARE = 0.6, 0.3  # of an encoder's part of the time
PROBE_SHARE = 0.06  # of all of it, for the features of the images that fit the probes
LOOKED_AT = 6  # images, of which the search for the perturbation is shown
LOOKS = ((2, 60), (1, 30), (1, 10))  # its starts and steps: the first that leave it half of them, or the last
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
    stock: Stock,
    clock: Clock,
    seconds: float,
    per_pass: float,
    say: Say,
) -> Audited:
    """One encoder within so many seconds: the audit at the radius, at others, and the worst images.

    Other radii go before the audit at the radius does, and that is done at the smallest size even where it takes
    longer, since an audit that begins leaves none out for time; `cut` says so.
    """
    started, cut, labelled = time.perf_counter(), list[str](), stock.subject.labelled
    images, end = stock.images(encoder.input_size), started + seconds
    head = None
    if labelled:
        (head,) = audit_probes.fit([(encoder, images)], ProbeSettings(seed=request.seed), workers=request.workers)
    asked = FULL | {"n_test": len(images.test), "n_train": max(len(images.train), 2)}
    left = max(end - time.perf_counter(), 1.0)
    size, passes, rung = audit_clock.choose(
        *(clock, CORE_SHARE * left, per_pass, asked),
        labelled=labelled,
        name=encoder.name,
        smallest_within=math.inf,
    )
    if rung:
        starts = f"{size['restarts']} of {asked['restarts']} starts"
        few = f"{size['n_test']} of {asked['n_test']} images, {starts}"
        cut.append(f"attacked {few}, {size['steps']} of {asked['steps']} steps")
    if clock.expected(passes, per_pass) > left:
        cut.append("this smallest audit may have taken longer than what was left of the time")
    images = images.first(size["n_test"])
    say(f"{encoder.name}: attacking {len(images.test)} images, about {clock.expected(passes, per_pass):.0f} s")
    parameters = Parameters(**asked, rel_stepsize=3.0, seed=request.seed)
    plan, before = replace(audit_subject.plan(parameters, size), subspace=None), time.perf_counter()
    options = {"checked": size["checked"], "seed": request.seed, "workers": request.workers}
    done = audit.run(encoder, images, [], request.threat, plan, probe=None, head=head, **options)
    clock.learn(time.perf_counter() - before, passes, per_pass)
    radii = audit_radii.around(request.threat)
    per_image = len(radii) * audit_radii.passes(size["restarts"], size["steps"], labelled)
    spare = end - time.perf_counter()
    n = min(len(images.test), int(RADII_SHARE / (1 - CORE_SHARE) * spare / clock.expected(per_image, per_pass)))
    rows = [audit_radii.of_audit(done, request.threat, len(images.test))]
    if n >= min(FEWEST, len(images.test)):
        if n < len(images.test):
            cut.append(f"other radii on {n} of {len(images.test)} images")
        rows += audit_radii.at(encoder, done, images, radii, plan, n, workers=request.workers)
    else:
        cut.append("other radii were left out")
    k, restarts, steps = _looks(clock, end - time.perf_counter(), per_pass, len(images.test), labelled)
    looks = {"k": k, "restarts": restarts, "steps": steps, "seed": request.seed}
    shown = processes.alone(_look, done, encoder, images, request, looks)
    rows.sort(key=lambda row: row.threat.eps)
    return Audited(encoder, images, done, size, rows, shown, time.perf_counter() - started, cut)


def _looks(clock: Clock, seconds: float, per_pass: float, n: int, labelled: bool) -> tuple[int, int, int]:
    """How many of the worst images are searched anew, at least one, from how many starts, with how many steps."""
    for restarts, steps in LOOKS:
        passes = audit_radii.passes(restarts, steps, labelled, 0) * clock.workers  # in this process alone
        k = max(1, min(LOOKED_AT, n, int(seconds / clock.expected(passes, per_pass))))
        if k >= min(LOOKED_AT, n) // 2:
            break
    return k, restarts, steps


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
    encoders = [published_accuracy.loaded(name, workers=workers) for name in request.encoders]
    rates = audit_clock.seconds_a_pass(encoders, workers)
    clock.fixed = clock.spent
    asked = FULL | {"n_test": min(request.n_test, subject.testable), "n_train": request.n_train}
    core = CORE_SHARE * (1 - audit_compared.SHARE) * clock.left
    parts = audit_clock.parts(clock, core, rates, asked, labelled=subject.labelled)
    for encoder, rate, part in zip(encoders, rates, parts, strict=True):
        within = part / CORE_SHARE
        audit_clock.choose(
            clock, part, rate, asked, labelled=subject.labelled, name=encoder.name, smallest_within=within
        )
    stock = Stock(request, subject, audit_clock.trained(clock, PROBE_SHARE * clock.left, sum(rates), request.n_train))
    say("one attack on known encoders and yours")
    compared = audit_compared.run(request, subject, encoders, clock, stock, cut)
    audited: list[Audited] = []
    least = audit_clock.passes(audit_clock.sizes(asked)[-1], subject.labelled, workers)
    # Fast ones first, so that a slow one has the time that they leave, and each leaves what the slower ones need.
    for i, (encoder, rate) in enumerate(sorted(zip(encoders, rates, strict=True), key=lambda pair: pair[1])):
        needed = sum(clock.expected(least, slower) for slower in sorted(rates)[i + 1 :])
        part = max(0.0, min(clock.left / (len(encoders) - i), clock.left - needed))
        try:
            # A clock of its own: a small network's overhead says nothing of how long a large one takes.
            audited.append(_one(encoder, request, stock, replace(clock), part, rate, say))
        except InputError as error:  # the others' results are kept
            if len(encoders) == 1:
                raise
            cut.append(f"{encoder.name} was left out: {error}")
    if not audited:
        raise InputError(cut[-1])
    audited.sort(key=lambda item: encoders.index(item.encoder))
    most = max((item.images for item in audited), key=lambda images: len(images.test))
    trains = stock.train[0] if subject.labelled else 2
    if subject.labelled and len(most.train) == trains < request.n_train:
        cut.append(f"the probes: fitted on {trains} images, of at most {request.n_train}")
    files = subject.relative_files({"n_train": trains, "n_test": request.n_test})
    return Report(request, subject, audited, compared, [*files][: len(most.test)], clock.spent, cut)
