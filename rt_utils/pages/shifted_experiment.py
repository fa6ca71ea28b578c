"""From a chapter's parameters to images that drift: corrupted at several levels, shown at several sizes, attacked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from rt_utils.evaluation import measure, published_accuracy
from rt_utils.evaluation.distribution_shift import by_level
from rt_utils.evaluation.measurement import Measurement
from rt_utils.images import corruptions
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.corruptions import Level
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.input_sizes import at_size, before_enlarging, takes
from rt_utils.pages.experiment import attack_plan, probe_settings
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime import processes
from rt_utils.runtime.errors import InputError


@dataclass(frozen=True)
class Drift:
    """What a page computed. Measurements on corrupted images by encoder, then by the level's label."""

    encoders: Sequence[Encoder]  # the page's, then the first one at other sizes
    levels: Sequence[Level]
    corrupted: Mapping[str, Mapping[str, Measurement]]  # the first encoder at every level, the others clean and at last
    clean_probe: Mapping[str, Measurement]  # the first encoder at the last levels, its head fitted on clean images
    small: DataSet
    after: Mapping[int, Measurement]  # by size: the adversary acts on the enlarged images
    before: Mapping[int, Measurement]  # or on the small ones, before they are enlarged

    @property
    def last(self) -> list[Level]:
        """The strongest level of each kind of corruption."""
        return [level for level in self.levels if level.level == max(other.level for other in self.levels)]

    @property
    def results(self) -> pd.DataFrame:
        """Both sides of Lemma 1 and the accuracies, one row for each encoder and level."""
        measured = (
            (level, m) for found in self.corrupted.values() for level in self.levels for m in [found.get(level.label)]
        )
        return pd.DataFrame(by_level(level, m) for level, m in measured if m)

    @property
    def refitted(self) -> list[Measurement]:
        """Every measurement whose probe was fitted on images like those that it is tested on."""
        corrupted = [m for found in self.corrupted.values() for m in found.values()]
        return [*corrupted, *self.after.values(), *self.before.values()]

    @property
    def measurements(self) -> list[Measurement]:
        """Every measurement, those of the clean probe under a name of their own."""
        return [*self.refitted, *(replace(m, data=f"{m.data}, clean probe") for m in self.clean_probe.values())]


def one_size(encoders: Iterable[Encoder]) -> int:
    """The input size that the encoders share. Raises InputError where they do not."""
    sizes = [encoder.input_size for encoder in encoders]
    if len(set(sizes)) > 1:
        own = ", ".join(map(str, sizes))
        raise InputError(f"this chapter compares encoders of one input size, not of {own}")
    return sizes[0]


def run(p: Parameters, strengths: Mapping[str, Sequence[float]]) -> Drift:
    """Corrupt the first of p.data, show the last of it at three sizes, fit a linear probe to each, and attack.

    Raises InputError for whatever of p.encoders and p.data cannot be used.
    """
    workers = processes.ready(p.workers)  # they import while this process loads and draws
    loaded = [published_accuracy.loaded(name, workers=workers) for name in p.encoders]
    leading, size = loaded[0], one_size(loaded)
    given = {"n_train": p.n_train, "n_test": p.n_test, "seed": p.seed}
    levels = corruptions.levels(load_data_set(p.data[0], size=size, **given), strengths, p.seed)
    last = [level for level in levels if level.level in (0, levels[-1].level)]
    corrupted = [(encoder, level) for encoder in loaded for level in (levels if encoder is leading else last)]

    sizes = [s for s in (size // 4, size // 2, size) if takes(leading, s)]
    base, name = sizes[0], p.data[-1]
    small = replace(load_data_set(name, size=base, **given), name=f"{name} at {base}")
    after = [(at_size(leading, base), small)]
    after += [(at_size(leading, s), corruptions.enlarged(small, s, f"{name} at {s}")) for s in sizes[1:]]
    before = [(before_enlarging(leading, base, s), small) for s in sizes[1:]]

    pairs = [*((encoder, level.images) for encoder, level in corrupted), *after, *before]
    settings, plan = probe_settings(p), attack_plan(p)
    heads = measure.fit_probes(pairs, settings, workers=workers)
    cases = [(encoder, head, images) for (encoder, images), head in zip(pairs, heads, strict=True)]
    found = measure.measure(cases, p.threat, plan, workers=workers)
    with_clean_probe = [(leading, heads[0], level.images) for level in last[1:]]
    clean_probe = measure.measure(with_clean_probe, p.threat, plan, workers=workers)

    by_level: dict[str, dict[str, Measurement]] = {encoder.name: {} for encoder in loaded}
    for (encoder, level), m in zip(corrupted, found, strict=False):
        by_level[encoder.name][level.label] = m
    at_sizes = found[len(corrupted) :]
    return Drift(
        encoders=[*loaded, *(encoder for encoder, _ in (*after, *before))],
        levels=levels,
        corrupted=by_level,
        clean_probe={level.label: m for level, m in zip(last[1:], clean_probe, strict=True)},
        small=small,
        after=dict(zip(sizes, at_sizes, strict=False)),
        before=dict(zip(sizes[1:], at_sizes[len(after) :], strict=True)),
    )
