"""From a page's parameters to finetuned encoders: every start, rate and method, trained and attacked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from rt_utils.evaluation import measure, measurement, published_accuracy
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finetuned_runs import STARTS, Grid, Setting, linear, table_of_runs
from rt_utils.evaluation.margin_attack import with_margin_attack
from rt_utils.evaluation.measurement import Measurement
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages.experiment import attack_plan
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime.errors import InputError
from rt_utils.training.adversarial_finetuning import Finetuned, Inner, adversarial_finetuning, adversarial_probe
from rt_utils.training.peft import PEFT

Case = tuple[Setting, int]  # and the seed


def only_data_set(p: Parameters) -> str:
    """Raises InputError where there are several."""
    if len(p.data) > 1:
        raise InputError(f"data names {len(p.data)} data sets, {', '.join(p.data)}: finetune on one at a time")
    (name,) = p.data
    return str(name)


def grid(p: Parameters) -> Grid:
    """The starts and rates of a page. An epoch of probing costs about half of one of finetuning."""
    longer = p.ft_epochs + -(-p.probe_epochs // 2)
    return Grid(p.encoders, p.ft_lr, p.ft_lr / p.lr_ratio, p.ft_epochs, longer)


def peft_cases(p: Parameters) -> Iterator[Case]:
    """The methods that train few parameters: from the first encoder at one rate, or everywhere with several seeds."""
    encoders, rates = (
        (p.encoders, (p.peft_lr, p.peft_lr / p.lr_ratio)) if p.peft_seeds > 1 else (p.encoders[:1], (p.peft_lr,))
    )
    for encoder, seed in product(encoders, range(min(p.peft_seeds, p.n_seeds))):
        for rate, method, start in product(rates, PEFT, STARTS):
            yield Setting(encoder, method, start, rate, p.ft_epochs), seed


@dataclass(frozen=True)
class Trained:
    """Encoders and images of a page, and what was trained of them."""

    p: Parameters
    encoders: Mapping[str, Encoder]
    images: Mapping[tuple[str, int], DataSet]  # by encoder and seed
    models: Mapping[Case, Finetuned]

    @cached_property
    def measured(self) -> dict[Case, Measurement]:
        """Every model attacked; of the control, of which only accuracies are shown, the loss more than the shift."""
        plan = attack_plan(self.p)
        plan = replace(plan, predicted=replace(plan.predicted, steps=5), floor_points=0, apgd_points=0)
        quick = replace(plan, representation=PGDSettings(steps=1, seed=self.p.seed))
        on_margin, longer = PGDSettings(2 * self.p.steps, seed=self.p.seed + 400), grid(self.p).longer
        found = {}
        for (setting, seed), (encoder, head, _) in self.models.items():
            data, aside = self.images[setting.encoder, seed], setting.method == "full" and setting.epochs == longer
            its = quick if aside else plan
            (m,) = measure.measure([(encoder, head, data)], self.p.threat, its, workers=1)
            found[setting, seed] = with_margin_attack(m, encoder, head, data.test, self.p.threat, on_margin)
        return found

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run (`finetuned_runs`)."""
        return table_of_runs(self.measured)

    def checked(self) -> pd.DataFrame:
        """The first seed's points for the attack floor: before the finetuning, and after it at the high rate."""
        plan, floor_grid, first = attack_plan(self.p), grid(self.p), self.p.encoders[0]
        before, after = linear(first), floor_grid.full(first, "RoLI", floor_grid.high)
        page = replace(plan, predicted=replace(plan.predicted, steps=5), apgd_points=0)
        case = (self.encoders[first], self.images[first, 0], self.p.threat, page)
        ((_, deep),) = measure.label_free([case], workers=1)
        shifts = {"shift_floor": deep.get("floor", np.nan), "shift_paper": np.nan}
        frames = [measurement.table(self.measured[before, 0]).assign(encoder=f"{first}, before", **shifts)]
        for encoder, start in product(self.p.encoders, reversed(STARTS)):
            setting = floor_grid.full(encoder, start, floor_grid.high)
            again = replace(plan, floor_points=self.p.floor_points if setting == after else 0)
            tuned, head, _ = self.models[setting, 0]
            (m,) = measure.measure([(tuned, head, self.images[encoder, 0])], self.p.threat, again, workers=1)
            own = measurement.table(self.measured[setting, 0])[["shift_page", "loss_page", "wrong_pgd"]]
            frames.append(measurement.table(m).assign(encoder=f"{encoder}, {start}", **own))
        return pd.concat(frames, ignore_index=True)

    def kept(self) -> list[Measurement]:
        """The first seed's measurements, named by encoder, start, method and rate; without the control."""
        longer = grid(self.p).longer
        return [
            replace(m, encoder=f"{m.encoder}, rate {setting.rate:g}" if setting.rate else setting.encoder)
            for (setting, seed), m in self.measured.items()
            if seed == 0 and not (setting.method == "full" and setting.epochs == longer)
        ]


def run(p: Parameters) -> Trained:
    """Train everything. Raises InputError for whatever of p.encoders and p.data cannot be used."""
    name, inner, both = only_data_set(p), Inner(p.threat, p.train_steps), grid(p)
    encoders = {encoder: published_accuracy.loaded(encoder) for encoder in p.encoders}
    counts = {"n_train": p.n_train, "n_test": p.n_test}
    images = {
        (e, k): load_data_set(name, size=encoder.input_size, seed=p.seed + k, **counts)
        for k in range(p.n_seeds)
        for e, encoder in encoders.items()
    }
    models: dict[Case, Finetuned] = {}
    for setting, k in (*both.cases(p.n_seeds), *peft_cases(p)):
        encoder, data, seed = encoders[setting.encoder], images[setting.encoder, k], p.seed + k
        if setting == linear(setting.encoder):
            head = adversarial_probe(encoder, data, inner, lr=p.probe_lr, epochs=p.probe_epochs, seed=seed)
            models[setting, k] = Finetuned(encoder, head)
            continue
        start = models[linear(setting.encoder), k].head if setting.start == "RoLI" else None
        how = {"method": setting.method, "rank": p.rank, "lr": setting.rate, "epochs": setting.epochs}
        models[setting, k] = adversarial_finetuning(encoder, start, data, inner, **how, seed=seed)
    return Trained(p, encoders, images, models)
