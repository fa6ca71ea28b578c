"""Where attacks and training run, and what happens where the GPU's memory is short (its error is raised by hand)."""

import copy
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rt_utils.evaluation import search
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime.devices import Parts
from rt_utils.theory.threat import Threat
from rt_utils.training import finetuning, natural_training
from rt_utils.training.natural_recipes import EIGHT, Recipe

SHORT = "out of GPU memory with {} images at once: going on with {}".format


class Small(nn.Module):
    """A network that has memory for 5 images at once: where gradients are asked for, or always."""

    def __init__(self, network: nn.Module, *, always: bool = False, most: int = 5) -> None:
        super().__init__()
        self.network, self.always, self.most = network, always, most

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network(x)  # so that BatchNorm layers have seen the images when it fails
        if len(x) > self.most and (self.always or features.requires_grad):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return features


def small(whole: Encoder, *, always: bool = False, most: int = 5) -> Encoder:
    network = Small(copy.deepcopy(whole.network), always=always, most=most)
    return Encoder(f"memory for {most}", network, input_size=32, width=whole.width, weights_sha256="")


def test_an_attack_goes_on_with_half_of_the_batch_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    whole = load_encoder("embedded/robust")
    images = load_data_set("digits", size=32, n_train=2, n_test=16).test.images
    threat, pgd = Threat("linf", 8 / 255), PGDSettings(5)
    finds = search.search_representation(small(whole), images, threat, "floor", pgd)
    assert sorted(np.concatenate([find.index for find in finds]).tolist()) == list(range(16))  # every image, once
    assert capsys.readouterr().err.splitlines() == [SHORT(16, 8), SHORT(8, 4)]  # and not again for the later parts
    (expected,) = search.search_representation(whole, images[:4], threat, "floor", pgd)
    np.testing.assert_allclose(finds[0].z, expected.z, atol=1e-5)  # what a batch of 4 gives


def test_so_does_the_evaluation_of_features(capsys: pytest.CaptureFixture[str]) -> None:
    whole = load_encoder("embedded/robust")
    short, images = small(whole, always=True), load_data_set("digits", size=32, n_train=2, n_test=20).test.images
    for _ in range(2):
        torch.testing.assert_close(short.features(images), whole.features(images), atol=1e-5, rtol=0)
    assert capsys.readouterr().err.splitlines() == [SHORT(20, 10), SHORT(10, 5)]


def test_so_does_finetuning_with_the_same_gradients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    whole = load_encoder("embedded/robust")  # without BatchNorm layers, so that parts of a batch give the same
    data = load_data_set("digits", size=32, n_train=40, n_test=2)
    probe = ProbeSettings(epochs=2, lr=0.01, batch=16)
    cases = [(small(whole, most=most), data, None) for most in (16, 5)]
    results = [finetuning.finetune([case], probe, workers=1)[0] for case in cases]
    said = [line for line in capsys.readouterr().err.splitlines() if "epoch" not in line]
    assert said == [SHORT(16, 8), SHORT(8, 4)]
    (one, one_head), (other, other_head) = results
    torch.testing.assert_close(one_head.weight, other_head.weight, atol=1e-5, rtol=0)
    assert not torch.equal(whole.features(data.test.images), one.features(data.test.images))  # it was trained
    for some, same in zip(one.network.parameters(), other.network.parameters(), strict=True):
        torch.testing.assert_close(some, same, atol=1e-5, rtol=0)


def test_so_does_the_pretraining(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def network() -> Small:
        made = Small(natural_training.NETWORKS["SmallResNet(8)"]())
        made.width = 32  # type: ignore[assignment]
        return made

    monkeypatch.setitem(natural_training.NETWORKS, "small", network)  # type: ignore[arg-type]
    data = load_data_set("digits", size=32, n_train=32, n_test=8)
    recipe = Recipe(EIGHT, epochs=1, batch=16, max_lr=0.01, network="small")
    done = natural_training.train(recipe, (data.train, data.test), 10, tmp_path / "state.pt", minutes=1, progress=False)
    assert done is not None
    assert capsys.readouterr().err.splitlines() == [SHORT(16, 8), SHORT(8, 4), SHORT(8, 4)]  # training, its log
    assert all(torch.isfinite(value).all() for value in done[0].state_dict().values())


def test_a_part_that_did_not_fit_leaves_no_trace() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 4)

    def gradients(most: int, fails: Callable[[slice], bool]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        torch.manual_seed(1)
        module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

        def loss(part: slice) -> torch.Tensor:
            value: torch.Tensor = module(x[part]).square().mean()
            if fails(part):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return value

        Parts(most).backward(module, loss, len(x))
        return [p.grad for p in module.parameters() if p.grad is not None], [b.clone() for b in module.buffers()]

    expected, short = gradients(4, lambda _: False), gradients(8, lambda part: part.stop - part.start > 4)
    assert len(expected[0]) == 6
    for one, other in zip(expected, short, strict=True):
        for some, same in zip(one, other, strict=True):
            assert torch.equal(some, same)


@settings(deadline=None)  # the first backward pass is slow
@given(n=st.integers(1, 40), most=st.integers(1, 50), seed=st.integers(0, 10))
def test_parts_of_uneven_size_give_the_gradient_of_the_whole(n: int, most: int, seed: int) -> None:
    torch.manual_seed(seed)
    x, layer = torch.randn(n, 3).double(), nn.Linear(3, 1).double()
    value = layer(x).square().mean()
    expected = torch.autograd.grad(value, list(layer.parameters()))
    layer.weight.grad = torch.ones_like(layer.weight)  # of an earlier step: to be forgotten
    assert Parts(most).backward(layer, lambda part: layer(x[part]).square().mean(), n).item() == pytest.approx(
        value.item()
    )
    for parameter, gradient in zip(layer.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_memory_for_not_even_one_image_is_an_error() -> None:
    def work(_: slice) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        Parts()(work, 3)


def test_the_error_does_not_hold_on_to_memory() -> None:
    """What the failed call had made is gone before the smaller one begins (PyTorch's FAQ on this error)."""
    alive: list[weakref.ref[torch.Tensor]] = []

    def work(part: slice) -> bool:
        gone = all(made() is None for made in alive)
        made = torch.zeros(part.stop - part.start)
        alive.append(weakref.ref(made))
        if len(made) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return gone

    assert Parts()(work, 4) == [True, True]


def test_the_cpu_can_be_asked_for() -> None:
    code = "from rt_utils.runtime import devices; print(devices.device())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"RT_DEVICE": "cpu"}
    )
    assert done.stdout.strip() == "cpu"
