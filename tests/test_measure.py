"""Measurements: what the cache must keep apart, chunks, the known maxima, and the columns of the table."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from linear_world import PIXELS, data_set, grey_images, linear_encoder, normal, reach

from rt_utils.evaluation import measure as measuring
from rt_utils.evaluation import measurement
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measure import fit_probes, label_free, measure
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, fingerprint
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import cache
from rt_utils.theory.threat import Threat

SHORT = PGDSettings(steps=4)
PLAN = AttackPlan(SHORT, SHORT, SHORT, SHORT, SHORT, floor_points=4, apgd_steps=3, apgd_points=6)
WEIGHT = normal(5, PIXELS)
Case = tuple[Encoder, Head, DataSet, Threat, AttackPlan]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "own"))


def _head(n_classes: int = 3, width: int = 5, seed: int = 1) -> Head:
    """A head whose classes lie around the features of the grey images."""
    weight = normal(n_classes, width, seed=seed).double()
    centre = linear_encoder(WEIGHT[:width]).features(grey_images(8, 1)).double().mean(0)
    return Head(weight, -weight @ centre)


def _case(**changes: Any) -> Case:
    case = {"encoder": linear_encoder(WEIGHT), "head": _head(), "data": data_set(8, 3)}
    case |= {"threat": Threat("linf", 0.05), "plan": PLAN}
    return tuple((case | changes).values())  # type: ignore[return-value]


def _measured(case: Case) -> Measurement:
    encoder, head, data, threat, plan = case
    return measure([(encoder, head, data)], threat, plan, workers=1)[0]


def _relabelled(data: DataSet) -> DataSet:
    test = dataclasses.replace(data.test, labels=(data.test.required_labels() + 1) % 3)
    return dataclasses.replace(data, test=test, fingerprint=fingerprint(data.train, test))


def _bent(head: Head) -> Head:
    return Head(head.weight, head.bias + torch.tensor([3.0, -2.0, 0.0]).double())


def _plan(**changes: Any) -> AttackPlan:
    return dataclasses.replace(PLAN, **changes)


LONG = PGDSettings(steps=9, seed=5)
CHANGES: dict[str, Callable[[], dict[str, Any]]] = {
    "the head's weight": lambda: {"head": _head(seed=2)},
    "the head's bias": lambda: {"head": _bent(_head())},
    "the encoder's weights": lambda: {"encoder": linear_encoder(WEIGHT.flip(0), sha="1" * 64)},
    "the images": lambda: {"data": data_set(8, 3, seed=3)},
    "the labels": lambda: {"data": _relabelled(data_set(8, 3))},
    "the radius": lambda: {"threat": Threat("linf", 0.1)},
    "the norm": lambda: {"threat": Threat("l2", 0.05)},
    "the attack on the representation": lambda: {"plan": _plan(representation=LONG)},
    "the attack on the loss": lambda: {"plan": _plan(loss=LONG)},
    "the stronger search": lambda: {"plan": _plan(floor=LONG)},
    "the paper's attacks": lambda: {"plan": _plan(paper=LONG)},
    "the points of the stronger search": lambda: {"plan": _plan(floor_points=8)},
    "the points of APGD": lambda: {"plan": _plan(apgd_points=8)},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.slow
def test_what_another_case_left_in_the_cache_changes_nothing(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _case(**CHANGES[change]())
    alone = _measured(case).arrays()
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "shared"))
    other = _measured(_case()).arrays()
    after = _measured(case).arrays()
    for name, array in alone.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)
    assert any(not np.array_equal(other[name], array, equal_nan=True) for name, array in alone.items())


def test_probes_of_two_settings_or_data_sets_share_no_entry() -> None:
    encoder, data = linear_encoder(WEIGHT), data_set(8, 3)
    other = dataclasses.replace(data_set(8, 3, seed=4), name=data.name)
    settings = [ProbeSettings(epochs=1), ProbeSettings(epochs=2), ProbeSettings(epochs=1, weight_decay=0.5, lr=0.3)]
    heads = [fit_probes([(encoder, data)], some, workers=1)[0] for some in settings]
    heads += fit_probes([(encoder, other), (linear_encoder(2 * WEIGHT, sha="2" * 64), data)], settings[0], workers=1)
    assert len({head.weight.numpy().tobytes() for head in heads}) == 5


def test_a_second_head_uses_the_attacks_on_the_representation_again() -> None:
    for seed in (1, 2):
        _measured(_case(head=_head(seed=seed)))
    kept = {kind: count for kind, _, count, _ in cache.contents()}
    assert (kept["features"], kept["shifts"], kept["losses"]) == (1, 3, 2)


HALVED = _plan(representation=HalvingSettings(3, 2, (1, 1, 2)), loss=HalvingSettings(2, 1, (1, 1, 2)))


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_measured_is_taken_from_the_cache(workers: int) -> None:
    """Where the search for the loss starts is part of its key, as it was found and as it was read again."""
    encoder, data = load_encoder("embedded/random"), load_data_set("digits", size=32, n_train=20, n_test=5)
    head = Head(normal(10, encoder.width).double(), torch.zeros(10).double())
    first, again = (measure([(encoder, head, data)], Threat("linf", 0.02), HALVED, workers=workers)[0] for _ in "ab")
    kept = {kind: count for kind, _, count, _ in cache.contents()}
    assert (kept["features"], kept["shifts"], kept["losses"]) == (1, 3, 1)
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array, err_msg=name)


@pytest.mark.parametrize("threat", [Threat("linf", 0.05), Threat("l2", 0.3)], ids=str)
def test_the_known_maxima_are_measured_chunk_by_chunk(threat: Threat, monkeypatch: pytest.MonkeyPatch) -> None:
    """One feature and two classes: shift eps ||a||_*, loss softplus(-margin + eps ||w||_*); the AS score their mean.

    Two cases with three chunks each, of which the second is another encoder.
    """
    monkeypatch.setitem(measuring.CHUNK, "cpu", 0)  # so that a chunk has the smallest size, four
    plan, data, own = _plan(floor_points=5), data_set(10, 2), PGDSettings()
    plan = dataclasses.replace(plan, representation=own, loss=own, floor=dataclasses.replace(own, seed=1))
    encoders = [linear_encoder(factor * WEIGHT[:1], name=f"times {factor}", sha=f"{factor}" * 64) for factor in (1, 2)]
    head = Head(torch.tensor([[1.0], [-1.0]]).double(), torch.zeros(2).double())
    found = measure([(encoder, head, data) for encoder in encoders], threat, plan, workers=1)
    for encoder, m, factor in zip(encoders, found, (1, 2), strict=True):
        largest = factor * reach(WEIGHT[:1], threat).item()
        shift = np.linalg.norm(m.z_shift.astype(float) - m.z, axis=1)
        assert shift == pytest.approx(largest, rel=0.01)
        assert m.shift_page == pytest.approx(largest, rel=0.01)
        assert m.shift_floor[:5] == pytest.approx(largest, rel=0.01)
        assert np.isnan(m.shift_floor[5:]).all()
        assert (m.shift_paper[:6] > 0.5 * largest).all()
        assert np.isnan(m.shift_paper[6:]).all()
        z = encoder.features(data.test.images).numpy()
        np.testing.assert_array_equal(m.z, z)
        own_margin = np.where(m.labels == 0, 2.0, -2.0) * z[:, 0]
        largest_loss = np.logaddexp(0, -own_margin + 2 * largest)
        assert m.loss_page == pytest.approx(largest_loss, rel=0.02)
        assert m.loss_floor[:3] == pytest.approx(largest_loss[:3], rel=0.02)
        assert np.isnan(m.loss_floor[3:]).all()
        near = np.abs(own_margin) < 1.9 * largest
        assert m.flipped[near].all()
        assert not m.flipped[np.abs(own_margin) > 2 * largest].any()
        assert (m.wrong >= m.wrong_pgd).all()
        assert (m.wrong_pgd == (own_margin < 2 * largest * 0.999)).all()


def test_two_attacks_of_the_same_settings_are_kept_apart() -> None:
    m = _measured(_case(plan=_plan(floor_points=8, apgd_points=8)))
    for name in ("shift_page", "shift_floor", "shift_paper"):
        assert (getattr(m, name) > 0).all(), name


def test_shifts_before_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measuring.CHUNK, "cpu", 0)
    threat, data = Threat("linf", 0.05), data_set(10, 2)
    plan = _plan(representation=PGDSettings(), floor=PGDSettings(seed=1), floor_points=5)
    encoders = [linear_encoder(factor * WEIGHT[:1], name=f"times {factor}", sha=f"{factor}" * 64) for factor in (1, 2)]
    results = label_free([(encoder, data, threat, plan) for encoder in encoders], workers=1)
    for encoder, (z, shifts), factor in zip(encoders, results, (1, 2), strict=True):
        np.testing.assert_array_equal(z, encoder.features(data.test.images).numpy())
        largest = factor * reach(WEIGHT[:1], threat).item()
        assert set(shifts) == {"representation", "floor", "paper"}
        assert shifts["representation"] == pytest.approx(largest, rel=0.01)
        assert shifts["floor"][:5] == pytest.approx(largest, rel=0.01)
        assert np.isnan(shifts["floor"][5:]).all()
        assert (np.isnan(shifts["paper"]) == (np.arange(10) >= 6)).all()


def _by_hand() -> Measurement:
    """Two points, three classes; W has rows (1, 0), (0, 2), (-1, 0), and z = (3, 1), (0, 1)."""
    column = {name: np.array([0.25, 0.5]) for name in ("shift_page", "shift_paper", "shift_floor")}
    column |= {name: np.array([1.5, 2.5]) for name in ("loss_page", "loss_floor")}
    flags = ("wrong_pgd", "wrong_paper", "wrong_apgd", "wrong", "flipped")
    column |= {name: np.array([k % 2 == 0, k < 2]) for k, name in enumerate(flags)}
    return Measurement(
        encoder="encoder",
        data="data",
        classes=("a", "b", "c"),
        weights_sha256="",
        fingerprint="",
        labels=np.array([2, 1]),
        z=np.array([[3, 1], [0, 1]], np.float32),
        z_shift=np.array([[3, 1.25], [3, 5]], np.float32),
        z_loss=np.array([[3, 0], [0, 0]], np.float32),
        weight=np.array([[1.0, 0], [0, 2], [-1, 0]]),
        bias=np.array([0.5, 0.0, 0.0]),
        **column,
    )


def test_the_table_of_a_measurement_made_by_hand() -> None:
    """Logits (3.5, 2, -3) and (0.5, 2, 0); ||W_0 - W_1|| = 5^.5, ||W_0 - W_2|| = 2: margins at what is predicted."""
    m = _by_hand()
    rows = table(m)
    assert rows.encoder.tolist() == ["encoder"] * 2
    assert rows.data.tolist() == ["data"] * 2
    assert rows.point.tolist() == [0, 1]
    assert rows.label.tolist() == [2, 1]
    assert rows.predicted.tolist() == [0, 1]

    def loss(label: int, *logits: float) -> float:
        return math.log(sum(map(math.exp, logits))) - logits[label]

    np.testing.assert_allclose(rows.loss, [loss(2, 3.5, 2, -3), loss(1, 0.5, 2, 0)], rtol=1e-12)
    np.testing.assert_allclose(rows.adversarial_loss, [loss(2, 3.5, 0, -3), loss(1, 0.5, 0, 0)], rtol=1e-12)
    np.testing.assert_allclose(rows["shift"], [0.25, 5], rtol=1e-12)
    np.testing.assert_allclose(rows.margin_ratio, [1.5 / 5**0.5, 1.5 / 5**0.5], rtol=1e-12)
    assert rows.fulfilled.tolist() == [True, False]
    for name in (*measurement.CHECKS, "wrong", "flipped"):
        np.testing.assert_array_equal(rows[name], getattr(m, name), err_msg=name)
