"""Networks that others trained: files of the same keys are read, others refused; the real ones are what they say."""

import hashlib
import json
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT
from torch import Tensor, nn

from rt_utils.images.catalogue import load_data_set
from rt_utils.models import public, public_files
from rt_utils.models.catalogue import PUBLIC, check_encoder, load_encoder, pretrained_head
from rt_utils.models.intervals import interval
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.runtime.errors import InputError

SHARED = ROOT.parent / "shared"
HEADS = {"wide": "7", "base": "7", "grey": "7", "deep": "11", "resnet20": "linear", "RegressionNetwork": "fc"}
# Own-head accuracy on 1,000 images by whoever collected the files.
SAID = {"small_8px": 0.27, "wide_kw": 0.60, "base_kw": 0.58, "deep_kw": 0.54, "sgd_8px": 0.75}
SAID |= {"resnet2b": 0.68, "resnet4b": 0.78, "resnet20": 0.81}


def _as_published(key: str) -> str:
    """The name that the authors' file of a dSprites network has for a layer of ours."""
    layer, _, rest = key.partition(".")
    for prefix, layers in public._SPRITES.items():
        for number, ours in layers.items():
            if ours == layer:
                return f"{prefix}{number}.{rest}"
    return key


def _file_of(name: str) -> Any:
    """What a file of that network holds, with random weights and the keys of the real one."""
    card = public_files.card(name)
    made, kind = public.network(card), card["recipe"]["network"]
    outputs = 1 if kind == "RegressionNetwork" else 10
    torch.manual_seed(len(name))
    state: dict[str, Tensor] = OrderedDict((key, torch.rand_like(v.float())) for key, v in made.state_dict().items())
    state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    head = nn.Linear(made.width, outputs).state_dict()
    state |= {f"{HEADS.get(kind, 'linear2')}.{key}": value for key, value in head.items()}
    if kind == "RegressionNetwork":
        return {_as_published(key): value for key, value in state.items()}
    if kind == "resnet20":
        return {"best_prec1": 91.8, "state_dict": {f"module.{key}": value for key, value in state.items()}}
    if kind in ("resnet2b", "resnet4b"):
        return {"state_dict": state, "test_acc": 0.7}
    return state if kind == "grey" else {"state_dict": [state, {k: 0 * v for k, v in state.items()}], "epoch": 1}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with a file of random weights for every name, and cards that say so."""
    monkeypatch.setenv("RT_MODELS", str(tmp_path))
    (tmp_path / "public").mkdir()
    cards = {}
    for name in PUBLIC:
        torch.save(_file_of(name), path := public_files.place(name))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        cards[name] = public_files.card(name) | {"sha256": sha256}
    monkeypatch.setattr(public, "card", cards.__getitem__)
    return tmp_path


def _images(name: str, n: int = 3) -> Tensor:
    size = public_files.card(name)["recipe"].get("input_size", 64)
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_file_of_the_same_keys_is_read(name: str, models: Path) -> None:
    check_encoder(name)
    encoder, head = load_encoder(name), public.own_head(name)
    plain = load_encoder(name, fold=False)
    x = _images(name)
    assert encoder(x).shape == (3, encoder.width)
    torch.testing.assert_close(encoder(x), plain(x), rtol=1e-3, atol=1e-3)
    held = public.checkpoints.state(_file_of(name), "", "")[0]
    values = {round(float(value.double().sum()), 6) for value in held.values()}
    for value in [*plain.parameters(), head.weight, head.bias]:
        assert round(float(value.double().sum()), 6) in values, "a weight is not the file's"
    assert encoder.weights_sha256 == hashlib.sha256(public_files.place(name).read_bytes()).hexdigest()
    assert any("trained by others" in note for note in encoder.notes)


@pytest.mark.parametrize("name", PUBLIC)
def test_interval_bounds_hold(name: str, models: Path) -> None:
    """No image of a box leaves the box of its features; of one image the box is a point."""
    encoder, x = load_encoder(name).double(), _images(name).double()
    lower, upper = (x - 0.01).clamp(min=0), (x + 0.01).clamp(max=1)
    low, high = interval(encoder, lower, upper)
    draw = torch.Generator().manual_seed(1)
    for _ in range(8):
        inside = lower + (upper - lower) * torch.randint(2, x.shape, generator=draw)
        z = encoder(inside)
        assert (z >= low - 1e-9).all()
        assert (z <= high + 1e-9).all()
    point = interval(encoder, x, x)
    torch.testing.assert_close(point[0], encoder(x), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(*point)


def test_a_missing_file_says_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_MODELS", str(tmp_path))
    for name in PUBLIC:
        with pytest.raises(InputError) as caught:
            check_encoder(name)
        card, line = public_files.card(name), str(caught.value)
        assert card["repository"] in line
        assert card["path"] in line
        assert str(tmp_path / "public" / card["file"]) in line
        assert "\n" not in line
    with pytest.raises(InputError, match=r"unknown encoder 'public/cifar_wide': use public/cifar_wide_kw"):
        check_encoder("public/cifar_wide")


def test_another_file_is_refused(models: Path) -> None:
    path = public_files.place("public/cifar_wide_kw")
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match=r"is not the file of public/cifar_wide_kw \(SHA-256 .*oval-bab"):
        load_encoder("public/cifar_wide_kw")


def test_the_own_head_is_for_the_own_data_alone(models: Path) -> None:
    ten = [str(k) for k in range(10)]
    assert pretrained_head("public/cifar_wide_kw", "cifar10-jpeg", ten) is not None
    assert pretrained_head("public/fashion_mnist", "fashion-mnist", ten) is not None
    assert pretrained_head("public/fashion_mnist", "cifar10-jpeg", ten) is None
    assert pretrained_head("public/dsprites_scale", "sprites", ten) is None


def test_the_cards() -> None:
    assert len(PUBLIC) == 11
    for name in PUBLIC:
        card = json.loads((ROOT / "rt_utils" / "models" / "shipped" / f"{name}.json").read_text("utf-8"))
        assert card["name"] == name
        assert len(card["sha256"]) == 64
        assert card["licence"] in ("MIT", "BSD", "BSD-3-Clause")
        if card["data"] != "dSprites":
            assert card["measured"]["all_points"] == 10_000
            for found in card["measured"]["attacked"].values():
                assert found["robust_accuracy_pgd20_and_apgd_ce"] <= found["robust_accuracy_pgd20"]
    assert isinstance(public.network(public_files.card("public/dsprites_scale")), RegressionNetwork)


def test_the_kept_runs_are_of_these_files() -> None:
    """Each CIFAR network at 2/255 and 8/255, the grey one also at 0.1, on 1,000 images, by the cards' files."""
    record = json.loads((ROOT / "book" / "reference" / "public" / "theorem_2_criterion.json").read_text("utf-8"))
    found = set()
    for run in record["runs"]:
        given = run["parameters"]
        assert (given["profile"], given["n_test"]) == ("public", 1000)
        for entry in run["run"]["weights (SHA-256)"].split(", "):
            name, _, digest = entry.rpartition(" ")
            assert public_files.card(name)["sha256"].startswith(digest)
            found.add((name, *given["data"], round(255 * given["eps"], 2)))
        table = run["elements"]["table-3"]
        fulfilled, robust = (table["columns"].index(name) for name in ("fulfilled", "robust acc."))
        assert all(0 <= row[fulfilled] <= 1 and 0 <= row[robust] <= 1 for row in table["rows"])
    cifar = {(f"public/cifar_{name}", "cifar10-jpeg", radius) for name in SAID for radius in (2.0, 8.0)}
    assert found == cifar | {("public/fashion_mnist", "fashion-mnist", radius) for radius in (2.0, 8.0, 25.5)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_real_networks_are_as_accurate_as_was_said(
    public_networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their own heads on all 10,000 images of CIFAR-10 (JPEG); by `public/` and by `python:` the same features."""
    monkeypatch.setenv("RT_MODELS", str(public_networks))
    monkeypatch.setenv("PUBLIC_FILES", str(public_networks / "public"))
    monkeypatch.setenv("RT_DATA", str(tmp_path))
    with zipfile.ZipFile(SHARED / "data" / "cifar10_jpeg.zip") as archive:
        names = archive.namelist()
        few = [name for name in names if "train/" in name and name.endswith(("0001.jpg", "0002.jpg"))]
        archive.extractall(tmp_path / "cifar10_jpeg", few + [name for name in names if "test/" in name])
    data = load_data_set("cifar10-jpeg", size=32, n_train=10, n_test=10_000)
    y = data.test.required_labels()
    assert len(y) == 10_000
    for kind, said in SAID.items():
        encoder, head = load_encoder(f"public/cifar_{kind}"), public.own_head(f"public/cifar_{kind}")
        by_factory = load_encoder(f"python:{ROOT}/tests/public_factories.py:{kind}")
        z = encoder.features(data.test.images)
        accuracy = (head.logits(z).argmax(1) == y).double().mean().item()
        assert accuracy == pytest.approx(said, abs=0.03), kind
        kept = public_files.card(f"public/cifar_{kind}")["measured"]["clean_accuracy_on_all"]
        assert accuracy == pytest.approx(kept, abs=0.001), kind
        some = data.test.images if kind != "resnet20" else data.test.images[:1000]
        torch.testing.assert_close(by_factory.features(some), z[: len(some)], rtol=1e-3, atol=1e-3)
