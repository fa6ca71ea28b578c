"""Real attacks on the real embedded encoders, at a small size."""

import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from rt_utils.evaluation import apgd, attacks
from rt_utils.evaluation import measure as measuring
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images import data_set
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import cache
from rt_utils.runtime.errors import InputError
from rt_utils.theory import perturbations
from rt_utils.theory.threat import Threat

FAST = AttackPlan(
    representation=PGDSettings(steps=3, restarts=2, refine=4),
    loss=PGDSettings(steps=3, restarts=2, refine=4),
    predicted=PGDSettings(steps=4),
    paper=PGDSettings(steps=4, rel_stepsize=0.7, decay=False),
    floor=PGDSettings(steps=6, restarts=2, seed=1),
    floor_points=8,
    apgd_steps=5,
    apgd_points=12,
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))


def probe(encoder: Encoder, data: data_set.DataSet) -> Head:
    return fit_probes([(encoder, data)], ProbeSettings(epochs=5))[0]


def measured(encoder: Encoder, data: data_set.DataSet, threat: Threat, workers: int = 0) -> Measurement:
    return measure([(encoder, probe(encoder, data), data)], threat, FAST, workers=workers)[0]


@pytest.fixture(scope="module")
def robust() -> Encoder:
    return load_encoder("embedded/robust")


@pytest.fixture(scope="module")
def digits() -> data_set.DataSet:
    return load_data_set("digits", size=32, n_train=200, n_test=16)


def some_measurement() -> Measurement:
    """A real one, small, for tests of what comes after."""
    encoder, data = load_encoder("embedded/random"), load_data_set("digits", size=32, n_train=50, n_test=4)
    return measured(encoder, data, Threat("linf", 0.0))


@pytest.mark.parametrize("threat", [Threat("linf", 8 / 255), Threat("linf", 0.3), Threat("l2", 0.5)], ids=str)
def test_attacks_stay_inside_and_gain(robust: Encoder, digits: data_set.DataSet, threat: Threat) -> None:
    x, y = digits.test.pixels()[:8], digits.test.required_labels()[:8]
    model = torch.nn.Sequential(robust, probe(robust, digits).module()).eval()
    found = [
        *attacks.representation_pgd(robust, x, threat, FAST.representation),
        *attacks.loss_pgd(model, x, y, threat, FAST.predicted),
        apgd.apgd(model, x, y, threat, loss="ce", steps=5),
        apgd.apgd(model, x, y, threat, loss="dlr", steps=5),
    ]
    assert len(found) == 2 + 1 + 1 + 2
    for images in found:
        assert perturbations.allowed(threat, x, images).all()
    z = robust.features(x)
    random = robust.features(perturbations.random_start(threat, x, torch.Generator().manual_seed(5)).clamp(0, 1))
    best = torch.stack([(robust.features(images) - z).norm(dim=1) for images in found[:3]]).amax(0)
    assert (best > (random - z).norm(dim=1)).all()  # better than noise of the same size


def test_apgd_does_not_hold_on_to_the_images_of_its_steps(robust: Encoder, digits: data_set.DataSet) -> None:
    steps, alive = [], []

    class Watched(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            steps.append(weakref.ref(x))
            alive.append(sum(step() is not None for step in steps))
            return robust(x)[:, :10]

    x, y = digits.test.pixels(), torch.zeros(16, dtype=torch.long)
    apgd.apgd(Watched(), x, y, Threat("linf", 1 / 255), loss="ce", steps=40)
    assert len(steps) > 40
    assert max(alive) < 5


def test_a_radius_of_zero_moves_nothing(robust: Encoder, digits: data_set.DataSet) -> None:
    rows = table(measured(robust, digits, Threat("linf", 0.0)))
    assert (rows["shift"] == 0).all()
    assert (rows.adversarial_loss == rows.loss).all()
    assert not rows.flipped.any()


def test_a_measurement_is_deterministic_and_consistent(
    robust: Encoder, digits: data_set.DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same in one process as in two others, each with a cache of its own."""
    torch.set_num_threads(1)
    one = measured(robust, digits, Threat("linf", 8 / 255))
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "another"))
    two = measured(robust, digits, Threat("linf", 8 / 255), workers=2)
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, two.arrays()[name], err_msg=name)
    rows = table(one)
    assert (rows["shift"] >= rows.shift_page).all()
    assert (rows["shift"] >= rows.shift_floor.fillna(0)).all()
    assert rows.shift_floor.notna().sum() == 8
    assert rows.shift_paper.notna().sum() == 12
    assert (rows.adversarial_loss >= rows.loss).all()
    assert (rows.adversarial_loss >= rows.loss_page).all()
    assert (rows.adversarial_loss >= rows.loss_floor.fillna(0)).all()
    assert not (rows.fulfilled & rows.flipped).any()
    assert (rows.wrong >= (rows.label != rows.predicted)).all()


def test_more_points_of_a_data_set_use_what_is_known_of_fewer(robust: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measuring.CHUNK, "cpu", 8)
    threat, entries, shifts, losses = Threat("linf", 8 / 255), [], [], []
    for n in (8, 16):
        data = load_data_set("digits", size=32, n_train=200, n_test=n)
        rows = table(measured(robust, data, threat))
        entries.append({kind: count for kind, _, count, _ in cache.contents()})
        shifts.append(rows["shift"].tolist()[:8])
        losses.append(rows.adversarial_loss.tolist()[:8])
    assert [(kept["losses"], kept["shifts"]) for kept in entries] == [(1, 3), (2, 5)]  # floor: the first 8 alone
    assert shifts[0] == shifts[1]
    assert losses[0] == losses[1]


def test_the_probe_leaves_the_encoder_untouched(robust: Encoder, digits: data_set.DataSet) -> None:
    before = {name: value.clone() for name, value in robust.state_dict().items()}
    probe(robust.train(), digits)
    assert not robust.training
    assert not any(p.requires_grad for p in robust.parameters())
    assert all(torch.equal(before[name], value) for name, value in robust.state_dict().items())


def test_a_head_of_another_width_is_refused(robust: Encoder, digits: data_set.DataSet) -> None:
    head = Head(torch.zeros(10, 63).double(), torch.zeros(10).double())
    with pytest.raises(InputError, match="the head takes 63 features, embedded/robust gives 64"):
        measure([(robust, head, digits)], Threat("linf", 0.1), FAST)
