"""Section 6.2 by hand: probe and finetuned models compared case by case, what is free of scale, and the drift."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from handmade import SAME_SHORT_NAME, measurement
from torch import nn

from rt_utils.evaluation import summary
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.drift import drifts
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages.published import published_table
from rt_utils.theory.threat import Threat
from rt_utils.training import transfer_methods
from rt_utils.training.transfer_methods import Transfer


def linear(weight: list[list[float]], bias: list[float]) -> Encoder:
    """Features W x + b of the three colours of an image of one pixel."""
    layer = nn.Linear(3, len(weight))
    layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    network = nn.Sequential(nn.Flatten(), layer)
    return Encoder("linear", network, input_size=1, width=len(weight), weights_sha256="")


def test_what_does_not_depend_on_the_scale_of_the_features() -> None:
    plain = measurement("e", 4, labels=np.array([0, 0, 0, 1]), flipped=np.array([False, True, True, False]))
    row = summary.scale_free(plain, 3)
    assert row["AS / distance"] == pytest.approx(1 / np.mean([1, 2, 1]))
    assert row["margin / shift"] == pytest.approx(2 / math.sqrt(2))
    assert (row["fulfilled"], row["broken"]) == (pytest.approx(2 / 3), 2)
    scaled = measurement("e", 4, **{name: 3 * getattr(plain, name) for name in ("z", "z_shift", "z_loss")})
    for name in ("AS / distance", "margin / shift", "fulfilled"):
        assert summary.scale_free(scaled, 3)[name] == pytest.approx(row[name])
    assert math.isnan(float(str(summary.scale_free(measurement("e", shift=0.0))["margin / shift"])))


def rows(robust: dict[tuple[str, str], float]) -> pd.DataFrame:
    """One row for each encoder and method; clean accuracy 1 - robust accuracy / 10, quotient 2 x robust accuracy."""
    return pd.DataFrame(
        {
            "encoder": encoder,
            "data": "digits",
            "method": method,
            "robust acc.": value,
            "clean acc.": 1 - value / 10,
            "margin / shift": 2 * value,
        }
        for (encoder, method), value in robust.items()
    )


def test_each_encoder_is_compared_with_its_own_probe() -> None:
    first, second = SAME_SHORT_NAME
    robust = {(first, "LP"): 0.5, (second, "LP"): 0.25, (first, "FT"): 0.25, (second, "FT"): 0.5}
    found = transfer_methods.compared(rows(robust))
    assert list(found.encoder) == [first, second]
    assert list(found["robust acc., LP"]) == [0.5, 0.25]
    assert list(found.lost) == [0.25, -0.25]
    assert list(found.gained) == pytest.approx([0.025, -0.025])
    with_seeds = pd.concat([rows(robust).assign(seed=k) for k in range(2)])
    assert list(transfer_methods.compared(with_seeds, ["seed", *summary.CASE]).lost) == [0.25, -0.25] * 2


def test_a_column_by_method() -> None:
    robust = {(e, m): np.nan if e == "a" else k for e in "ba" for k, m in enumerate(("LP-FT", "LP", "FT"))}
    found = transfer_methods.by_method(rows(robust), "robust acc.")
    assert list(found.columns) == ["encoder", "data", "LP", "FT", "LP-FT"]
    assert list(found.encoder) == ["b", "a"]
    assert list(found.loc[0, ["LP", "FT", "LP-FT"]]) == [1, 2, 0]
    assert found.loc[1, "LP"] is None or np.isnan(found.loc[1, "LP"])


def test_the_verdict() -> None:
    robust = {("a", "LP"): 0.5, ("a", "FT"): 0.25, ("a", "LP-FT"): 0.75}
    found = transfer_methods.compared(rows(robust))
    found.loc[found.method == "FT", "margin / shift"] = 3.0  # against its robust accuracy
    verdict = transfer_methods.verdict(found)
    assert verdict == {
        "ahead": 1,
        "ahead FT": 1,
        "ahead LP-FT": 0,
        "total": 2,
        "agree": 1,
        "lost FT": 0.25,
        "lost LP-FT": -0.25,
        "gained FT": pytest.approx(0.025),
        "gained LP-FT": pytest.approx(-0.025),
    }


def test_the_published_comparison() -> None:
    found = transfer_methods.against_probe(published_table("table5"), ["robust_acc"], ["pretraining", "downstream"])
    assert len(found) == 12
    assert set(found.method) == {"FT", "LP-FT"}
    assert found["robust_acc, LP"].notna().all()


def test_rows_and_points_bear_the_name_before_the_transfer() -> None:
    encoder = linear([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.0, 0.0])
    probe = Transfer("LP", "embedded/robust", encoder, measurement("embedded/robust"))
    tuned = Transfer("FT", "embedded/robust", encoder, measurement("embedded/robust+FT:digits", shift=2.0))
    found = transfer_methods.rows([probe, tuned], 3)
    assert [tuple(row) for row in found[["encoder", "method", "n"]].to_numpy()] == [
        ("embedded/robust", "LP", 3),
        ("embedded/robust", "FT", 3),
    ]
    assert list(found["AS score"]) == [1.0, 2.0]
    points = transfer_methods.points([probe, tuned], 3)
    assert list(points.encoder.unique()) == ["embedded/robust", "embedded/robust+FT"]
    assert len(points) == 6


def test_the_drift_of_linear_encoders_in_closed_form() -> None:
    """f(x) = (x_1, x_2) before and 2 f + (3, 4) after: every number follows from the box of half-width 0.1."""
    before = linear([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.0, 0.0])
    after = linear([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]], [3.0, 4.0])
    x = torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.3, 0.5], [0.3, 0.5, 0.5]])[:, :, None, None]
    found = drifts(before, after, x, Threat("linf", 0.1), PGDSettings(steps=10, refine=10))
    corner = 0.1 * math.sqrt(2)
    assert found["new shift"].to_numpy() == pytest.approx([2 * corner] * 3, rel=1e-5)
    assert found["old shift"].to_numpy() == pytest.approx([corner] * 3, rel=1e-5)
    drift, far = [math.hypot(3.5, 4.5), math.hypot(3.5, 4.3), math.hypot(3.3, 4.5)], 0.1 + 0.1 * math.sqrt(2)
    assert found["drift, clean"].to_numpy() == pytest.approx(drift)
    assert found["distance"].to_numpy() == pytest.approx([0.2, far, far])
    bound = found["old shift"] + found["drift, attacked"] + found["drift, clean"]
    assert (found["new shift"] <= bound).all()
    assert found["drift, attacked"].between(found["drift, clean"] - corner, found["drift, clean"] + corner).all()


def test_lp_ft_has_half_the_epochs_and_at_least_one() -> None:
    assert [transfer_methods.epochs("FT", n) for n in (1, 6)] == [1, 6]
    assert [transfer_methods.epochs("LP-FT", n) for n in (1, 6)] == [1, 3]


def test_probe_then_both_finetunings_on_the_same_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    encoder = load_encoder("embedded/random", fold=False)
    data = load_data_set("digits", size=32, n_train=64, n_test=6).first(3)
    z = encoder.features(data.test.images).numpy()
    weight, bias = np.random.default_rng(0).normal(size=(10, encoder.width)), np.zeros(10)
    probe = measurement(encoder.name, 3, z=z, z_shift=z, z_loss=z, weight=weight, bias=bias)
    one = PGDSettings(steps=1)
    plan = AttackPlan(one, one, one, one, one, floor_points=0, apgd_points=0)
    images, settings = {("digits", 32): data}, ProbeSettings(epochs=1, lr=1e-9, batch=64)
    trainable = {encoder.name: encoder}
    found = transfer_methods.transferred(trainable, [probe], images, settings, Threat("linf", 0.01), plan)
    assert [t.method for t in found] == ["LP", "FT", "LP-FT"]
    assert {t.encoder for t in found} == {"embedded/random"}
    assert [t.after.name for t in found[1:]] == ["embedded/random+FT:digits", "embedded/random+LP-FT:digits"]
    assert [len(t.measurement.labels) for t in found] == [3, 3, 3]
    assert found[2].measurement.weight == pytest.approx(weight, abs=1e-5)  # LP-FT begins at the probe
    assert not np.allclose(found[1].measurement.weight, weight, atol=0.1)
    drift = transfer_methods.drifts_of_finetuned(found, trainable, images, 2, Threat("linf", 0.01), 0)
    assert list(drift.method) == ["FT"] * 2 + ["LP-FT"] * 2
