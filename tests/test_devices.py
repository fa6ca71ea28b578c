"""Where attacks run, and what happens when the GPU's memory is short. No GPU is needed: its errors can be raised."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from rt_utils import datasets, devices, encoders, search
from rt_utils.attacks import PGDSettings
from rt_utils.encoders import Encoder
from rt_utils.threat import Threat


class Small(nn.Module):
    """A network that has memory for 5 images at once."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.most = network, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.requires_grad and len(x) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.most = max(self.most, len(x))
        features: torch.Tensor = self.network(x)
        return features


def test_short_memory_halves_the_batch_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    whole = encoders.load("embedded/robust")
    small = Encoder("small", Small(whole.network), input_size=32, width=whole.width, weights_sha256="")
    images = datasets.load("digits", size=32, n_train=2, n_test=16).test.images
    threat, settings = Threat("linf", 8 / 255), PGDSettings(5)
    finds = search.search_representation(small, images, threat, "floor", settings)
    assert sorted(np.concatenate([find.index for find in finds]).tolist()) == list(range(16))  # every image, once
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "out of GPU memory with 16 images at once: going on with 8"
    assert set(said[1:]) == {"out of GPU memory with 8 images at once: going on with 4"}
    (expected,) = search.search_representation(whole, images[:4], threat, "floor", settings)
    np.testing.assert_allclose(finds[0].z, expected.z, atol=1e-5)  # what a batch of 4 gives


def test_memory_for_not_even_one_image_is_an_error() -> None:
    def work(_: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        devices.in_memory(work, torch.arange(3))


def test_the_cpu_can_be_asked_for() -> None:
    code = "from rt_utils import devices; print(devices.device())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"RT_DEVICE": "cpu"}
    )
    assert done.stdout.strip() == "cpu"
