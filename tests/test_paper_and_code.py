"""The chapter on the paper and its code, small: its numbers again, from its files and from the printed tables alone."""

import re
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from planted_module import planted
from test_chapter import SMALL
from torch import nn

from rt_utils.evaluation import attack_variants, criterion_variants, squared_loss
from rt_utils.evaluation.attacks import PGDSettings, representation_pgd
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models import input_range
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.pages import (
    execution,
    printed_intervals,
    printed_numbers,
    printed_statements,
    switch_tables,
    switch_words,
)
from rt_utils.pages.labels import labels
from rt_utils.pages.published import published_table
from rt_utils.runtime.errors import InputError
from rt_utils.theory import perturbations
from rt_utils.theory.threat import Threat
from rt_utils.training import train_mode_probe

CHAPTER = "appendix_paper_and_code"
POINTS = 40
VALUES = SMALL | {"encoders": "embedded/robust", "data": "digits", "n_test": POINTS, "n_switch": 12, "n_train": 300}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    execution.run(CHAPTER, VALUES | {"results": str(folder / "files")}, folder / "out.ipynb", progress=False)
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
        execution.run(CHAPTER, {"n_switch": 1}, progress=False)


@pytest.mark.slow
def test_another_norm_and_no_radius(tmp_path: Path) -> None:
    for values in ({"norm": "l2", "eps": "0.5"}, {"eps": 0}):
        execution.run(CHAPTER, VALUES | values | {"results": str(tmp_path)}, tmp_path / "out.ipynb", progress=False)
        rows = pd.read_csv(tmp_path / "ledger.csv")
        assert set(rows[rows.claim.str.startswith("Lemma 1")].verdict) == {"holds"}


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_data_set("digits", size=32, n_train=96, n_test=6)


def test_twice_the_range_is_what_the_encoder_gets(digits: DataSet) -> None:
    encoder, x = load_encoder("embedded/robust"), digits.test.pixels()

    def check(module: ModuleType) -> None:
        shifted = module.of_doubled_range(encoder)
        assert torch.allclose(shifted.features(x), encoder.features(2 * x - 1), atol=1e-4)
        assert shifted.weights_sha256 != encoder.weights_sha256

    check(input_range)
    with pytest.raises(AssertionError):
        check(planted(input_range, "doubled(encoder.network)", "encoder.network"))


def test_a_probe_in_train_mode_moves_the_statistics_and_nothing_else(digits: DataSet) -> None:
    encoder, settings = load_encoder("embedded/robust"), ProbeSettings(2, 0.1, batch=32)
    its = (encoder, digits.train, len(digits.classes), settings)
    assert train_mode_probe.difference_in_eval_mode(*its) < 1e-4
    wrong = planted(train_mode_probe, "network.train(train_mode)(", "network.train(True)(")
    assert wrong.difference_in_eval_mode(*its) > 1e-4
    before, network = train_mode_probe.with_batch_norm(encoder), train_mode_probe.with_batch_norm(encoder)
    assert before is not None
    assert network is not None
    train_mode_probe.probe_on_images(network, digits.train, len(digits.classes), settings, train_mode=True)
    old, new = before.state_dict(), network.state_dict()
    moved = {name.rpartition(".")[2] for name in new if not torch.equal(old[name], new[name])}
    assert moved == {"running_mean", "running_var", "num_batches_tracked"}
    assert train_mode_probe.probed_in_both_modes(load_encoder("timm/vit_tiny_patch16_224"), *its[1:]) is None


def test_worst_by_hand() -> None:
    """Features are the two pixels, the class is the larger one."""
    head = Head(torch.eye(2).double(), torch.zeros(2).double())
    x, near, far = (torch.tensor([[a, b]]) for a, b in ((0.6, 0.4), (0.6, 0.3), (0.2, 0.7)))
    y = torch.tensor([0])
    for on_shift, on_loss, shift, wrong in (
        ([near], [], 0.1, False),
        ([near, far], [], 0.5, False),
        ([], [near, far], 0.5, True),
    ):
        shifts, lost = attack_variants.worst(nn.Identity(), head, x, y, on_shift, on_loss)
        assert shifts.item() == pytest.approx(shift)
        assert lost.item() == wrong
    assert attack_variants.worst(nn.Identity(), head, x, torch.tensor([1]))[1].item()


@pytest.mark.parametrize("threat", [Threat("linf", 8 / 255), Threat("l2", 0.5), Threat("l2", 0.0)], ids=str)
def test_one_step_ends_on_the_ball_and_small_steps_near_their_start(threat: Threat, digits: DataSet) -> None:
    encoder, x = load_encoder("embedded/robust"), digits.test.pixels() / 2 + 0.25  # far from the box
    found = attack_variants.one_step(encoder, x, x, threat, lambda z: z.square().sum(1))
    assert perturbations.allowed(threat, x, found).all()
    length = perturbations.size(threat, found - x)
    assert torch.allclose(length, torch.full_like(length, threat.eps), atol=1e-6)
    start = perturbations.uniform_start(threat, x, torch.Generator().manual_seed(0))
    settings = PGDSettings(steps=20, rel_stepsize=0.01 / 0.3, decay=False)
    for found in representation_pgd(encoder, x, threat, settings, start):
        moved = found - (x if threat.eps == 0 else start)
        assert perturbations.size(threat, moved).max() <= 2 / 3 * threat.eps + 1e-5


def test_a_wider_box_matters_only_for_dark_pixels(digits: DataSet) -> None:
    encoder, threat, settings = load_encoder("embedded/robust"), Threat("linf", 8 / 255), PGDSettings(3, decay=False)
    weight = torch.randn(10, encoder.width, generator=torch.Generator().manual_seed(0)).double()
    bright = Split(digits.test.images // 2 + 64, digits.test.labels)
    for split, dark in ((bright, False), (digits.test, True)):
        head = Head(weight, torch.zeros(10).double())
        row = attack_variants.wider_box(encoder, head, split, threat, settings)
        assert (row["dark"] > 0) == dark
        same = row["AS [−1, 1]"] == pytest.approx(row["AS [0, 1]"], rel=1e-3)
        assert same == (not dark)


def test_a_residual_is_lipschitz_and_its_square_is_not() -> None:
    """One point with target 1, outputs 0 (clean), 2 and 4: residuals 1, 1, 3."""
    outputs, y = torch.tensor([[0.0], [2.0], [4.0]]), torch.tensor([1.0])
    row = squared_loss.both_losses(outputs, y, 2.0)
    assert row["max. residual"] == 3
    assert (row["LHS unsquared"], row["LHS squared"]) == (1, 4)  # (3 - 1) / 2 and (9 - 1) / 2
    assert (row["rate unsquared"], row["rate squared"]) == (0.5, 2)  # 2 / 4 and 8 / 4
    assert (row["over unsquared"], row["over squared"]) == (0, 1)
    wrong = planted(squared_loss, "(outputs - outputs[0]).abs()", "(outputs - outputs[0]).abs() / 4")
    assert wrong.both_losses(outputs, y, 2.0)["rate unsquared"] > 1


def test_means_over_batches() -> None:
    means = criterion_variants.batch_mean(np.array([1.0, 3.0, 5.0, 7.0, 10.0]), 2)
    assert means.tolist() == [2, 2, 6, 6, 10]


def test_encoders_of_one_short_name_have_their_own_columns_and_orders() -> None:
    two = ["embedded/robust", "natural/robust"]
    rows = pd.DataFrame(criterion_variants.VARIANTS, columns=criterion_variants.VARIANT)
    parts = [
        rows.assign(encoder=e, n=10, flip=0, **{"pass": range(k, k + 8)}) for e, k in zip(two, (0, 2), strict=True)
    ]
    counted = pd.concat(parts).groupby(["encoder", *criterion_variants.VARIANT], sort=False).sum()
    table = switch_tables.variants(counted, labels(two))
    assert list(table["embedded/robust: pass"]) == list(range(8))
    assert list(table["natural/robust: pass"]) == list(range(2, 10))
    assert switch_words.points(counted, labels(two)) == "10 points (embedded/robust), 10 points (natural/robust)"
    assert switch_words.criterion(counted, two[1])["released"] == 9
    scores = pd.DataFrame({"encoder": [e for e in two for _ in "ab"], "data": ["a", "b"] * 2, "before": [1.0, 2, 1, 2]})
    scores = scores.assign(
        after=[2.0, 4, 3, 1], change=1.0, **{"standard error": [0.4, 0.6, 0.4, 0.6], "LHS after": 1.5}
    )
    values = switch_words.modes(scores, labels(two))
    assert (values["clear"], values["n"], values["below"]) == (2, 4, 2)
    assert "stays the same for embedded/robust. It changes for natural/robust. " in str(values["order"])


def test_intervals_of_printed_numbers_by_hand() -> None:
    a, b = printed_intervals.interval(4.14), printed_intervals.interval(1.9)
    assert a == pytest.approx((4.135, 4.145))
    assert printed_intervals.over(a, printed_intervals.twice(b)) == pytest.approx((4.135 / 3.9, 4.145 / 3.7))
    assert printed_intervals.minus(a, b) == pytest.approx((2.185, 2.295))
    assert printed_intervals.agree((1, 2), (2, 3))
    assert not printed_intervals.agree((1, 2), (2.1, 3))
    sides = printed_numbers.left_sides(printed_numbers.derived())
    assert (sides["n"], sides["follow"], sides["off"]) == (20, 19, 1)
    assert sides["exception"] == "The exception needs a norm of 2.2, where 1.4 is printed. "


def test_what_the_printed_tables_say() -> None:
    said = printed_statements.beside_the_tables().set_index("the text")["what the printed numbers say"]
    assert said["B.4: on CIFAR-100 LP preserves the most robust accuracy"] == "true for 3 of 3"
    lemma = printed_statements.lemma_1()
    assert len(lemma) == 6 + 6 + 4 + 4 + 18 + 3 + 24
    assert (lemma.lhs <= lemma.rhs).all()
