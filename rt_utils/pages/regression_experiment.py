"""From a chapter's parameters to probes of factors under attack in both norms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64

from rt_utils.evaluation import published_accuracy
from rt_utils.evaluation.adam_probe import adam
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.regression import (
    Fit,
    Found,
    Probed,
    as_taken,
    both_sides,
    first,
    least_squares,
    probe,
    strongest,
)
from rt_utils.evaluation.regression_search import Attack, Case, Halvings, search
from rt_utils.evaluation.regression_tables import floor_ratios
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.images.drawn.sprites import FACTORS
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime import processes
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Norm, Threat

NORMS: tuple[Norm, ...] = ("linf", "l2")
# Which left side of `regression.left_sides` Table 7 shows, and its loss in words, by the parameter `table_loss`.
LOSSES = {
    "absolute": ("|xi|", r"\(|\xi|\)"),
    "squared": ("code", r"\(\xi^2\) with \(C_1=1\), as in the released code"),
}
PAGE, FLOOR, PAPER = "page", "floor", "paper"


@dataclass(frozen=True)
class Regression:
    """What a page computed: probes by encoder; what attacks found, by encoder and norm."""

    images: Mapping[int, DataSet]  # by size
    probed: Mapping[str, Probed]
    attacks: Mapping[str, Attack]
    threats: Mapping[Norm, Threat]
    finds: Mapping[tuple[str, str], Sequence[Find]]
    found: Mapping[tuple[str, str], Found]  # the strongest of all attacks
    checked: int  # images on which the stronger search and the paper's attack ran

    @property
    def shapes(self) -> Int64[np.ndarray, " n"]:
        """The shape of each test image."""
        return next(iter(self.images.values())).test.required_labels().numpy()

    @property
    def sides(self) -> pd.DataFrame:
        """Both sides of Lemma 1, one row for each norm, encoder and factor."""
        cases = product(NORMS, self.probed)
        return pd.concat([both_sides(self.probed[e], n, self.found[e, n]) for n, e in cases], ignore_index=True)

    @property
    def floor(self) -> pd.DataFrame:
        """The attack floor: the page's finds over the stronger search's, on the same images; then the paper's."""
        rows = []
        for (name, norm), finds in self.finds.items() if self.checked else ():
            its, n = self.probed[name], self.checked
            page, strong, paper = (
                strongest(its.head, its.z_test[:n], its.y_test[:n], first(finds, n), (which,))
                for which in (PAGE, FLOOR, PAPER)
            )
            papers = floor_ratios(paper, strong)
            row = {"encoder": name, "norm": norm} | floor_ratios(page, strong)
            rows.append(row | {"paper: AS": papers.pop("AS"), "paper: gaps": min(papers.values())})
        return pd.DataFrame(rows, columns=["encoder", "norm", "AS", *FACTORS, "paper: AS", "paper: gaps"])


def with_factors(data: Sequence[str]) -> str:
    """The name of the one data set. Raises InputError where it has no factors to regress."""
    name = ", ".join(data)
    if len(data) > 1 or (name != "sprites" and name.partition(":")[0] != "dsprites"):
        what = "give sprites, dsprites or dsprites:PATH.npz, one of them"
        raise InputError(f"data {name!r} has no factors to regress: {what}")
    return name


def attacks(p: Parameters) -> dict[str, Attack]:
    """The page's own attack, a stronger one that checks it, and the paper's settings."""
    seed, given = p.seed, (p.restarts, p.steps, p.rel_stepsize, p.seed)
    return {
        PAGE: Halvings(HalvingSettings.of_shift(*given), HalvingSettings.of_loss(*given)),
        FLOOR: PGDSettings(steps=100, restarts=2, rel_stepsize=1.0, seed=seed + 300),
        PAPER: PGDSettings(steps=50, rel_stepsize=1.0, decay=False, seed=seed + 200),
    }


def fit_of(p: Parameters) -> Fit:
    """How the page's probes are fitted, from its parameters."""
    return partial(adam, seed=p.seed) if p.probe_fit == "adam" else least_squares


def run(p: Parameters) -> Regression:
    """Freeze each encoder, fit a probe of all factors, and attack it in both norms. Raises InputError."""
    data, workers = with_factors(p.data), processes.ready(p.workers)
    loaded = [published_accuracy.loaded(name, workers=workers) for name in p.encoders]
    given = {"n_train": p.n_train, "n_test": max(p.n_test, p.n_train // 4), "seed": p.seed}
    images = {size: load_data_set(data, size=size, **given) for size in {e.input_size for e in loaded}}
    probed = {encoder.name: probe(encoder, images[encoder.input_size], fit_of(p)) for encoder in loaded}
    threats, settings, few = {norm: Threat(norm, p.eps) for norm in NORMS}, attacks(p), min(p.floor_points, p.n_test)
    cases = {}
    for (name, its), norm in product(probed.items(), NORMS):
        for n, which in ((p.n_test, (PAGE,)), (few, (FLOOR, PAPER))):
            chosen = {attack: settings[attack] for attack in which}
            x, targets = as_taken(its.encoder, its.data.test.images[:n]), torch.from_numpy(its.y_test[:n]).float()
            cases[name, norm, which] = Case(its.encoder, its.head, x, targets, data, threats[norm], chosen)
    everything = search(cases, workers)
    finds: dict[tuple[str, str], list[Find]] = {
        (e, n): [*everything[e, n, (PAGE,)], *everything[e, n, (FLOOR, PAPER)]] for e, n in product(probed, NORMS)
    }
    found: dict[tuple[str, str], Found] = {
        (e, n): strongest(probed[e].head, probed[e].z_test[: p.n_test], probed[e].y_test[: p.n_test], its, settings)
        for (e, n), its in finds.items()
    }
    return Regression(images, probed, settings, threats, finds, found, few)


def points(run: Regression) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """What points.csv and points.npz hold of a regression: one row for each encoder, norm and test point; features."""
    frames: list[pd.DataFrame] = []
    arrays: dict[str, np.ndarray] = {}
    for (name, norm), found in run.found.items():
        its, n = run.probed[name], len(found.shift)
        data = its.data.name
        place = {"encoder": name, "data": data, "norm": norm, "point": range(n), "label": run.shapes[:n]}
        columns = {f"loss_{f}": found.clean[:, k] for k, f in enumerate(FACTORS)}
        columns |= {f"adversarial_loss_{f}": found.worst[:, k] for k, f in enumerate(FACTORS)}
        frames.append(pd.DataFrame(place | {"shift": found.shift} | columns))
        case, moved = f"{name}|{data}", {"z_shift": found.z_shift, "z_loss": found.z_worst}
        arrays |= {f"{case}|{norm}|{key}": value.astype(np.float32) for key, value in moved.items()}
        own = {"z": its.z_test[:n], "targets": its.y_test[:n]}
        own |= {"weight": its.head.weight.numpy(), "bias": its.head.bias.numpy()}
        arrays |= {f"{case}|{key}": value for key, value in own.items()}
    return pd.concat(frames, ignore_index=True), arrays
