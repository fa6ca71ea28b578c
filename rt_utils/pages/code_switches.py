"""What released code does differently, switched one at a time on a page's encoders, and attacked before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
import torch

from rt_utils.evaluation import measure, measurement
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.squared_loss import squared_and_unsquared
from rt_utils.evaluation.summary import lemma_1
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.input_range import of_doubled_range
from rt_utils.pages.experiment import Experiment, probe_settings
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime import processes
from rt_utils.theory.threat import Threat
from rt_utils.training.train_mode_probe import probed_in_both_modes

AS_STATED, HALF_RADIUS, RANGE, BOTH = "as stated", "M1, radius alone", "M1, range alone", "M1, both"
FROZEN, MOVED = "M3, frozen", "M3, statistics move"
DECAYS = {"M9, 0.001": 0.001, "M9, 0.01": 0.01}  # of the probe's SGD, on weights and bias
RANGES = {AS_STATED: "as stated", HALF_RADIUS: "radius / 2", RANGE: "2x − 1", BOTH: "both"}  # rows of M1
HALVED = (HALF_RADIUS, BOTH)
PROBE_IMAGES = 1300  # enough for running statistics to settle
Key = tuple[str, str, str]  # switch, encoder, data set
SHOWN = {"clean acc.": "clean", "diff. CE": "gap", "AS score": "AS"}


def quick_attacks(p: Parameters) -> PGDSettings:
    """The attacks before and after a switch, lighter than the page's."""
    return PGDSettings(steps=12, restarts=min(2, p.restarts), refine=min(40, p.steps), seed=p.seed)


def short_probe(p: Parameters) -> ProbeSettings:
    """The probe on images, in both modes."""
    return replace(probe_settings(p), epochs=min(10, p.probe_epochs))


@dataclass(frozen=True)
class Switched:
    """Everything measured with one thing switched; `images` are the first n_switch of each data set."""

    p: Parameters
    first: Encoder
    images: Mapping[str, DataSet]
    heads: Mapping[str, Head]  # the reference's of the first encoder, by data set
    reference: pd.DataFrame  # the reference run's points of the first encoder, on the same images
    measured: Mapping[Key, Measurement]
    changed: Sequence[Encoder]

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Both sides of Lemma 1 and of the criterion per switch, encoder and data set; indexed by these three."""
        rows = []
        for (switch, encoder, name), m in self.measured.items():
            own = lemma_1(m) | {"fulfilled": measurement.table(m).fulfilled.mean()}
            rows.append(own | {"switch": switch, "encoder": encoder, "data": name})
        columns = ["clean", "robust acc.", "fulfilled", "gap", HEAD_NORM, "LHS", "AS", "n"]
        return pd.DataFrame(rows).rename(columns=SHOWN).set_index(["switch", "encoder", "data"])[columns]


def switched(run: Experiment, p: Parameters) -> Switched:
    """Every switch that needs a head or an encoder of its own, attacked with one plan."""
    first, settings, workers = (
        run.encoders[0],
        probe_settings(p),
        processes.ready(p.workers),
    )

    def few(name: str, size: int) -> DataSet:
        data = run.images[name, size].first(p.n_switch)
        return replace(data, name=f"{name}[:{len(data.test)}]")

    images = {name: few(name, first.input_size) for name in p.data}
    heads = {
        m.data: Head(torch.from_numpy(m.weight), torch.from_numpy(m.bias))
        for m in run.measurements
        if m.encoder == first.name
    }

    def probes(encoder: Encoder, its: ProbeSettings) -> dict[str, Head]:
        fitted = measure.fit_probes([(encoder, images[name]) for name in p.data], its, workers=workers)
        return dict(zip(p.data, fitted, strict=True))

    doubled = of_doubled_range(first)
    own = {AS_STATED: (first, heads), RANGE: (doubled, probes(doubled, settings))}
    for switch, decay in DECAYS.items():
        own[switch] = first, probes(first, replace(settings, weight_decay=decay, decay_bias=True))
    cases = {(s, first.name, name): (e, its[name], images[name]) for s, (e, its) in own.items() for name in p.data}
    changed = [doubled]
    for encoder in run.encoders:
        for name in p.data:
            small = few(name, encoder.input_size)
            part = Split(small.train.images[:PROBE_IMAGES], small.train.required_labels()[:PROBE_IMAGES])
            if probed := probed_in_both_modes(encoder, part, len(small.classes), short_probe(p)):
                before, after, head = probed
                cases[FROZEN, encoder.name, name] = encoder, before, small
                cases[MOVED, encoder.name, name] = after, head, small
                changed.append(after)
    halved = {
        (new, first.name, name): cases[old, first.name, name]
        for new, old in ((HALF_RADIUS, AS_STATED), (BOTH, RANGE))
        for name in p.data
    }
    quick = quick_attacks(p)
    plan = AttackPlan(quick, quick, PGDSettings(steps=20, seed=p.seed + 100), floor_points=0, apgd_points=0)
    measured: dict[Key, Measurement] = {}
    for some, within in ((cases, p.threat), (halved, Threat(p.norm, p.eps / 2))):
        found = measure.measure(list(some.values()), within, plan, workers=workers)
        measured |= {key: replace(m, encoder=f"{key[1]}: {key[0]}") for key, m in zip(some, found, strict=True)}
    counts = run.points["data"].map({name: len(data.test) for name, data in images.items()})
    reference = run.points[(run.points.encoder == first.name) & (run.points.point < counts)]
    return Switched(p, first, images, heads, reference, measured, changed)


def regressions(run: Experiment, p: Parameters) -> tuple[pd.DataFrame, int]:
    """M8: the factors of the sprites regressed on every encoder of a run, and on how many test sprites."""
    settings, n = PGDSettings(steps=12, refine=12, seed=p.seed), min(64, p.n_switch)
    frames = []
    for encoder in run.encoders:
        size, n_train = encoder.input_size, min(1500, p.n_train)
        sprites = load_data_set("sprites", size=size, n_train=n_train, n_test=n, seed=p.seed)
        frames.append(squared_and_unsquared(encoder, sprites, p.threat, settings))
    return pd.concat(frames, ignore_index=True), n
