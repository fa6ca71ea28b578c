"""From a page's parameters to its attacks, its runs and their repetitions."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rt_utils.evaluation import measure
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import experiment
from rt_utils.pages.parameters import Parameters, check

TINY: dict[str, Any] = {
    "encoders": "embedded/random",
    "data": "digits",
    "norm": "l2",
    "eps": "1/2",
    "steps": 2,
    "restarts": 1,
    "rel_stepsize": 2.0,
    "floor_points": 1,
    "apgd_points": 2,
    "n_train": 40,
    "n_test": 5,
    "n_seeds": 2,
    "seed_points": 3,
    "probe_epochs": 2,
    "probe_lr": 0.05,
    "batch": 16,
    "seed": 3,
    "workers": 1,
}


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Parameters, list[experiment.Experiment]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_CACHE", str(tmp_path_factory.mktemp("experiment")))
        p = check(TINY)
        return p, experiment.repeats(p)


def test_the_attacks_of_a_page() -> None:
    p = check(TINY | {"steps": 101, "restarts": 4, "rel_stepsize": 1.5, "seed": 7, "floor_points": 9})
    plan = experiment.attack_plan(p)
    its = {"rel_stepsize": 1.5, "seed": 7}
    assert plan.loss == HalvingSettings(4, 2, (4, 6, 34), **its)
    assert plan.representation == HalvingSettings(7, 3, (5, 6, 34), mirrored=7, **its)  # a third, up
    assert plan.predicted == PGDSettings(steps=20, rel_stepsize=1.5, seed=107)
    assert plan.paper == PGDSettings(steps=20, rel_stepsize=0.7, decay=False, seed=207)
    assert plan.floor == PGDSettings(steps=100, restarts=5, seed=307)  # its steps are its own: 3 eps at first
    assert (plan.floor_points, plan.apgd_points, plan.loss_floor_points) == (9, 2, 5)


def test_a_run_is_of_its_parameters(repeated: tuple[Parameters, list[experiment.Experiment]]) -> None:
    run = repeated[1][0]
    data = load_data_set("digits", size=32, n_train=40, n_test=5, seed=3)
    assert {name: its.fingerprint for name, its in run.images.items()} == {("digits", 32): data.fingerprint}
    assert [encoder.name for encoder in run.encoders] == ["embedded/random"]
    points, (m,) = run.points, run.measurements
    assert points.encoder.unique().tolist() == ["embedded/random"]
    assert points.data.unique().tolist() == ["digits"]
    assert points.label.tolist() == data.test.required_labels().tolist()
    assert points.shift_floor.notna().tolist() == [True, False, False, False, False]
    assert points.shift_paper.notna().tolist() == [True, True, False, False, False]
    probe = ProbeSettings(epochs=2, lr=0.05, batch=16, seed=3)
    (head,) = measure.fit_probes([(load_encoder("embedded/random"), data)], probe, workers=1)
    np.testing.assert_array_equal(m.weight, head.weight)
    assert (points["shift"] > 0).all()
    assert (points.adversarial_loss > points.loss).all()


def test_repetitions_differ_by_seed_and_are_small(
    repeated: tuple[Parameters, list[experiment.Experiment]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p, (first, second) = repeated
    assert (p.seed, p.n_test, p.floor_points, p.apgd_points) == (3, 5, 1, 2)  # the page's parameters are left alone
    assert (len(first.points), len(second.points)) == (5, 3)
    assert second.points.shift_floor.isna().all()
    assert second.points.shift_paper.isna().all()
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    changed = {"seed": 4, "n_test": 3, "floor_points": 0, "apgd_points": 0}
    alone = experiment.run(check(TINY | changed))
    assert alone.images["digits", 32].fingerprint == second.images["digits", 32].fingerprint
    for name, array in alone.measurements[0].arrays().items():
        np.testing.assert_array_equal(array, second.measurements[0].arrays()[name], err_msg=name)
    assert first.images["digits", 32].fingerprint != second.images["digits", 32].fingerprint
    assert not np.array_equal(first.measurements[0].weight, second.measurements[0].weight)


def test_no_repetition_has_more_points_than_the_page_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, int]] = []

    def run(p: Parameters, *, subspace: bool) -> experiment.Experiment:
        ran.append((p.seed, p.n_test))
        return experiment.Experiment([], {}, [], pd.DataFrame())

    monkeypatch.setattr(experiment, "run", run)
    experiment.repeats(check(TINY | {"n_seeds": 3, "seed_points": 100}))
    assert ran == [(3, 5), (4, 5), (5, 5)]


def test_every_encoder_meets_every_data_set_at_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def stop(cases: Any, threat: Any, plan: Any, *, workers: int) -> Any:
        given.update(pairs=[(e.name, d.name, d.test.images.shape[-1]) for e, _, d in cases], threat=threat, plan=plan)
        raise InterruptedError

    monkeypatch.setattr(measure, "measure", stop)
    p = check(TINY | {"encoders": "embedded/random, embedded/sprites-random", "data": "digits, textures"})
    with pytest.raises(InterruptedError):
        experiment.run(p)
    names = ("embedded/random", "embedded/sprites-random")
    assert given["pairs"] == [(e, d, s) for e, s in zip(names, (32, 64), strict=True) for d in ("digits", "textures")]
    assert (given["threat"].norm, given["threat"].eps) == ("l2", 0.5)
    assert given["plan"] == experiment.attack_plan(p)
