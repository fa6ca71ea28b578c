"""Appendix B.5 through `rt`, small: its corruptions drawn again by other code, both sides of Lemma 1 from its file."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_in
from scipy.ndimage import map_coordinates
from test_chapter import SMALL
from torch import nn

from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import execution
from rt_utils.pages.shifted_experiment import one_size
from rt_utils.runtime.errors import InputError

CHAPTER = "appendix_b5_distribution_shift"
GIVEN = SMALL | {"encoders": "embedded/robust", "data": "glyphs, digits:stretched", "severity": 2}
GIVEN |= {"floor_points": 0, "apgd_points": 0}  # the stronger search of fourteen settings takes a minute


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("shift"), CHAPTER, GIVEN | {"results": "files"})


def zoomed(image: np.ndarray, zoom: float) -> np.ndarray:
    """One channel magnified around its centre, by scipy."""
    centre = (np.arange(len(image)) - (len(image) - 1) / 2) / zoom + (len(image) - 1) / 2
    return map_coordinates(image, np.meshgrid(centre, centre, indexing="ij"), order=1)


def test_the_corruptions_are_the_published_ones_times_the_severity(finished: Path) -> None:
    arrays = np.load(finished / "files" / "points.npz")
    clean = load_data_set("glyphs", size=32, n_train=SMALL["n_train"], n_test=SMALL["n_test"]).test.pixels()
    encoder = load_encoder("embedded/robust")
    for end in (1.12, 1.22, 1.52):  # twice 6, 11 and 26 per cent
        copies = [clean.numpy()]
        for zoom in np.linspace(1, end, round(100 * (end - 1)) + 1):
            copies.append(np.array([[zoomed(channel, zoom) for channel in image] for image in clean.numpy()]))
        stored = torch.from_numpy(np.mean(copies, axis=0).astype(np.float32)).mul(255).round() / 255
        np.testing.assert_allclose(
            arrays[f"embedded/robust|glyphs, blur {end:.2f}|z"], encoder.features(stored).numpy(), atol=0.02
        )
    eta = torch.randn(clean.shape, generator=torch.Generator().manual_seed(8))
    for std in (0.08, 0.12, 0.20):
        stored = (255 * (clean + std * eta).clamp(0, 1)).round() / 255
        np.testing.assert_allclose(
            arrays[f"embedded/robust|glyphs, noise {std:.2f}|z"], encoder.features(stored).numpy(), atol=0.02
        )


def test_both_sides_from_the_file_alone(finished: Path) -> None:
    arrays, rows = np.load(finished / "files" / "points.npz"), pd.read_csv(finished / "files" / "ledger.csv")
    lemma = rows[rows.claim.str.startswith("Lemma 1")]
    assert len(lemma) == 7 + 5  # clean, three levels of two corruptions; three sizes and two adversaries before
    assert set(lemma.verdict) == {"holds"}
    for case in lemma.itertuples():
        names = ("z", "z_shift", "z_loss", "weight", "bias", "labels")
        z, z_shift, z_loss, weight, bias, labels = (arrays[f"{case.encoder}|{case.data}|{name}"] for name in names)

        def cross_entropy(features: np.ndarray, w=weight, b=bias, y=labels) -> np.ndarray:
            logits = features.astype(np.float64) @ w.T + b
            return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y]

        gap = np.mean(cross_entropy(z_loss) - cross_entropy(z))
        score = np.mean(np.sqrt(np.square(z_shift.astype(np.float64) - z).sum(axis=1)))
        assert case.lhs == pytest.approx(gap / (2 * np.sqrt(np.square(weight).sum(axis=1)).max()), rel=1e-5)
        assert case.rhs == pytest.approx(score, rel=1e-5)
    theorem = rows[rows.claim.str.startswith("Theorem 2")]
    assert {"holds"} <= set(theorem.verdict) <= {"holds", "no point"}


def test_the_sizes_show_the_same_small_images(finished: Path) -> None:
    """An adversary before the enlarging starts from the features that the encoder has at that size, but for 8 bits."""
    arrays = np.load(finished / "files" / "points.npz")
    small = load_data_set("digits:stretched", size=8, n_train=SMALL["n_train"], n_test=SMALL["n_test"]).test.pixels()
    np.testing.assert_allclose(
        arrays["embedded/robust@8|digits:stretched at 8|z"],
        load_encoder("embedded/robust").features(small).numpy(),
        atol=1e-4,
    )
    for size in (16, 32):
        held = arrays[f"embedded/robust@8 to {size}|digits:stretched at 8|z"]
        at_size = arrays[f"embedded/robust@{size}|digits:stretched at {size}|z"]
        assert np.abs(held - at_size).max() < 0.1 * np.abs(at_size).max()
    key = json.loads((finished / "files" / "run.json").read_text("utf-8"))["data (fingerprint)"]
    assert "digits:stretched at 32" in key


def test_encoders_of_two_sizes_are_refused_in_one_line() -> None:
    small, large = (Encoder("e", nn.Flatten(), input_size=s, width=1, weights_sha256="") for s in (32, 224))
    assert one_size([small, small]) == 32
    with pytest.raises(InputError, match="compares encoders of one input size, not of 32, 224"):
        one_size([small, large])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"severity": 5}, "severity 5 is out of range: give a number above 0, at most 4"),
        pytest.param(
            {"encoders": "embedded/robust, torchvision/resnet18"},
            "compares encoders of one input size, not of 32, 224",
            marks=pytest.mark.slow,  # a kernel of its own
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    values: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        execution.run(CHAPTER, GIVEN | values, Path("refused.ipynb"), progress=False)
    assert not list(tmp_path.iterdir())
