"""The chapters of Sections 5 and 6.2 through `rt`, small; and finetuning, which must train, keep and go on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from test_chapter import SMALL

from rt_utils.evaluation import measure
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import execution
from rt_utils.runtime import cache
from rt_utils.runtime.errors import InputError
from rt_utils.training import finetuning

TINY = SMALL | {"n_seeds": 2, "seed_points": 6, "encoders": "embedded/robust", "data": "digits", "results": "files"}
TINY |= {"floor_points": 0, "apgd_points": 0}  # the stronger search is tested where it is the subject


def run(chapter: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **values: object) -> pd.DataFrame:
    monkeypatch.chdir(folder)
    execution.run(chapter, TINY | values, Path("out.ipynb"), progress=False)
    assert "Warning" not in Path("out.ipynb").read_text("utf-8")
    return pd.read_csv("files/ledger.csv")


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y]


@pytest.mark.slow
def test_section_5_1_from_its_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run("section_5_1_cross_entropy", tmp_path, monkeypatch, path_points=8)
    arrays = np.load("files/points.npz")
    z, z_shift, z_loss, weight, bias, y = (
        arrays[f"embedded/robust|digits|{name}"].astype(float)
        for name in ("z", "z_shift", "z_loss", "weight", "bias", "labels")
    )
    gap = np.mean(
        cross_entropy(z_loss @ weight.T + bias, y.astype(int)) - cross_entropy(z @ weight.T + bias, y.astype(int))
    )
    (row,) = rows[rows.claim.str.startswith("Table 1") & (rows.seed == 0)].itertuples()
    assert row.lhs == pytest.approx(gap / (2 * np.linalg.norm(weight, axis=1).max()), rel=1e-5)
    assert row.rhs == pytest.approx(np.linalg.norm(z_shift - z, axis=1).mean(), rel=1e-5)
    path = rows[rows.claim.str.startswith("Table 2")]
    assert path.rhs.nunique() == 1  # the representation is the same along the path
    assert path.lhs.nunique() == len(path) >= 4
    assert set(rows[rows.seed == 1].n) == {6}


@pytest.mark.slow
def test_section_5_2_joint_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run("section_5_2_criterion", tmp_path, monkeypatch, path_points=12, eps="2/255")
    beyond = rows[rows.claim.str.startswith("Observation, Table 8")].set_index("claim").rhs
    two, three = (beyond[[claim for claim in beyond.index if f"unchanged at {k} eps" in claim]].item() for k in (2, 3))
    assert 1 >= two >= three  # what fell at two eps has fallen at three
    points = pd.read_csv("files/points.csv")[:12]
    assert (points.fulfilled & ~points.flipped).sum() > 0


@pytest.mark.slow
def test_section_5_2_refuses_a_radius_that_it_cannot_triple(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"too large for this page, which triples it: give at most 0\.333"):
        execution.run("section_5_2_criterion", TINY | {"eps": 0.5}, Path("no.ipynb"), progress=False)


@pytest.mark.slow
def test_section_6_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run("section_6_2_transfer_methods", tmp_path, monkeypatch, ft_epochs=2, ft_points=8)
    lemma = rows[rows.claim.str.startswith("Lemma 1")]
    assert set(lemma.encoder) == {f"embedded/robust, {method}" for method in ("LP", "FT", "LP-FT")}
    assert set(lemma.verdict) == {"holds"}
    arrays = np.load("files/points.npz")
    names = {key.split("|")[0] for key in arrays}
    assert names == {"embedded/robust", "embedded/robust+FT:digits", "embedded/robust+LP-FT:digits"}


def test_finetuning_goes_on_where_it_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    encoder = load_encoder("embedded/robust", fold=False)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    data = load_data_set("digits", size=32, n_train=256, n_test=1)
    settings = ProbeSettings(epochs=3, lr=0.01)
    whole, head = finetuning.finetune([(encoder, data, None)], settings)[0]
    cache.clear()

    calls, step = 0, torch.optim.lr_scheduler.CosineAnnealingLR.step

    def cut(self: torch.optim.lr_scheduler.CosineAnnealingLR, *args: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:  # two steps an epoch: in the third
            raise KeyboardInterrupt
        step(self, *args)

    monkeypatch.setattr(torch.optim.lr_scheduler.CosineAnnealingLR, "step", cut)
    with pytest.raises(KeyboardInterrupt):
        finetuning.finetune([(encoder, data, None)], settings)
    monkeypatch.setattr(torch.optim.lr_scheduler.CosineAnnealingLR, "step", step)
    (saved,) = tmp_path.glob("finetuned/*/*.unfinished.pt")
    assert torch.load(saved, weights_only=True)["done"] == 2
    again, other = finetuning.finetune([(encoder, data, None)], settings)[0]
    assert not saved.exists()
    assert torch.equal(head.weight, other.weight)
    assert whole.weights_sha256 == again.weights_sha256 != encoder.weights_sha256
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())  # left as it was
    kept = finetuning.finetune([(encoder, data, None)], settings)[0][0]
    assert kept.weights_sha256 == whole.weights_sha256


def test_finetuning_from_the_probe_starts_at_the_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    encoder = load_encoder("embedded/robust", fold=False)
    data = load_data_set("digits", size=32, n_train=256, n_test=100)
    (head,) = measure.fit_probes([(encoder, data)], ProbeSettings(epochs=20))
    tiny = ProbeSettings(epochs=1, lr=1e-9)
    (_, start), (_, probed) = finetuning.finetune([(encoder, data, None), (encoder, data, head)], tiny)
    assert torch.allclose(probed.weight, head.weight, atol=1e-5)
    assert not torch.allclose(start.weight, head.weight, atol=1e-2)
