"""From a chapter's parameters to its measurements: every encoder, a linear probe, on every data set, attacked."""

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd

from rt_utils.evaluation import measure, measurement, published_accuracy
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import pretrained_head
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import processes
from rt_utils.theory.threat import Threat
from rt_utils.training.train_mode_probe import probes_in_train_mode

TRAIN = "train"  # the encoder's mode while its probe is fitted, where it does not stay frozen


@dataclass(frozen=True)
class Experiment:
    """What a page computed: `points` has one row per encoder, data set and test point."""

    encoders: Sequence[Encoder]
    images: Mapping[tuple[str, int], DataSet]  # by name and size
    measurements: Sequence[Measurement]
    points: pd.DataFrame
    # By the names of encoder and data set, what a probe in train mode left of an encoder; empty where they stay frozen.
    moved: Mapping[tuple[str, str], Encoder] = field(default_factory=dict)

    @property
    def measured(self) -> list[Encoder]:
        """The encoders that were measured: `encoders`, but those that moved, one for each data set, in their place."""
        own = [e for e in self.encoders if e.name not in {name for name, _ in self.moved}]
        return [*own, *self.moved.values()]

    def encoder(self, m: Measurement) -> Encoder:
        """The encoder of one of the measurements."""
        return self.moved.get((m.encoder, m.data)) or next(e for e in self.encoders if e.name == m.encoder)

    def case(self, m: Measurement, n: int | None = None) -> tuple[Encoder, Head, DataSet]:
        """Encoder, head and data set of one of the measurements; of the test images the first n."""
        encoder = self.encoder(m)
        images = self.images[m.data, encoder.input_size]
        return encoder, m.head, images if n is None else images.first(n)


def attack_plan(p: SimpleNamespace) -> AttackPlan:
    """The attacks of a page, by successive halving from `restarts` starts; the checks on the first points.

    The page's own attacks begin with steps of `rel_stepsize` times eps; those that check them keep theirs.
    """
    return AttackPlan(
        representation=HalvingSettings.of_shift(p.restarts, p.steps, p.rel_stepsize, p.seed),
        loss=HalvingSettings.of_loss(p.restarts, p.steps, p.rel_stepsize, p.seed),
        margin=HalvingSettings.of_margin(p.restarts, p.steps, p.rel_stepsize, p.seed),
        predicted=PGDSettings(steps=20, rel_stepsize=p.rel_stepsize, seed=p.seed + 100),
        paper=PGDSettings(steps=20, rel_stepsize=0.7, decay=False, seed=p.seed + 200),
        floor=PGDSettings(steps=100, restarts=5, seed=p.seed + 300),
        floor_points=p.floor_points,
        apgd_points=p.apgd_points,
    )


def probe_settings(p: SimpleNamespace) -> ProbeSettings:
    """How a page fits its linear probes; with the usual batch where it has no parameter for it."""
    batch = vars(p).get("batch", ProbeSettings.batch)
    return ProbeSettings(p.probe_epochs, p.probe_lr, batch, seed=p.seed)


def fitted_probes(
    p: SimpleNamespace, pairs: Sequence[tuple[Encoder, DataSet]], workers: int
) -> list[tuple[Encoder, Head]]:
    """For every pair the encoder that is measured, and its linear probe, in the mode that the page's parameters say."""
    if vars(p).get("probe_mode") == TRAIN:
        return probes_in_train_mode(pairs, probe_settings(p), workers=workers)
    heads = measure.fit_probes(pairs, probe_settings(p), workers=workers)
    return [(encoder, head) for (encoder, _), head in zip(pairs, heads, strict=True)]


def with_subspace(plan: AttackPlan, p: SimpleNamespace) -> AttackPlan:
    """The plan with a modest attack aimed at the head's own subspace too."""
    aimed = PGDSettings(
        12, min(2, p.restarts), math.ceil(0.3 * p.steps), rel_stepsize=p.rel_stepsize, seed=p.seed + 400
    )
    return replace(plan, subspace=aimed)


def loaded_images(
    p: SimpleNamespace, names: Sequence[str], encoders: Iterable[Encoder]
) -> dict[tuple[str, int], DataSet]:
    """The data sets of these names in the sizes that the encoders take, by name and size."""
    return {
        (name, size): load_data_set(name, size=size, n_train=p.n_train, n_test=p.n_test, seed=p.seed)
        for name, size in product(names, sorted({encoder.input_size for encoder in encoders}))
    }


def run(p: SimpleNamespace, *, subspace: bool = False) -> Experiment:
    """Freeze each encoder, fit a linear probe on its clean features, attack, and evaluate; in `workers` processes.

    With `probe_mode` "train" its BatchNorm statistics move with the probe, and what that leaves behind is measured.

    `subspace`: whether an attack is aimed at the head's own subspace too; it changes no other number.
    A script that calls this needs the guard `if __name__ == "__main__"`, as every use of processes does.
    Raises InputError for whatever of p.encoders and p.data cannot be used.
    """
    workers = processes.ready(p.workers)  # they import while this process loads and draws
    loaded = [published_accuracy.loaded(name, workers=workers) for name in p.encoders]
    images = loaded_images(p, p.data, loaded)
    pairs = [(encoder, images[name, encoder.input_size]) for encoder, name in product(loaded, p.data)]
    probed = fitted_probes(p, pairs, workers)
    cases = [(encoder, head, data) for (encoder, head), (_, data) in zip(probed, pairs, strict=True)]
    moved = {
        (after.name, data.name): after
        for (before, data), (after, _) in zip(pairs, probed, strict=True)
        if after is not before
    }
    plan = with_subspace(attack_plan(p), p) if subspace else attack_plan(p)
    found = measure.measure(cases, Threat(p.norm, p.eps), plan, workers=workers)
    points = pd.concat([measurement.table(m) for m in found], ignore_index=True)
    return Experiment(loaded, images, found, points, moved)


def repeated(p: SimpleNamespace, k: int) -> SimpleNamespace:
    """The parameters of repeat k: other images, probes and attacks, by seed + k; p itself for k = 0.

    Repeats have at most `seed_points` test points for each data set, and no stronger search beside them.
    """
    other = copy(p)
    if k:
        vars(other).update(seed=p.seed + k, n_test=min(p.n_test, p.seed_points), floor_points=0, apgd_points=0)
    return other


def repeats(p: SimpleNamespace, *, subspace: bool = False) -> list[Experiment]:
    """The page's run, then `n_seeds` - 1 further ones (`repeated`); `subspace` as for `run`."""
    return [run(repeated(p, k), subspace=subspace) for k in range(p.n_seeds)]


def shifts_before_a_head(runs: Sequence[Experiment], p: SimpleNamespace) -> list[dict[tuple[str, str], np.ndarray]]:
    """For each of the page's `repeats`, by encoder and data set, what the attack on the representation found alone.

    One shift a test point, in feature units. The attack saw neither a label nor a head; the runs kept it in the cache.
    """
    found = []
    for k, done in enumerate(runs):
        loaded, plan = {encoder.name: encoder for encoder in done.encoders}, attack_plan(repeated(p, k))
        where = [(m.encoder, m.data) for m in done.measurements]
        cases = [(loaded[e], done.images[d, loaded[e].input_size], p.threat, plan) for e, d in where]
        searched = measure.label_free(cases)
        # With eps = 0 nothing is searched.
        shifts = [by_kind.get("representation", np.zeros(len(z))) for z, by_kind in searched]
        found.append(dict(zip(where, shifts, strict=True)))
    return found


def shift_table(found: Sequence[Mapping[tuple[str, str], np.ndarray]], seed: int) -> pd.DataFrame:
    """What `shifts_before_a_head` gives as a table: seed, encoder, data, point, shift."""
    return pd.concat(
        pd.DataFrame({"seed": seed + k, "encoder": encoder, "data": data, "point": range(len(shifts)), "shift": shifts})
        for k, by_case in enumerate(found)
        for (encoder, data), shifts in by_case.items()
    )


def with_pretrained_heads(done: Experiment, p: SimpleNamespace) -> list[Measurement]:
    """The heads that the encoders were pretrained with, where they are known, attacked on the pretraining's data."""
    cases = []
    for encoder, name in product(done.encoders, p.data):
        images = done.images[name, encoder.input_size]
        if (head := pretrained_head(encoder.name, name, images.classes)) is not None:
            cases.append((encoder, head, images))
    unchecked = replace(attack_plan(p), floor_points=0, apgd_points=0)
    return measure.measure(cases, p.threat, unchecked, workers=processes.ready(p.workers)) if cases else []
