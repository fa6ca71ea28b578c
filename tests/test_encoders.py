import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.images.catalogue import load_data_set
from rt_utils.models import shipped
from rt_utils.models.catalogue import EMBEDDED, load_encoder
from rt_utils.models.shipped import model_card
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError
from rt_utils.training import embedded_encoders as train_encoders
from rt_utils.training.embedded_recipes import RECIPES


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_shipped_encoder_and_its_card(name: str) -> None:
    encoder, card = load_encoder(f"embedded/{name}"), model_card(f"embedded/{name}")
    assert encoder.weights_sha256 == card["sha256"]
    assert (paths.SHIPPED / "embedded" / f"{name}.safetensors").stat().st_size < 2_000_000
    assert card["recipe"] == RECIPES[name].as_dict()
    assert {"data", "measured", "training_seconds", "versions"} <= set(card)
    assert encoder(torch.rand(2, 3, encoder.input_size, encoder.input_size)).shape == (2, encoder.width)


@pytest.mark.parametrize("name", ["robust", "standard"])
def test_the_cards_accuracies_are_those_of_a_linear_probe_too(name: str) -> None:
    """The card's clean accuracy, measured with the pretraining head, is reached by a probe on the shipped weights."""
    encoder, data = load_encoder(f"embedded/{name}"), load_data_set("glyphs", size=32, n_train=2000)
    head = linear_probe(encoder.features(data.train.pixels()), data.train.required_labels(), 36, ProbeSettings())
    predicted = head.logits(encoder.features(data.test.pixels())).argmax(1)
    accuracy = (predicted == data.test.required_labels()).double().mean().item()
    assert accuracy == pytest.approx(model_card(f"embedded/{name}")["measured"]["clean_accuracy"], abs=0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("attacks_of_one_step")  # what is compared is clean
@pytest.mark.parametrize(
    ("name", "quantity", "within"),
    [
        ("random", "clean_accuracy", {"abs": 0.004}),  # two points
        ("sprites-random", "clean_squared_error", {"rel": 0.01}),
    ],
)
def test_a_random_encoder_is_drawn_again(name: str, quantity: str, within: dict[str, float], tmp_path: Path) -> None:
    """It has no training whose head a probe could replace: what its card says is of its recipe's own head."""
    train_encoders.write_encoder(name, RECIPES[name], tmp_path, points=500, progress=False)
    measured = json.loads((tmp_path / f"{name}.json").read_text())["measured"]
    assert measured[quantity] == pytest.approx(model_card(f"embedded/{name}")["measured"][quantity], **within)


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "embedded").mkdir()
    for suffix in ("safetensors", "json"):
        raw = (paths.SHIPPED / "embedded" / f"robust.{suffix}").read_bytes()
        (tmp_path / "embedded" / f"robust.{suffix}").write_bytes(raw[:-1] + b"!" if suffix == "safetensors" else raw)
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    with pytest.raises(InputError, match="weights of embedded/robust have SHA-256"):
        load_encoder("embedded/robust")


def test_an_unknown_encoder_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown encoder 'embedded/robst': use embedded/robust"):
        load_encoder("embedded/robst")


def test_a_tiny_encoder_is_trained_again_from_nothing(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPES["robust"], images=512, epochs=3, width=8)
    first, second = (tmp_path / "a", tmp_path / "b")
    for folder in (first, second):
        train_encoders.write_encoder("robust", recipe, folder, points=20, progress=False)
    cards = [json.loads((folder / "robust.json").read_text()) for folder in (first, second)]
    assert cards[0]["sha256"] == cards[1]["sha256"]  # the same recipe gives the same weights
    assert cards[0]["measured"] == cards[1]["measured"]
    assert sorted(p.name for p in first.iterdir()) == ["robust.json", "robust.safetensors"]


def test_make_encoders_writes_where_the_package_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (shipped, train_encoders):
        monkeypatch.setattr(module, "SHIPPED", tmp_path)
    monkeypatch.setitem(RECIPES, "random", dataclasses.replace(RECIPES["random"], images=512, width=8))
    train_encoders.main(["random"])
    assert load_encoder("embedded/random").width == 32


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("torchvision/mobilenet_v3_small", 1024),
        ("torchvision/vit_b_16", 768),
        ("timm/resnet10t", 512),
    ],
)
def test_an_encoder_of_a_library(name: str, width: int) -> None:
    encoder = load_encoder(name)
    pixels = torch.rand(2, 3, encoder.input_size, encoder.input_size, generator=torch.Generator().manual_seed(0))
    features = encoder.train().features(pixels)
    assert features.shape == (2, width) == (2, encoder.width)
    assert not any(module.training for module in encoder.modules())
    assert not any(p.requires_grad for p in encoder.parameters())
    assert load_encoder(name).weights_sha256 == encoder.weights_sha256  # random weights have a seed


def test_a_network_that_does_not_end_in_a_linear_layer() -> None:
    with pytest.raises(InputError, match="torchvision/squeezenet1_0 does not end in a linear layer") as caught:
        load_encoder("torchvision/squeezenet1_0")
    assert "give python:FILE.py:FACTORY" in str(caught.value)


def test_a_file_of_such_a_network_is_refused_alike(tmp_path: Path) -> None:
    network = torchvision.models.squeezenet1_0()
    torch.save(network.state_dict(), tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"does not end in a linear layer: .*; give python:FILE.py") as caught:
        load_encoder(f"file:{tmp_path / 'a.pt'}@torchvision/squeezenet1_0")
    assert "rt_encoder['output'] = 'features'" in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "width"),
    [
        pytest.param("deit_tiny_distilled_patch16_224", 192, id="two heads"),
        pytest.param("resnetv2_50x1_bit", 2048, id="a convolution"),
        pytest.param("samvit_base_patch16:64", 256, id="no head", marks=pytest.mark.slow),
    ],
)
def test_a_network_of_timm_that_ends_otherwise_gives_timms_own_features(arch: str, width: int) -> None:
    """Two heads, a convolution for a head, SAM's encoder without one: what num_classes=0 gives."""
    import timm

    name, _, size = arch.partition(":")
    encoder, own_size = load_encoder(f"timm/{arch}"), {"img_size": int(size)} if size else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        own = timm.create_model(name, **own_size).eval()
    own.reset_classifier(0)
    x = torch.rand(1, 3, encoder.input_size, encoder.input_size)
    mean, std = (torch.tensor(own.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        torch.testing.assert_close(encoder(x), own((x - mean) / std), rtol=1e-4, atol=1e-5)
    assert encoder.width == width
    assert ("as timm does (num_classes=0)" in encoder.notes[-1]) == (not size)


def test_a_file_for_a_network_of_two_heads(tmp_path: Path) -> None:
    import timm

    name = "deit_tiny_distilled_patch16_224"
    own = timm.create_model(name, img_size=32).eval()
    torch.save({"model": own.state_dict()}, tmp_path / "deit.pth")
    own.reset_classifier(0)
    encoder, x = load_encoder(f"file:{tmp_path}/deit.pth@timm/{name}:32:mean=0:std=1"), torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(encoder(x), own(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_weights_from_a_file(suffix: str, tmp_path: Path) -> None:
    """Preprocessing inside, head cut off, ten classes; with and without the head in the file."""
    torch.manual_seed(3)
    network = torchvision.models.mobilenet_v3_small(num_classes=10).eval()
    state, path = network.state_dict(), tmp_path / f"net.{suffix}"
    pixels = torch.rand(1, 3, 224, 224)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    network.classifier[3] = torch.nn.Identity()
    with torch.no_grad():
        expected = network((pixels - mean) / std)
    for kept in (state, {k: v for k, v in state.items() if not k.startswith("classifier.3")}):
        if suffix == "pt":
            torch.save({"state_dict": {f"module.{k}": v for k, v in kept.items()}}, path)
        else:
            save_file(kept, path)
        encoder = load_encoder(f"file:{path}@torchvision/mobilenet_v3_small")
        torch.testing.assert_close(encoder.features(pixels), expected, rtol=1e-4, atol=1e-5)
        assert encoder.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_stored_images_and_pixels_give_the_same_features() -> None:
    encoder, test = load_encoder("embedded/random"), load_data_set("digits", size=32, n_train=2, n_test=300).test
    assert torch.equal(encoder.features(test.images), encoder.features(test.pixels()))
