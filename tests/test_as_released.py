"""What the profile `as_released` switches on: moving BatchNorm under a probe (M3), a batch's mean score (M4)."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from planted_module import planted
from test_experiment import TINY
from torch import nn

from rt_utils.evaluation import criterion_variants
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import experiment, parameters
from rt_utils.runtime.errors import InputError
from rt_utils.training import train_mode_probe
from rt_utils.training.train_mode_probe import probes_in_train_mode, with_batch_norm

SETTINGS = ProbeSettings(2, 0.05, batch=16, seed=3)


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_data_set("digits", size=32, n_train=40, n_test=5, seed=3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, experiment.Experiment]:
    """A tiny run with each mode of the encoder under its probe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_CACHE", str(tmp_path_factory.mktemp("as_released")))
        given = TINY | {"encoders": "embedded/robust", "data": "digits, textures"}
        return {mode: experiment.run(parameters.check(given | {"probe_mode": mode})) for mode in ("eval", "train")}


def estimated_by_hand(data: DataSet, settings: ProbeSettings) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of the first BatchNorm layer after the probe's batches, without its code: EMA by momentum."""
    network = with_batch_norm(load_encoder("embedded/robust"))
    assert network is not None
    first = next(layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    seen: list[torch.Tensor] = []
    first.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    mean, variance, momentum = first.running_mean.clone(), first.running_var.clone(), first.momentum
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.no_grad():
        for _ in range(settings.epochs):
            for chosen in torch.randperm(len(data.train), generator=generator).split(settings.batch):
                network.eval()(data.train.images[chosen].float() / 255)  # what enters the first layer knows no mode
                entries = seen.pop().transpose(0, 1).flatten(1)
                mean += momentum * (entries.mean(1) - mean)
                variance += momentum * (entries.var(1, unbiased=True) - variance)
    return mean, variance


def first_statistics(module: ModuleType, data: DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """The same of the buffers that the probe's own code leaves."""
    _, _, buffers = module._moved(
        load_encoder("embedded/robust"), data.train.images, data.train.required_labels(), len(data.classes), SETTINGS
    )
    mean, variance = (next(v for name, v in buffers.items() if name.endswith(end)) for end in ("_mean", "_var"))
    return torch.from_numpy(mean), torch.from_numpy(variance)


def test_the_statistics_are_those_of_the_batches_by_hand(digits: DataSet) -> None:
    def check(module: ModuleType) -> None:
        for found, expected in zip(first_statistics(module, digits), estimated_by_hand(digits, SETTINGS), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)

    check(train_mode_probe)
    with pytest.raises(AssertionError):
        check(planted(train_mode_probe, "settings, train_mode=True)", "settings, train_mode=False)"))


def test_moving_statistics_change_the_features_and_the_encoder_is_known_by_them(digits: DataSet) -> None:
    before = load_encoder("embedded/robust")
    ((after, head),) = probes_in_train_mode([(before, digits)], SETTINGS, workers=1)
    ((again, same),) = probes_in_train_mode([(before, digits)], SETTINGS, workers=1)  # from the cache
    x = digits.test.pixels()
    assert (after.features(x) - before.features(x)).abs().max() > 0.05
    assert torch.equal(after.features(x), again.features(x))
    assert torch.equal(head.weight, same.weight)
    assert after.name == before.name
    assert after.weights_sha256 == again.weights_sha256 != before.weights_sha256
    assert after.notes[-1] == "BatchNorm statistics as the probe on digits left them"
    assert torch.equal(before.features(x), load_encoder("embedded/robust").features(x))  # left as it was


def test_an_encoder_without_batchnorm_stays_itself(digits: DataSet) -> None:
    blocks = load_encoder("blocks")
    ((encoder, head),) = probes_in_train_mode([(blocks, digits)], SETTINGS, workers=1)
    (expected,) = fit_probes([(blocks, digits)], SETTINGS, workers=1)
    assert encoder is blocks
    assert torch.equal(head.weight, expected.weight)


@pytest.mark.slow
def test_a_run_measures_the_encoder_that_the_probe_left(runs: dict[str, experiment.Experiment]) -> None:
    frozen, moved = runs["eval"], runs["train"]
    assert not frozen.moved
    assert frozen.measured == list(frozen.encoders)
    assert len(moved.measured) == 2  # one for each data set
    for old, new in zip(frozen.measurements, moved.measurements, strict=True):
        encoder, head, data = moved.case(new, 2)
        x = moved.images[new.data, 32].test.pixels()
        np.testing.assert_allclose(new.z, encoder.features(x).numpy(), atol=1e-5)
        assert np.abs(new.z - old.z).max() > 0.05
        assert new.weights_sha256 == encoder.weights_sha256 != old.weights_sha256
        assert (new.encoder, new.data, len(data.test)) == (old.encoder, old.data, 2)
        np.testing.assert_array_equal(head.weight, new.weight)
        assert frozen.encoder(old) is frozen.encoders[0]


@pytest.mark.slow
def test_frozen_is_the_default(runs: dict[str, experiment.Experiment], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_CACHE", str(tmp_path))
        run = experiment.run(parameters.check(TINY | {"encoders": "embedded/robust", "data": "digits, textures"}))
    pd.testing.assert_frame_equal(run.points, runs["eval"].points)


@pytest.mark.slow
def test_the_codes_test_beside_the_criterion(runs: dict[str, experiment.Experiment]) -> None:
    """In one batch the score is the mean of the points' shifts; in batches of one it is each point's own."""
    (m, *_) = runs["eval"].measurements
    shifts = np.linalg.norm(m.z_loss.astype(float) - m.z, axis=1)
    logits = m.z.astype(float) @ m.weight.T + m.bias

    def margin(i: int) -> float:
        y = m.labels[i]
        others = [j for j in range(len(m.weight)) if j != y]
        return min(abs(logits[i, y] - logits[i, j]) / np.linalg.norm(m.weight[y] - m.weight[j]) for j in others)

    margins = np.array([margin(i) for i in range(len(shifts))])
    # Shifts of the margins' size, so that some points pass and others do not.
    near = replace(m, z_loss=m.z + (m.z_loss - m.z) * np.float32(np.median(margins) / shifts.mean()))
    shifts = np.linalg.norm(near.z_loss.astype(float) - near.z, axis=1)

    def check(module: ModuleType, batch: int, scores: np.ndarray) -> None:
        (row,) = module.beside([near], batch).to_dict("records")
        passes = scores < margins
        assert row["AS under CE"] == pytest.approx(shifts.mean())
        assert (row["n"], row["released"]) == (len(shifts), passes.sum())
        assert row["flip"] == (passes & m.flipped).sum()

    whole = np.full(len(shifts), shifts.mean())
    check(criterion_variants, len(shifts), whole)
    check(criterion_variants, 1, shifts)
    assert 0 < (whole < margins).sum() < len(shifts)
    with pytest.raises(AssertionError):
        check(planted(criterion_variants, "batch_mean(shifts[under], batch)", "2 * shifts[under]"), len(shifts), whole)


def test_a_wrong_mode_is_one_line() -> None:
    with pytest.raises(InputError, match="unknown mode of the encoder 'frozen': use eval or train"):
        parameters.check({"probe_mode": "frozen"})
