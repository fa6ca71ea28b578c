"""The chapter on regression, small, recomputed from its files; its network, its attacks and its training."""

import dataclasses
import json
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import let_attacks_take_one_step, run_in
from torch import nn

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.regression_search import search_regression
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.drawn import sprites
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.shipped import model_card
from rt_utils.pages import execution
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat
from rt_utils.training import embedded_encoders as train_encoders
from rt_utils.training.embedded_recipes import RECIPES

SMALL = {"n_train": 300, "n_test": 6, "restarts": 1, "steps": 2, "floor_points": 2, "workers": 1}
CHAPTER = "appendix_b2_regression"


def test_the_network_of_table_6() -> None:
    network = RegressionNetwork()
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters() if name.endswith("weight")}
    assert shapes == {
        "conv1.weight": (6, 1, 5, 5),
        "conv2.weight": (16, 6, 5, 5),
        "linear3.weight": (120, 16 * 13 * 13),
        "linear4.weight": (84, 120),
        "linear5.weight": (84, 84),
    }
    kinds = [type(module).__name__ for module in network if not isinstance(module, nn.Flatten)]
    block = ["ReLU", "AvgPool2d", "BatchNorm2d"]
    assert kinds == ["FewChannels", *block, "FewChannels", *block, *["Linear", "ReLU", "BatchNorm1d"] * 3]


def test_folded_norms_and_grey_images_give_the_same_features() -> None:
    generator = torch.Generator().manual_seed(0)
    network = RegressionNetwork()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    x = torch.rand(3, 1, 64, 64, generator=generator)
    with torch.no_grad():
        expected = network.eval()(x)
        torch.testing.assert_close(network(x.expand(-1, 3, -1, -1)), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(network.fold_norms()(x), expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 0.1


def test_grey_sprites_are_those_of_the_data_set() -> None:
    images, labels, factors = sprites.draw_grey(5, seed=0, stream=1)
    split = load_data_set("sprites", size=64, n_train=5, n_test=1).train
    assert np.array_equal(split.images.numpy(), np.repeat(images[:, None], 3, axis=1))
    assert split.labels is not None
    assert split.factors is not None
    assert np.array_equal(split.labels.numpy(), labels)
    assert np.array_equal(split.factors.numpy(), factors)


def test_the_radius_of_the_training() -> None:
    recipe = RECIPES["sprites-robust"]
    assert [round(recipe.threat_at(step, 1000).eps * 255, 3) for step in (0, 400, 600, 800, 999)] == [0, 0, 4, 8, 8]
    assert RECIPES["robust"].threat_at(150, 1000).eps == pytest.approx(4 / 255)


def test_a_tiny_encoder_of_the_sprites_is_trained(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPES["sprites-robust"], images=256, epochs=3)
    train_encoders.write_encoder("sprites-robust", recipe, tmp_path, points=6, progress=False)
    card = json.loads((tmp_path / "sprites-robust.json").read_text("utf-8"))
    assert "adversarial training, 2 PGD steps, l_inf eps 8/255" in card["training"]
    assert card["measured"]["adversarial_squared_error_pgd20"] >= card["measured"]["clean_squared_error"] > 0
    assert "84 features, 64x64 grey" in card["architecture"]


@pytest.mark.slow
def test_the_shipped_encoders_are_as_their_cards_say() -> None:
    """Among them: on the orientation the robust one is hurt less than the standard one by what attacks its card."""
    errors = {n: model_card(f"embedded/sprites-{n}")["measured"] for n in ("robust", "standard")}
    for measured in errors.values():
        assert measured["clean_squared_error"] < measured["variance_of_the_target"]
    attacked = {n: m["adversarial_squared_error_pgd20"] for n, m in errors.items()}
    assert attacked["robust"] < attacked["standard"]
    # The head of the pretraining is not shipped; a probe fitted to the same target reaches its clean error.
    data = load_data_set("sprites", size=64, n_train=4000, n_test=1000)
    train, test = (split.factors.double().numpy()[:, 1] for split in (data.train, data.test))
    for name, measured in errors.items():
        encoder = load_encoder(f"embedded/sprites-{name}")
        z, z_test = (encoder.features(split.images[:, :1]).double() for split in (data.train, data.test))
        fitted = np.linalg.lstsq(np.c_[z, np.ones(len(z))], train, rcond=None)[0]
        error = np.square(np.c_[z_test, np.ones(len(z_test))] @ fitted - test).mean()
        assert error == pytest.approx(measured["clean_squared_error"], rel=0.1)


def test_the_attacks_stay_inside_and_raise_their_residual() -> None:
    encoder = load_encoder("embedded/sprites-random")
    data = load_data_set("sprites", size=64, n_train=1, n_test=4).test
    generator = torch.Generator().manual_seed(0)
    head = Head(torch.randn(2, 84, generator=generator).double(), torch.zeros(2).double())
    assert data.factors is not None
    x, y, threat = data.images[:, :1], data.factors[:, :2], Threat("linf", 4 / 255)
    finds = search_regression(encoder, head, x, y, threat, {"page": PGDSettings(steps=5)})  # raises if one is outside
    assert [find.kind for find in finds] == ["page", "page 0", "page 1"]
    clean = (head.logits(encoder.features(x.float() / 255)) - y).abs()
    for j, find in enumerate(finds[1:]):
        attacked = (head.logits(torch.from_numpy(find.z)) - y).abs()
        assert (attacked[:, j] > clean[:, j]).all()
    assert not search_regression(encoder, head, x, y, Threat("linf", 0.0), {"page": PGDSettings(steps=5)})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        let_attacks_take_one_step(patch)
        return run_in(tmp_path_factory.mktemp("regression"), CHAPTER, SMALL | {"results": "files"})


def test_both_sides_from_the_file_alone(finished: Path) -> None:
    """An independent evaluation in numpy, from points.npz, of LHS (both losses) and the AS score."""
    arrays, rows = np.load(finished / "files" / "points.npz"), pd.read_csv(finished / "files" / "ledger.csv")
    checked = 0
    for encoder in (f"embedded/sprites-{n}" for n in ("robust", "standard", "random")):
        z, y, weight, bias = (
            arrays[f"{encoder}|sprites|{k}"].astype(np.float64) for k in ("z", "targets", "weight", "bias")
        )
        for norm in ("linf", "l2"):
            moved, worst = (arrays[f"{encoder}|sprites|{norm}|{k}"].astype(np.float64) for k in ("z_shift", "z_loss"))
            score = np.sqrt(((moved - z) ** 2).sum(1)).mean()
            for k, factor in enumerate(sprites.FACTORS):
                clean, adversarial = (np.abs(f @ weight[k] + bias[k] - y[:, k]) for f in (z, worst[:, k]))
                length = np.sqrt((weight[k] ** 2).sum())
                absolute = (adversarial - clean).mean() / length
                square = (adversarial**2 - clean**2).mean() / (2 * max(adversarial.max(), clean.max()) * length)
                here = rows[(rows.encoder == encoder) & (rows.norm == norm) & rows.claim.str.contains(f", {factor}: ")]
                assert len(here) == 2
                for claim, lhs in (("|f - y|", absolute), ("(f - y)^2", square)):
                    (row,) = here[here.claim.str.contains(claim, regex=False)].itertuples()
                    assert row.lhs == pytest.approx(lhs, rel=1e-4, abs=1e-9)
                    assert row.rhs == pytest.approx(score, rel=1e-4)
                    assert row.verdict == "holds"
                    checked += 1
    assert checked == 48


def test_the_ball_inside_the_ball_and_the_page(finished: Path) -> None:
    rows = pd.read_csv(finished / "files" / "ledger.csv")
    balls = rows[rows.claim.str.startswith("Balls")]
    assert len(balls) == 3
    assert (balls.lhs < 0.5 * balls.rhs).all()  # 16/255 in all pixels together is little
    assert set(rows.claim.str.split(":").str[0]) == {
        "Attack floor, regression",
        "Balls",
        *(f"Lemma 1, regression, {loss}, {f}" for loss in ("|f - y|", "(f - y)^2") for f in sprites.FACTORS),
    }
    notebook = nbformat.read(finished / "out.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "stream"]  # no warning
    facts = json.loads((finished / "files" / "run.json").read_text("utf-8"))
    assert facts["data (fingerprint)"].startswith("sprites ")


def test_data_without_factors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="data 'digits' has no factors to regress: give sprites, dsprites or"):
        execution.run(CHAPTER, SMALL | {"data": "digits"}, Path("never.ipynb"), progress=False)


@pytest.mark.slow
@pytest.mark.usefixtures("attacks_of_one_step")
def test_dsprites(tmp_path: Path) -> None:
    """A file in its format, with drawn sprites in place of its own."""
    grey, shapes, factors = sprites.draw_grey(400, seed=1, stream=7)
    values = np.column_stack([np.ones(400), shapes + 1, factors])
    name = f"dsprites:{tmp_path / 'few.npz'}"
    np.savez_compressed(tmp_path / "few.npz", imgs=(grey > 127).astype(np.uint8), latents_values=values)
    run_in(tmp_path, CHAPTER, SMALL | {"data": name, "results": "files"})
    assert set(pd.read_csv(tmp_path / "files" / "ledger.csv").data) == {name}
    arrays = np.load(tmp_path / "files" / "points.npz")
    own = {tuple(row) for row in factors.round(5)}
    assert {tuple(row) for row in arrays[f"embedded/sprites-robust|{name}|targets"].astype(np.float32).round(5)} <= own
