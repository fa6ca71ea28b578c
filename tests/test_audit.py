"""The audit through `rt`: odd images, refusals in one line, its numbers recomputed, masked gradients noticed."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from chapter_source import edited
from PIL import Image

from rt_utils.evaluation import audit as audits
from rt_utils.evaluation import measure
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images import folder
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import execution
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

SMALL: dict[str, Any] = {
    "encoder": "embedded/random",
    "n_test": 20,
    "n_train": 60,
    "restarts": 1,
    "steps": 4,
    "floor_points": 2,
    "apgd_points": 2,
    "probe_epochs": 30,
    "resamples": 200,
    "workers": 1,
    "results": "files",
}


def audit(**values: Any) -> dict[str, Any]:
    """The summary of an audit in the working directory."""
    execution.run("audit", SMALL | values, Path("out.ipynb"), progress=False)
    summary: dict[str, Any] = json.loads(Path("files/audit.json").read_text("utf-8"))
    return summary


def noise(*shape: int, high: int = 255, seed: int = 0) -> Image.Image:
    kind = np.uint8 if high < 256 else np.uint16
    return Image.fromarray(np.random.default_rng(seed).integers(0, high, shape).astype(kind))


@pytest.fixture
def flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images without labels in a folder of the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("flat").mkdir()
    for i in range(3):
        noise(40, 40, 3, seed=i).save(f"flat/{i}.png")
    return Path("flat")


@pytest.mark.slow
def test_odd_images_without_labels(flat: Path) -> None:
    """Grey, CMYK, 16-bit, smaller than the input, 20 megapixels; the numbers recomputed from the images."""
    noise(50, 60).save(flat / "grey.png")
    noise(45, 40, 3).convert("CMYK").save(flat / "cmyk.jpg")
    noise(40, 48, high=65535).save(flat / "sixteen.png")
    noise(10, 9, 3).save(flat / "tiny.png")
    noise(40, 50, 3).resize((5000, 4000)).save(flat / "huge.jpg")
    summary = audit(data="folder:flat")
    points = pd.read_csv("files/audit.csv", keep_default_na=False, na_values=[""])
    assert set(points.file) == {path.name for path in flat.iterdir()}
    assert not summary["labelled"]
    assert summary["enlarged"] == 1

    network = load_encoder("embedded/random")
    pixels = np.stack([folder.decode(flat / name, 32) for name in points.file])
    z = network.features(torch.from_numpy(pixels).float() / 255).double().numpy()
    pairs = list(combinations(range(len(z)), 2))
    apart = np.array([np.linalg.norm(z[i] - z[j]) for i, j in pairs])
    reach = np.array([points["shift"][i] + points["shift"][j] for i, j in pairs])
    assert summary["distance"] == pytest.approx(apart.mean(), rel=1e-4)
    assert summary["blocked_pairs"] == (reach >= apart).mean()
    assert summary["as_score"] == pytest.approx(points["shift"].mean(), rel=1e-6)
    low, high = summary["as_score_interval"]
    assert points["shift"].min() < low < summary["as_score"] < high < points["shift"].max()
    kinds = points[["shift_attack", "shift_strong", "shift_paper", "shift_noise", "shift_single"]]
    assert (kinds.max(axis=1) == points["shift"]).all()
    claims = pd.read_csv("files/ledger.csv")
    assert claims.claim.str.startswith("Masked gradients").all()
    text = Path("out.ipynb").read_text("utf-8")
    assert "The images have no labels" in text
    assert "1 of them is smaller" in text
    assert "Warning" not in text


def _truncate(folder: Path) -> None:
    buffer = io.BytesIO()
    noise(99, 99, 3).save(buffer, "JPEG")
    (folder / "cut.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def _keep(folder: Path, n: int) -> None:
    for path in sorted(folder.iterdir())[n:]:
        path.unlink()


def _repeat(folder: Path) -> None:
    for i in range(3):
        noise(40, 40, 3).save(folder / f"{i}.png")


slow = partial(pytest.param, marks=pytest.mark.slow)
# how the folder is spoiled, other values, what the line says
REFUSED: list[Any] = [
    (lambda f: _keep(f, 1), {}, "'flat' leaves 1 image to test: an audit needs two"),
    slow(lambda f: _keep(f, 0), {}, "flat' holds no image"),
    slow(_truncate, {}, "'flat/cut.jpg' cannot be read as an image"),
    slow(None, {"data": "glyphs, digits"}, "data names 2 data sets, glyphs, digits: audit one at a time"),
    slow(_repeat, {}, "gives all 3 images of 'folder:flat' the same features"),
    slow(None, {"eps": "0"}, "eps 0 allows no perturbation"),
    slow(None, {"n_test": 1}, "n_test 1 is 1 image: an audit needs two"),
    slow(None, {"budget": 1e-6}, "budget 1e-06 is too small for embedded/random"),
]


@pytest.mark.parametrize(("spoil", "values", "reason"), REFUSED)
def test_refused_in_one_line(
    spoil: Callable[[Path], object] | None, values: dict[str, Any], reason: str, flat: Path
) -> None:
    if spoil:
        spoil(flat)
    with pytest.raises(InputError) as caught:
        audit(**{"data": "folder:flat"} | values)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in Path().iterdir()] == ["flat"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("embedded/robst", "unknown encoder 'embedded/robst': use embedded/robust"),
        ("embedded/robust, embedded/random", "unknown encoder 'embedded/robust, embedded/random'"),
        ("folder:flat", "unknown encoder 'folder:flat'"),
        (5, "encoder [5] is not a name"),
    ],
)
def test_an_encoder_is_one_name(value: object, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        audit(encoder=value)
    assert reason in str(caught.value)


@pytest.mark.slow
def test_with_labels_from_the_file_alone(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Criterion, pairs and Lemma 1 by an independent evaluation of points.npz."""
    monkeypatch.chdir(image_folder.parent)
    summary = audit(data="folder:images", encoder="embedded/robust", eps="2/255")
    arrays, points = np.load("files/points.npz"), pd.read_csv("files/audit.csv")
    names = ("z", "z_shift", "weight", "bias", "labels")
    z, z_shift, weight, bias, labels = (arrays[f"embedded/robust|folder:images|{name}"] for name in names)
    z, z_shift = z.astype(np.float64), z_shift.astype(np.float64)
    assert [int("below" in file) for file in points.file] == labels.tolist() == points.label.tolist()
    assert [file.split("/")[0] for file in points.file] == points["class"].tolist()
    logits = z @ weight.T + bias
    assert [("above", "below")[i] for i in logits.argmax(1)] == points.predicted_class.tolist()
    margin = np.abs(logits[:, 0] - logits[:, 1]) / np.linalg.norm(weight[0] - weight[1])
    assert points.margin_ratio.to_numpy() == pytest.approx(margin, rel=1e-5)
    unguided = points[["shift_noise", "shift_single"]].max(axis=1)  # so weak an attack may lose to them
    assert points["shift"].to_numpy() == pytest.approx(np.maximum(np.linalg.norm(z_shift - z, axis=1), unguided))
    fulfilled = points["shift"] < margin
    assert summary["fulfilled"] == fulfilled.mean() > 0
    pairs = [(i, j) for i, j in combinations(range(len(z)), 2) if labels[i] != labels[j]]
    blocked = [points["shift"][i] + points["shift"][j] >= np.linalg.norm(z[i] - z[j]) for i, j in pairs]
    assert summary["blocked_pairs"] == np.mean(blocked)
    claims = pd.read_csv("files/ledger.csv")
    theory = claims[claims.claim.str.startswith(("Pairs", "Lemma", "Theorem"))]
    assert len(theory) == 5
    assert theory.claim.str.contains("subspace").sum() == 1
    assert set(theory.verdict) == {"holds"}
    assert theory.lhs.iloc[0] > 0.5  # with two classes the margins of a pair come close to its distance


PLANTED = """
import torch
from torch import nn

from rt_utils.models.frozen_encoder import Encoder


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        return -gradient


class NotFinite(Reversed):
    @staticmethod
    def backward(context, gradient):
        return torch.full_like(gradient, torch.nan)


class Front(nn.Module):
    def __init__(self, kind, network):
        super().__init__()
        self.kind, self.network = kind, network

    def forward(self, x):
        if self.kind == "levels":
            x = (x * 31).round() / 31
        elif self.kind == "reversed":
            x = Reversed.apply(x)
        elif self.kind == "not finite":
            x = NotFinite.apply(x)
        elif self.kind == "random":
            x = x + 0.02 * torch.randn_like(x)
        return self.network(x)


def planted(encoder, kind):
    network = Front(kind, encoder.network)
    return Encoder(encoder.name, network, input_size=encoder.input_size, width=encoder.width, weights_sha256=kind)
"""
LOADED = "audited = loaded(p.encoder)\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "failing"),
    [
        ("none", set()),
        ("levels", {"zero", "noise", "blind"}),
        ("reversed", {"blind"}),  # not noise: the search keeps the best image on the way, its random starts among them
        ("random", {"twice"}),
    ],
)
def test_a_masked_gradient_is_noticed(
    kind: str, failing: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "front.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    edited(tmp_path, "audit", LOADED, f"{LOADED}import front\naudited = front.planted(audited, {kind!r})\n")
    monkeypatch.chdir(tmp_path)
    summary = audit(encoder="embedded/robust", data="digits", steps=40, restarts=2, floor_points=8)
    found = {key for key, check in summary["checks"].items() if check["verdict"] == "fails"}
    assert found - {"strong"} >= failing
    assert bool(failing) == summary["verdict"].startswith("Do not rely on this score.")


@pytest.mark.slow
def test_a_gradient_that_is_not_finite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "front.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    edited(tmp_path, "audit", LOADED, f"{LOADED}import front\naudited = front.planted(audited, 'not finite')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="the gradient of embedded/random is not finite at 20 of 20 images"):
        audit(data="digits")


@pytest.mark.slow
def test_a_network_for_photographs(flat: Path) -> None:
    """A torchvision ResNet-18 of random weights at 128 x 128; the budget cuts the attack."""
    summary = audit(
        encoder="torchvision/resnet18:128", data="folder:flat", n_test=200, restarts=5, steps=100, budget=2.0
    )
    assert summary["enlarged"] == summary["images"] == 3
    assert summary["operations"] <= 2e12
    assert summary["checks"]["noise"]["verdict"] == "passes"


def test_labels_that_cannot_be_trained_are_refused_before_anything_is_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load_data_set("digits", size=32, n_train=20, n_test=4)
    one_class = replace(digits, train=replace(digits.train, labels=torch.zeros(20, dtype=torch.long)))
    monkeypatch.delattr(measure, "label_free")  # so that an attack would end in an AttributeError
    with pytest.raises(InputError, match=r"a probe needs at least two classes|no training image"):
        audits.run(
            *(load_encoder("embedded/random"), one_class, [], Threat("linf", 8 / 255), AttackPlan()),
            checked=2,
            seed=0,
            probe=ProbeSettings(epochs=1),
        )
