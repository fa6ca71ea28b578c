"""The chapter on the paper and its code, small: its numbers again, from its files and from the printed tables alone."""

import re
from decimal import Decimal
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from chapter_source import edited
from test_chapter import SMALL

from rt_utils import cli
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages.published import published_table
from rt_utils.runtime.errors import InputError

CHAPTER = "appendix_paper_and_code"
POINTS = 40
VALUES = SMALL | {"encoders": "embedded/robust", "data": "digits", "n_test": POINTS, "n_switch": 12, "n_train": 300}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    cli.run(CHAPTER, VALUES | {"results": str(folder / "files")}, folder / "out.ipynb", progress=False)
    return folder


def shown(folder: Path, beginning: str) -> str:
    """The plain text of the one table or paragraph whose HTML or Markdown contains `beginning`."""
    notebook = nbformat.read(folder / "out.ipynb", as_version=4)
    data = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    (found,) = [d for d in data if beginning in d.get("text/html", "") + d.get("text/markdown", "")]
    return str(found.get("text/markdown") or found["text/plain"])


def test_every_claim_but_the_floor_holds_and_nothing_is_printed_by_accident(finished: Path) -> None:
    rows = pd.read_csv(finished / "files" / "ledger.csv")
    kinds = rows.claim.str.split(":").str[0]
    assert {"Lemma 1, linf, under each switch", "M8", "Printed", "Theorem 2"} <= set(kinds)
    assert (kinds == "Lemma 1, linf, under each switch").sum() == 8  # one data set: base, 3 of M1, 2 of M3, 2 of M9
    assert set(rows[(kinds != "Attack floor") & (kinds != "M3")].verdict) == {"holds"}
    notebook = nbformat.read(finished / "out.ipynb", as_version=4)
    assert not [o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "stream"]


def test_the_switches_from_their_features(finished: Path) -> None:
    """M1 in float64 from the shipped weights and points.npz, without the chapter's encoder."""
    arrays = np.load(finished / "files" / "points.npz")
    switches = pd.read_csv(finished / "files" / "switches.csv").set_index("switch")
    encoder = load_encoder("embedded/robust")
    images = load_data_set("digits", size=32, n_train=300, n_test=POINTS).test.pixels()[:12]
    for switch, label, expected in (
        ("as stated", "M1: both", encoder.features(images)),
        ("M1, both", "M1: both", encoder.features(2 * images - 1)),
        ("M1, radius alone", "M1: half the radius", encoder.features(images)),
    ):
        z, z_shift = (arrays[f"embedded/robust: {switch}|digits[:12]|{key}"].astype(float) for key in ("z", "z_shift"))
        assert z == pytest.approx(expected.double().numpy(), abs=1e-4)
        side = "before" if switch == "as stated" else "after"
        score = np.sqrt(np.square(z_shift - z).sum(1)).mean()
        assert switches.loc[label, f"AS {side}"] == pytest.approx(score, rel=1e-6)
    assert switches.loc["M1: half the radius", "AS ratio"] < 0.7
    assert switches.loc["M9: weight decay 0.001", "AS ratio"] == pytest.approx(1, abs=0.02)  # the encoder is the same


def test_batchnorm_moved_and_only_there(finished: Path) -> None:
    arrays = np.load(finished / "files" / "points.npz")
    base, frozen, moved = (
        arrays[f"embedded/robust: {s}|digits[:12]|z"] for s in ("as stated", "M3, frozen", "M3, statistics move")
    )
    assert np.array_equal(base, frozen)
    assert np.abs(moved - frozen).max() > 0.05


def test_the_crossed_criterion_point_by_point(finished: Path) -> None:
    """M4 again with loops: the criterion as stated and as the released code has it."""
    arrays = np.load(finished / "files" / "points.npz")
    names = ("z", "z_shift", "z_loss", "weight", "bias", "labels", "flipped")
    z, z_shift, z_loss, weight, bias, labels, flipped = (arrays[f"embedded/robust|digits|{name}"] for name in names)

    def margin(i: int, y: int) -> float:
        logits = weight @ z[i].astype(float) + bias
        others = [j for j in range(len(weight)) if j != y]
        return min(abs(logits[y] - logits[j]) / np.linalg.norm(weight[y] - weight[j]) for j in others)

    loss_shift = [np.linalg.norm(z_loss[i].astype(float) - z[i]) for i in range(POINTS)]
    passed = {"own": [], "batch mean": []}
    for i in range(POINTS):
        predicted = int(np.argmax(weight @ z[i].astype(float) + bias))
        if np.linalg.norm(z_shift[i].astype(float) - z[i]) < margin(i, predicted):
            passed["own"].append(i)
        batch = range(0, 32) if i < 32 else range(32, POINTS)
        if np.mean([loss_shift[k] for k in batch]) < margin(i, int(labels[i])):
            passed["batch mean"].append(i)
    rows = [line.split() for line in shown(finished, "M4, over all data sets").splitlines()[1:]]
    assert [int(n) for n in rows[0][-2:]] == [len(passed["own"]), sum(flipped[passed["own"]])]
    assert [int(n) for n in rows[-1][-2:]] == [len(passed["batch mean"]), sum(flipped[passed["batch mean"]])]
    assert len(passed["batch mean"]) != len(passed["own"])


def test_the_printed_left_sides_in_exact_arithmetic(finished: Path) -> None:
    def ends(printed: float) -> tuple[Decimal, Decimal]:
        value = Decimal(repr(printed))
        half = Decimal(5).scaleb(value.as_tuple().exponent - 1)  # type: ignore[operator]
        return value - half, value + half

    misses = []
    for name in ("table1", "table2", "table12", "table13"):
        for row in published_table(name).to_dict("records"):
            gap, norm, lhs = (ends(row[key]) for key in ("diff_ce", "w_norm", "lhs"))
            if gap[1] / (2 * norm[0]) < lhs[0] or gap[0] / (2 * norm[1]) > lhs[1]:
                misses.append((name, row["pretraining"], row["downstream"]))
    assert misses == [("table2", "imagenet", "cifar10")]
    found = pd.read_csv(finished / "files" / "printed_numbers.csv")
    (off,) = found[~found.consistent].itertuples()
    assert (off.table, off.printed, off.low) == ("table2", 0.81, pytest.approx(3.565 / 2.9))
    assert "19 of 20 printed left sides" in shown(finished, "printed left sides follow")
    pairs = shown(finished, "pairs of printed numbers should agree")
    assert sorted(re.findall(r"\b(?:LHS|fulfilled)\b", pairs)) == ["LHS", "fulfilled", "fulfilled", "fulfilled"]


def test_small_steps_do_not_cross_the_ball() -> None:
    """The solution of the exercise: from a uniform start 5/9, from a corner 1/3."""
    start = torch.rand(200_000, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert float((start + 20 / 30).clamp(max=1).mean()) == pytest.approx(5 / 9, abs=0.005)
    assert float((start.sign() + 20 / 30).clamp(max=1).mean()) == pytest.approx(1 / 3, abs=0.005)


def test_a_wrong_number_of_images() -> None:
    with pytest.raises(InputError, match=r"n_switch 1 is out of range: give a whole number from 2 to"):
        cli.run(CHAPTER, {"n_switch": 1}, progress=False)


@pytest.mark.slow
def test_another_norm_and_no_radius(tmp_path: Path) -> None:
    for values in ({"norm": "l2", "eps": "0.5"}, {"eps": 0}):
        cli.run(CHAPTER, VALUES | values | {"results": str(tmp_path)}, tmp_path / "out.ipynb", progress=False)
        rows = pd.read_csv(tmp_path / "ledger.csv")
        assert set(rows[rows.claim.str.startswith("Lemma 1")].verdict) == {"holds"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("nn.Sequential(Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), first.network)", "first.network"),
        ("network.train(train_mode)(", "network.train(True)("),
        ("moves = (outputs - outputs[0]).abs()", "moves = (outputs - outputs[0]).abs() / 2"),
    ],
)
def test_a_planted_error_is_caught(right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited(tmp_path, CHAPTER, right, wrong)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="AssertionError"):
        cli.run(CHAPTER, VALUES, Path("out.ipynb"), progress=False)
