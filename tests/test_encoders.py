import dataclasses
import json
from importlib.resources import files
from pathlib import Path

import pytest
import torch

import train_encoders
from recipes import RECIPES
from rt_utils import datasets, encoders, names
from rt_utils.errors import InputError
from rt_utils.transfer import ProbeSettings, linear_probe


@pytest.mark.parametrize("name", names.EMBEDDED)
def test_a_shipped_encoder_and_its_card(name: str) -> None:
    encoder, card = encoders.load(f"embedded/{name}"), encoders.model_card(name)
    assert encoder.weights_sha256 == card["sha256"]
    assert (Path(str(encoders.WEIGHTS)) / f"{name}.safetensors").stat().st_size < 2_000_000
    assert card["recipe"] == RECIPES[name].as_dict()
    assert {"data", "measured", "training_seconds", "versions"} <= set(card)
    assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, encoder.width)


def test_the_cards_accuracies_are_those_of_a_linear_probe_too() -> None:
    """The card's clean accuracy, measured with the pretraining head, is reached by a probe on the shipped weights."""
    encoder, data = encoders.load("embedded/robust"), datasets.load("glyphs", size=32, n_train=2000)
    head = linear_probe(encoder.features(data.train.pixels()), data.train.required_labels(), 36, ProbeSettings())
    predicted = head.logits(encoder.features(data.test.pixels())).argmax(1)
    accuracy = (predicted == data.test.required_labels()).double().mean().item()
    assert accuracy == pytest.approx(encoders.model_card("robust")["measured"]["clean_accuracy"], abs=0.02)


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in ("safetensors", "json"):
        raw = (files("rt_utils") / "weights" / f"robust.{suffix}").read_bytes()
        (tmp_path / f"robust.{suffix}").write_bytes(raw[:-1] + b"!" if suffix == "safetensors" else raw)
    monkeypatch.setattr(encoders, "WEIGHTS", tmp_path)
    with pytest.raises(InputError, match="weights of embedded/robust have SHA-256"):
        encoders.load("embedded/robust")


def test_an_unknown_encoder_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown encoder 'embedded/robst': use embedded/robust"):
        encoders.load("embedded/robst")


def test_a_tiny_encoder_is_trained_again_from_nothing(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPES["robust"], images=512, epochs=3, width=8)
    first, second = (tmp_path / "a", tmp_path / "b")
    for folder in (first, second):
        train_encoders.write_encoder("robust", recipe, folder, points=20, progress=False)
    cards = [json.loads((folder / "robust.json").read_text()) for folder in (first, second)]
    assert cards[0]["sha256"] == cards[1]["sha256"]  # the same recipe gives the same weights
    assert cards[0]["measured"] == cards[1]["measured"]
    assert sorted(p.name for p in first.iterdir()) == ["robust.json", "robust.safetensors"]
