"""The chapter on RoLI: what each method trains, merging, the training attack, and the page, small."""

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pandas as pd
import pytest
import torch
from chapter_source import definitions, edited
from conftest import ROOT, run_in
from torch import nn

from rt_utils import cli
from rt_utils.images import data_set
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import parameters
from rt_utils.runtime.errors import InputError
from rt_utils.theory import perturbations
from rt_utils.theory.threat import Threat

NAMES = ("LowRank", "Adapter", "prepared", "merged", "perturbed", "train", "BATCH")
LINF = Threat("linf", 8 / 255)
SMALL = {
    "n_seeds": 2,
    "n_train": 48,
    "n_test": 12,
    "probe_epochs": 1,
    "ft_epochs": 1,
    "train_steps": 1,
    "restarts": 1,
    "steps": 3,
    "floor_points": 4,
    "apgd_points": 4,
    "results": "files",
}


def chapter(*plant: str) -> dict[str, Any]:
    return definitions("roli", *NAMES, plant=(plant[0], plant[1]) if plant else ("", ""), load_data_set=load_data_set)


@pytest.fixture(scope="module")
def images() -> data_set.Split:
    return load_data_set("textures", size=32, n_train=64, n_test=8).train


def after_training(its: dict[str, Any], method: str, images: data_set.Split) -> tuple[nn.Module, nn.Module, nn.Linear]:
    """The prepared network before and after two steps of adversarial training, and the head."""
    torch.manual_seed(0)
    network = its["prepared"](load_encoder("embedded/robust").network, method, 4, 8)
    before, head = copy.deepcopy(network), nn.Linear(64, 6)
    chosen = [v for v in (*network.parameters(), *head.parameters()) if v.requires_grad]
    its["train"](network, head, images, LINF, 1, torch.optim.AdamW(chosen, 1e-3), 2, 0)
    return before, network, head


def should_move(name: str, method: str) -> bool:
    return {
        "linear": False,
        "full": True,
        "bias": name.endswith("bias"),
        "adapter": ".down." in name or ".up." in name or name.startswith(("stem.1.",)),
        "LoRA": name.endswith((".parametrizations.weight.0.up", ".parametrizations.weight.0.down")),
    }[method]


def check_which_moved(its: dict[str, Any], method: str, images: data_set.Split) -> None:
    before, after, _ = after_training(its, method, images)
    old, new = before.state_dict(), after.state_dict()
    assert {name for name in new if not torch.equal(old[name], new[name])} == {n for n in new if should_move(n, method)}


@pytest.mark.parametrize("method", ["linear", "full", "bias", "adapter", "LoRA"])
def test_exactly_the_parameters_of_the_method_move(method: str, images: data_set.Split) -> None:
    check_which_moved(chapter(), method, images)


def check_start_and_merging(its: dict[str, Any], images: data_set.Split) -> None:
    encoder, x = load_encoder("embedded/robust"), images.pixels()[:16]
    _, trained, _ = after_training(its, "LoRA", images)
    with torch.no_grad():
        z = encoder(x)
        for method in ("full", "bias", "adapter", "LoRA"):
            start = its["prepared"](encoder.network, method, 4, 8)
            assert torch.allclose(start(x), z, atol=1e-5), f"{method} does not start at the encoder"
        apart = trained(x)
        assert (apart - z).norm() > 1e-2 * z.norm()
        whole = its["merged"](trained)
        assert not any("parametrizations" in name for name in whole.state_dict())
        assert set(whole.state_dict()) == set(encoder.network.state_dict())
        assert torch.allclose(whole(x), apart, atol=1e-4), "merging changed the features"


def test_every_method_starts_at_the_encoder_and_merging_lora_reproduces_it(images: data_set.Split) -> None:
    check_start_and_merging(chapter(), images)


def test_adapters_add_their_bottleneck() -> None:
    torch.manual_seed(0)
    adapter = chapter()["Adapter"](16, 8)
    nn.init.normal_(adapter.up.weight)
    nn.init.normal_(adapter.up.bias)
    h = torch.randn(2, 16, 3, 3)
    down, up = adapter.down.weight[:, :, 0, 0], adapter.up.weight[:, :, 0, 0]
    assert down.shape == (2, 16)
    inside = torch.einsum("ki,nihw->nkhw", down, h) + adapter.down.bias[:, None, None]
    expected = h + torch.einsum("ok,nkhw->nohw", up, inside.clamp(min=0)) + adapter.up.bias[:, None, None]
    assert torch.allclose(adapter(h), expected, atol=1e-5)


PLANTED = [
    ('parameter.split(".")[-1] == "bias"', 'parameter.split(".")[-1] == "weight"', "bias"),
    ('.requires_grad_(method == "full")', '.requires_grad_(method != "linear")', "LoRA"),
    ("nn.init.zeros_(self.up.weight)", "nn.init.normal_(self.up.weight)", ""),
    ("weight + (self.up @ self.down)", "weight + 1e-3 + (self.up @ self.down)", ""),
    ('remove_parametrizations(layer, "weight")', 'remove_parametrizations(layer, "weight", False)', ""),
]


@pytest.mark.parametrize(("right", "wrong", "method"), PLANTED, ids=[wrong[-24:] for _, wrong, _ in PLANTED])
def test_a_planted_error_in_a_method_is_caught(right: str, wrong: str, method: str, images: data_set.Split) -> None:
    its = chapter(right, wrong)
    check = partial(check_which_moved, its, method) if method else partial(check_start_and_merging, its)
    with pytest.raises(AssertionError):
        check(images)


@pytest.mark.parametrize("threat", [LINF, Threat("l2", 0.5)], ids=str)
def test_training_images_stay_in_the_threat_and_do_harm(threat: Threat, images: data_set.Split) -> None:
    torch.manual_seed(0)
    encoder, head = load_encoder("embedded/standard"), nn.Linear(64, 6)
    model, x, y = nn.Sequential(encoder, head).eval(), images.pixels(), images.required_labels()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        random = chapter()["perturbed"](model, x, y, threat, 0, draw)
    found = chapter()["perturbed"](model, x, y, threat, 3, draw)
    assert perturbations.allowed(threat, x, found).all()
    assert perturbations.size(threat, found - x).min() > 0.5 * threat.eps
    with torch.no_grad():
        random_loss, loss = (nn.functional.cross_entropy(model(u), y, reduction="none") for u in (random, found))
    assert (loss > random_loss).double().mean() > 0.9
    assert chapter()["perturbed"](model, x, y, Threat(threat.norm, 0.0), 3, draw) is x


def test_the_published_averages_give_the_gains_of_the_caption() -> None:
    published = definitions("roli", "PUBLISHED")["PUBLISHED"].set_index(["method", "start"])
    published.columns = ["clean", "robust"]
    gains = [published.loc[(m, "RoLI")] - published.loc[(m, "RanLI")] for m in ("full", "bias", "adapter", "LoRA")]
    mean = pd.concat(gains, axis=1).mean(axis=1)
    assert mean["clean"] == pytest.approx(3.88, abs=0.05)
    assert mean["robust"] == pytest.approx(2.44, abs=0.05)


def test_the_reference_run_is_of_these_encoders_and_of_the_default_parameters() -> None:
    kept = json.loads((ROOT / "book" / "reference" / "embedded" / "roli_peft.json").read_text("utf-8"))
    rows, its = pd.DataFrame(kept["rows"]), kept["parameters"]
    for name in its["encoders"]:
        assert f"{name} {load_encoder(name).weights_sha256[:12]}" in kept["run"]["weights (SHA-256)"]
    declared = cli.declared_parameters(jupytext.read(cli.source("roli")))
    assert vars(parameters.check(declared | {"peft_seeds": 3})) == its
    seeds = rows.groupby(["encoder", "method", "start", "rate"]).seed.apply(sorted)
    assert len(seeds) == 2 * 3 * 2 * 2
    assert all(of_one == [0, 1, 2] for of_one in seeds)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("roli"), "roli", SMALL)


def test_the_page_small(finished: Path) -> None:
    rows = pd.read_csv(finished / "files" / "ledger.csv")
    claims = rows[rows.claim.str.startswith("RoLI")]
    assert set(claims.claim.str.extract(r"^RoLI (\(\w+\))")[0]) == {"(i)", "(ii)", "(iii)", "(iv)"}
    assert set(claims[~claims.claim.str.contains("first seed")].n) == {2}
    assert len(claims[claims.claim.str.contains("rate for both")]) == 4
    assert claims.claim.str.contains("as much computation").sum() == 1
    assert (rows[rows.claim.str.startswith("Theorem 1")].verdict == "holds").all()
    assert rows.claim.str.startswith("Attack floor").sum() == 7
    page = (finished / "out.ipynb").read_text("utf-8")
    assert "Warning" not in page
    assert "Reference run" in page
    assert "so the two are not compared" in page  # this small run has other parameters


@pytest.mark.slow
def test_one_seed_and_one_encoder_from_the_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = SMALL | {"n_seeds": 1, "encoders": "embedded/robust", "data": "digits"}
    cli.run("roli", small, Path("out.ipynb"), progress=False)
    rows, points = pd.read_csv("files/ledger.csv"), pd.read_csv("files/points.csv")
    robust = 1 - points.groupby("encoder").wrong.mean()
    arrays = np.load("files/points.npz")
    for rate, text in ((0.001, "high"), (0.0002, "low")):
        (row,) = rows[rows.claim.str.startswith(f"RoLI (iv) at the {text} rate")].itertuples()
        start, own = (f"embedded/robust+{init}-full, rate {rate:g}" for init in ("RanLI", "RoLI"))
        assert (row.lhs, row.rhs) == pytest.approx((robust[start], robust[own]))
        weight, bias, z, y = (arrays[f"{own}|digits|{key}"] for key in ("weight", "bias", "z", "labels"))
        predicted = (z.astype(float) @ weight.T + bias).argmax(1)
        assert (points[points.encoder == own].predicted == predicted).all()
        assert len(y) == 12
    assert not rows.claim.str.contains(r"\(i\)").any()  # there is no second encoder to compare with


@pytest.mark.slow
def test_without_a_radius_robust_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = {"n_seeds": 1, "encoders": "embedded/robust", "eps": 0}
    cli.run("roli", SMALL | one, Path("out.ipynb"), progress=False)
    points = pd.read_csv("files/points.csv")
    assert (points.wrong == (points.label != points.predicted)).all()


def test_two_data_sets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="one at a time"):
        cli.run("roli", SMALL | {"data": "digits,textures"}, Path("out.ipynb"), progress=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('remove_parametrizations(layer, "weight")', 'remove_parametrizations(layer, "weight", False)'),
        ('"bound": 2 * constant * score', '"bound": 0.002 * constant * score'),
        ("network = copy.deepcopy(network).requires", "network = network.requires"),
    ],
)
def test_a_planted_error_stops_the_page(
    right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited(tmp_path, "roli", right, wrong)
    monkeypatch.chdir(tmp_path)
    one = {"n_seeds": 1, "encoders": "embedded/robust"}
    with pytest.raises(InputError, match="AssertionError"):
        cli.run("roli", SMALL | one, Path("out.ipynb"), progress=False)
