"""Images beyond memory, and many of them: the same pixels, from a file and from processes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rt_utils.evaluation import measure
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images import folder
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.runtime import large_arrays, paths, processes
from rt_utils.runtime.errors import InputError


@pytest.fixture
def always_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every array is too large for memory, and every folder heavy."""
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(large_arrays, "LARGE", 0)
    monkeypatch.setattr(processes, "LARGE", 0)
    monkeypatch.setattr(folder, "HEAVY", 0)
    monkeypatch.setattr(folder, "AT_ONCE", 7)


def test_zeros_in_a_file_that_leaves_nothing_behind(always_large: None) -> None:
    array = large_arrays.zeros((3, 4))
    assert isinstance(array, np.memmap)
    array[1, 2] = 5
    assert array.sum() == 5
    assert not list(paths.cache().iterdir())


def test_a_large_folder_gives_the_same_data_and_the_same_probe(
    image_folder: Path, request: pytest.FixtureRequest
) -> None:
    small = load_data_set(f"folder:{image_folder}", size=32, n_train=30, n_test=10)
    encoder, settings = load_encoder("embedded/robust"), ProbeSettings(3)
    (expected,) = measure.fit_probes([(encoder, small)], settings, workers=2)
    request.getfixturevalue("always_large")
    large = load_data_set(f"folder:{image_folder}", size=32, n_train=30, n_test=10)
    assert large.fingerprint == small.fingerprint
    (found,) = measure.fit_probes([(encoder, large)], settings, workers=2)
    torch.testing.assert_close(found.weight, expected.weight)


def test_a_broken_file_among_many_is_named(image_folder: Path, always_large: None) -> None:
    (image_folder / "above" / "00.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"00\.png' cannot be read as an image"):
        load_data_set(f"folder:{image_folder}", size=32, n_train=30, n_test=10)
