"""The encoders of natural images: their cards, and the training that can be stopped."""

import csv
import dataclasses
import hashlib
import json
import zipfile
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from safetensors.torch import load_file

from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import NATURAL, load_encoder
from rt_utils.models.shipped import model_card
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat
from rt_utils.training import natural_encoders as pretrain
from rt_utils.training import natural_training
from rt_utils.training.natural_recipes import RECIPES
from rt_utils.training.natural_training import LOG_COLUMNS, train

ARCHIVE = ROOT.parent / "shared" / "data" / "tinyimagenet100_32.zip"
WEIGHTS = paths.SHIPPED / "natural"
TINY = dataclasses.replace(RECIPES["one-step"], network="SmallResNet(8)", epochs=3, batch=8, max_lr=0.05, shift=2)


@pytest.fixture
def data(image_folder: Path) -> DataSet:
    return load_data_set(f"folder:{image_folder}", size=32, n_train=30, n_test=10)


@pytest.mark.parametrize("name", NATURAL)
def test_a_shipped_encoder_and_its_card(name: str) -> None:
    encoder, card = load_encoder(f"natural/{name}"), model_card(f"natural/{name}")
    path = WEIGHTS / f"{name}.safetensors"
    assert encoder.weights_sha256 == card["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_size < 16 * 2**20
    assert card["recipe"] == RECIPES[name].as_dict()
    assert len(card["data"]["classes"]) == 100
    assert card["data"]["images"] == 50_000
    assert "Tiny ImageNet" in card["data"]["what"]
    for stage in card["stages"]:
        assert stage["recipe"] == RECIPES[stage["name"]].as_dict()
        assert len(stage["log"]) == stage["recipe"]["epochs"]
    assert card["stages"][-1]["recipe"] == card["recipe"]
    assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, encoder.width)


@pytest.mark.skipif(not ARCHIVE.is_file(), reason="../shared/data is absent")
@pytest.mark.parametrize("name", NATURAL)
def test_an_encoder_reproduces_its_cards_clean_accuracy(name: str, tmp_path: Path) -> None:
    card, first = model_card(f"natural/{name}"), set()
    with zipfile.ZipFile(ARCHIVE) as archive:
        for member in archive.namelist():  # of the training images one a class will do
            part, _, rest = member.partition("/")
            if part == "val" or (part == "train" and rest.partition("/")[0] not in first and member.endswith(".jpg")):
                first.add(rest.partition("/")[0] if part == "train" else "")
                archive.extract(member, tmp_path)
    measured = card["measured"]
    test = (
        load_data_set(f"folder:{tmp_path}", size=32, n_train=2, n_test=pretrain.EVERYTHING)
        .first(measured["points"])
        .test
    )
    weights = load_file(WEIGHTS / f"{name}.safetensors")
    logits = load_encoder(f"natural/{name}").features(test.images) @ weights["head.weight"].float().T
    predicted = (logits + weights["head.bias"].float()).argmax(1)
    accuracy = (predicted == test.required_labels()).double().mean().item()
    assert accuracy == pytest.approx(measured["clean_accuracy"], abs=0.002)  # two points: another machine rounds
    assert (
        measured["robust_accuracy_pgd20_and_apgd_ce"] <= measured["robust_accuracy_pgd20"] <= measured["clean_accuracy"]
    )


def test_a_training_that_was_stopped_ends_as_one_that_was_not(data: DataSet, tmp_path: Path) -> None:
    folders = tmp_path / "at once", tmp_path / "in parts"
    pretrain.write_encoder("robust", TINY, data, "test images", folders[0], points=10, progress=False)
    parts = 0
    while not (folders[1] / "robust.json").exists():
        done = pretrain.write_encoder(
            "robust", TINY, data, "test images", folders[1], minutes=1e-9, points=10, progress=False
        )
        parts += 1
        assert (done is None) == (parts < TINY.epochs)
    assert parts == TINY.epochs
    cards = [json.loads((folder / "robust.json").read_text()) for folder in folders]
    assert cards[0]["sha256"] == cards[1]["sha256"]
    assert cards[0]["measured"] == cards[1]["measured"]
    with (folders[1] / "robust.state.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert [line["epoch"] for line in log] == ["1", "2", "3"]
    assert tuple(log[0]) == LOG_COLUMNS
    assert cards[0]["data"]["classes"] == ["above", "below"]


def test_a_recipe_starts_from_the_weights_of_another(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "one-step", TINY)
    second = dataclasses.replace(TINY, start="one-step", epochs=1, max_lr=1e-9)
    for name, recipe in (("one-step", TINY), ("robust", second)):
        pretrain.write_encoder(name, recipe, data, "test images", tmp_path, points=10, progress=False)
    first, then = (load_file(tmp_path / f"{name}.safetensors") for name in ("one-step", "robust"))
    torch.testing.assert_close(then["stem.weight"], first["stem.weight"])  # at a rate of nothing
    card = json.loads((tmp_path / "robust.json").read_text())
    assert [(stage["name"], len(stage["log"])) for stage in card["stages"]] == [("one-step", 3), ("robust", 1)]


def test_images_are_shifted_by_their_own_number_of_pixels() -> None:
    x = torch.rand(64, 3, 6, 5)
    moved = natural_training._shifted(x, 2, torch.Generator().manual_seed(0))
    found = set()
    for before, after in zip(x, moved, strict=True):
        padded = torch.nn.functional.pad(before, (2,) * 4)
        places = [(i, j) for i in range(5) for j in range(5) if torch.equal(padded[:, i : i + 6, j : j + 5], after)]
        assert len(places) == 1
        found.add(places[0])
    assert len(found) > 15  # of 25


def test_the_state_of_another_recipe_is_refused(data: DataSet, tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    train(dataclasses.replace(TINY, epochs=1), (data.train, data.test), 2, state, minutes=1, progress=False)
    with pytest.raises(InputError, match=r"state\.pt' is the state of another recipe: remove it"):
        train(TINY, (data.train, data.test), 2, state, minutes=1, progress=False)
    other = (data.test, data.test)
    with pytest.raises(InputError, match=r"state\.pt' is the state of a training on other images: remove it"):
        train(dataclasses.replace(TINY, epochs=1), other, 2, state, minutes=1, progress=False)


@pytest.mark.slow
def test_adversarial_training_is_robust_where_standard_training_is_not(data: DataSet, tmp_path: Path) -> None:
    """On two classes that differ by half of the pixel range, within a minute of training."""
    robust = {}
    for eps in (0.0, 8 / 255):
        recipe = dataclasses.replace(TINY, threat=Threat("linf", eps), epochs=25)
        done = train(recipe, (data.train, data.test), 2, tmp_path / f"{eps}.pt", minutes=5, progress=False)
        assert done is not None
        robust[eps] = done[1][-1]["robust_accuracy_pgd10"]
    assert robust[8 / 255] >= 0.9
    assert robust[8 / 255] >= robust[0.0]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["robust", "--data", "nowhere", "--described", "x"], "pretrain: no folder 'nowhere'"),
        (["robst", "--data", "nowhere", "--described", "x"], "unknown encoder 'robst': use "),
    ],
)
def test_a_wrong_call_in_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        pretrain.main(arguments)
    assert line in f"{stopped.value}{capsys.readouterr().err}"
