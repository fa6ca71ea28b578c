"""The attack aimed at the head's own subspace: known maxima, what its finds count for, and what they leave alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from linear_world import PIXELS, data_set, grey_images, linear_encoder, normal, reach

from rt_utils.evaluation import measure as measuring
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.measure import measure
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.search import AttackPlan, Find
from rt_utils.evaluation.subspace_search import KIND, best_in_subspace, search_subspace
from rt_utils.models.head import Head
from rt_utils.runtime import cache
from rt_utils.theory.subspace import difference_basis
from rt_utils.theory.threat import Threat

SHORT = PGDSettings(steps=4)
PLAN = AttackPlan(SHORT, SHORT, SHORT, SHORT, SHORT, floor_points=4, apgd_steps=3, apgd_points=6)
AIMED = dataclasses.replace(PLAN, subspace=PGDSettings(steps=12, restarts=2, refine=20))
THREATS = [Threat("linf", 0.05), Threat("l2", 0.3)]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "own"))


def _measured(plan: AttackPlan, threat: Threat = THREATS[0], n_classes: int = 3) -> Measurement:
    """Five features of which the head sees `n_classes` - 1 directions, and a common row that matters to none."""
    encoder, data = linear_encoder(normal(5, PIXELS)), data_set(10, n_classes)
    weight = normal(n_classes, 5, seed=1).double() + 3 * normal(1, 5, seed=2).double()
    head = Head(weight, -weight @ encoder.features(data.test.images).double().mean(0))
    return measure([(encoder, head, data)], threat, plan, workers=1)[0]


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_known_shift_in_the_subspace_is_found(threat: Threat) -> None:
    """Two classes: P projects onto one unit vector u, and S_P = eps ||u^T A||_* for features A x, at every image."""
    weight, images = normal(5, PIXELS), grey_images(6)
    encoder, head = linear_encoder(weight), normal(2, 5, seed=1).double()
    basis = difference_basis(head)
    (*_, found) = search_subspace(encoder, head, images, threat, PGDSettings())
    assert found.kind == KIND
    moved = np.abs((found.z - encoder.features(images).numpy()) @ basis.numpy().T)[:, 0]
    assert moved == pytest.approx(reach(basis.float() @ weight, threat).item(), rel=0.01)


def test_where_no_two_rows_differ_nothing_is_searched() -> None:
    encoder, head = linear_encoder(normal(5, PIXELS)), normal(1, 5).expand(3, -1).double()
    assert search_subspace(encoder, head, grey_images(4), THREATS[0], SHORT) == []
    z = encoder.features(grey_images(4))
    found = best_in_subspace(Head(head, torch.zeros(3).double()), z, [Find("loss", np.arange(4), z.numpy() + 1)])
    assert not found.shift_subspace.any()
    assert not found.shift_directional.any()
    np.testing.assert_allclose(found.shift_with_subspace, 5**0.5, rtol=1e-6)


def test_the_best_of_hand_made_finds() -> None:
    """Logits (u, -u) at the features (u, v): the subspace is the first axis, and D the move to the left."""
    head = Head(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).double(), torch.zeros(2).double())
    z = torch.tensor([[1.0, 0.0]] * 3)
    finds = [
        Find("loss", np.array([0, 1]), np.array([[0.5, 4], [3, 0]], np.float32)),
        Find(KIND, np.array([1, 0]), np.array([[-0.5, 0], [1.25, 0]], np.float32)),
        Find("representation", np.array([0]), np.array([[1.25, 9]], np.float32)),
    ]
    found = best_in_subspace(head, z, finds)
    expected: dict[str, list[object]] = {
        "z_subspace": [[0.5, 4], [3, 0], [1, 0]],
        "shift_subspace": [0.5, 2, 0],
        "shift_subspace_aimed": [0.25, 1.5, 0],
        "shift_with_subspace": [(1 / 16 + 81) ** 0.5, 2, 0],
        "shift_directional": [0.5, 1.5, 0],
        "flipped_with_subspace": [False, True, False],
    }
    assert set(found.arrays()) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(found, name), np.array(values), rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_aimed_attack_leaves_everything_else_as_it_was(threat: Threat, tmp_path: Path) -> None:
    """Old arrays to the bit, old columns, old entries of the cache; what is new has entries of its own."""
    without = _measured(PLAN, threat)
    before = {kind: count for kind, _, count, _ in cache.contents()}
    aimed = _measured(AIMED, threat)
    after = {kind: count for kind, _, count, _ in cache.contents()}
    assert after == before | {KIND: 1}
    for name, array in without.arrays().items():
        np.testing.assert_array_equal(array, aimed.arrays()[name], err_msg=name)
    assert without.subspace is None
    rows, old = table(aimed), table(without)
    assert rows[old.columns].equals(old)
    assert set(rows) - set(old) == {*aimed.subspace.arrays(), "fulfilled_subspace"} - {"z_subspace"}  # type: ignore[union-attr]


def test_another_head_or_other_settings_are_another_attack() -> None:
    for plan, n_classes in ((AIMED, 3), (AIMED, 4), (dataclasses.replace(AIMED, subspace=SHORT), 3)):
        _measured(plan, n_classes=n_classes)
    assert {kind: count for kind, _, count, _ in cache.contents()}[KIND] == 3


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_order_on_what_was_found(threat: Threat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measuring.CHUNK, "cpu", 0)  # chunks of four
    m = _measured(AIMED, threat)
    found, rows = m.subspace, table(m)
    assert found is not None
    assert (found.shift_directional <= found.shift_subspace + 1e-9).all()
    assert (found.shift_subspace <= found.shift_with_subspace + 1e-9).all()
    assert (rows["shift"] <= found.shift_with_subspace + 1e-9).all()
    assert (found.shift_subspace_aimed <= found.shift_subspace).all()
    assert (found.shift_subspace_aimed > 0).all()
    assert (m.flipped <= found.flipped_with_subspace).all()
    assert not (rows.fulfilled_subspace & rows.flipped_with_subspace).any()
    basis = difference_basis(torch.from_numpy(m.weight)).numpy()
    again = np.linalg.norm((found.z_subspace.astype(float) - m.z) @ basis.T, axis=1)
    np.testing.assert_allclose(again, found.shift_subspace, rtol=1e-9)
