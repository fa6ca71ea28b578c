"""The chapter on RoLI: what each method trains, merging, the training attack, and the page, small."""

import copy
import dataclasses
import json
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, let_attacks_take_one_step, run_in
from planted_module import planted
from torch import nn

from rt_utils.evaluation import finetuned_runs, measure, measurement, paired_runs, start_claims
from rt_utils.evaluation.attacks import PGDSettings, margin
from rt_utils.evaluation.finetuned_runs import Grid, Setting
from rt_utils.evaluation.margin_attack import with_margin_attack
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.statistics import decided, plus_minus
from rt_utils.images import data_set
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.models.weights import digest
from rt_utils.pages import execution, parameters, peft_record, starts_tables, starts_words
from rt_utils.pages.page import Page
from rt_utils.pages.published_starts import FIGURE_1
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat
from rt_utils.training import adversarial_finetuning, peft

LINF = Threat("linf", 8 / 255)
INNER = adversarial_finetuning.Inner(LINF, 1)
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


@pytest.fixture(scope="module")
def images() -> data_set.Split:
    return load_data_set("textures", size=32, n_train=64, n_test=8).train


def after_training(its: ModuleType, method: str, images: data_set.Split) -> tuple[nn.Module, nn.Module, nn.Linear]:
    """The prepared network before and after two steps of adversarial training, and the head."""
    torch.manual_seed(0)
    network = its.prepared(load_encoder("embedded/robust").network, method, 4)
    before, head = copy.deepcopy(network), nn.Linear(64, 6)
    chosen = [v for v in (*network.parameters(), *head.parameters()) if v.requires_grad]
    adversarial_finetuning.train(network, head, images, INNER, torch.optim.AdamW(chosen, 1e-3), 2, 0)
    return before, network, head


def should_move(name: str, method: str) -> bool:
    return {
        "linear": False,
        "full": True,
        "bias": name.endswith("bias"),
        "adapter": ".down." in name or ".up." in name or name.startswith(("stem.1.",)),
        "LoRA": name.endswith((".parametrizations.weight.0.up", ".parametrizations.weight.0.down")),
    }[method]


def check_which_moved(its: ModuleType, method: str, images: data_set.Split) -> None:
    before, after, _ = after_training(its, method, images)
    old, new = before.state_dict(), after.state_dict()
    assert {name for name in new if not torch.equal(old[name], new[name])} == {n for n in new if should_move(n, method)}


@pytest.mark.parametrize("method", ["linear", "full", "bias", "adapter", "LoRA"])
def test_exactly_the_parameters_of_the_method_move(method: str, images: data_set.Split) -> None:
    check_which_moved(peft, method, images)


def check_start_and_merging(its: ModuleType, images: data_set.Split) -> None:
    encoder, x = load_encoder("embedded/robust"), images.pixels()[:16]
    _, trained, _ = after_training(its, "LoRA", images)
    with torch.no_grad():
        z = encoder(x)
        for method in ("full", "bias", "adapter", "LoRA"):
            start = its.prepared(encoder.network, method, 4)
            assert torch.allclose(start(x), z, atol=1e-5), f"{method} does not start at the encoder"
        apart = trained(x)
        assert (apart - z).norm() > 1e-2 * z.norm()
        whole = its.merged(trained)
        assert not any("parametrizations" in name for name in whole.state_dict())
        assert set(whole.state_dict()) == set(encoder.network.state_dict())
        assert torch.allclose(whole(x), apart, atol=1e-4), "merging changed the features"


def test_every_method_starts_at_the_encoder_and_merging_lora_reproduces_it(images: data_set.Split) -> None:
    check_start_and_merging(peft, images)


def test_adapters_add_their_bottleneck() -> None:
    torch.manual_seed(0)
    adapter = peft.Adapter(16, 8)
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
    ("nn.init.zeros_(values)", "nn.init.normal_(values)", ""),
    ("weight + (self.up @ self.down)", "weight + 1e-3 + (self.up @ self.down)", ""),
    ('remove_parametrizations(layer, "weight")', 'remove_parametrizations(layer, "weight", False)', ""),
]


@pytest.mark.parametrize(("right", "wrong", "method"), PLANTED, ids=[wrong[-24:] for _, wrong, _ in PLANTED])
def test_a_planted_error_in_a_method_is_caught(right: str, wrong: str, method: str, images: data_set.Split) -> None:
    its = planted(peft, right, wrong)
    check = partial(check_which_moved, its, method) if method else partial(check_start_and_merging, its)
    with pytest.raises(AssertionError):
        check(images)


def test_finetuning_leaves_the_encoder_as_it_was_and_starts_from_the_head_given() -> None:
    encoder, data = load_encoder("embedded/robust"), load_data_set("textures", size=32, n_train=64, n_test=8)
    before = digest(encoder.network)
    probe = adversarial_finetuning.adversarial_probe(encoder, data, INNER, lr=0.1, epochs=1, seed=0)
    assert digest(encoder.network) == before
    how = {"method": "LoRA", "rank": 4, "epochs": 1, "seed": 0}
    tuned = adversarial_finetuning.adversarial_finetuning(encoder, probe, data, INNER, lr=1e-9, **how)
    assert digest(encoder.network) == before != tuned.encoder.weights_sha256
    assert tuned.merging < 1e-4
    assert torch.allclose(tuned.head.weight, probe.weight, atol=1e-6)  # at a rate of nothing
    assert tuned.encoder.name == "embedded/robust+RoLI-LoRA"
    other = adversarial_finetuning.adversarial_finetuning(encoder, None, data, INNER, lr=1e-9, **how)
    assert not torch.allclose(other.head.weight, probe.weight, atol=1e-3)
    assert other.encoder.name == "embedded/robust+RanLI-LoRA"


@pytest.mark.parametrize("method", ["full", *peft.PEFT])
def test_a_finetuned_network_is_kept_with_all_its_layers(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    encoder, data = load_encoder("embedded/robust"), load_data_set("textures", size=32, n_train=8, n_test=4)
    its: dict[str, Any] = {"method": method, "rank": 2, "lr": 0.01, "epochs": 1, "seed": 0}
    first = adversarial_finetuning.adversarial_finetuning(encoder, None, data, INNER, **its)
    monkeypatch.setattr(adversarial_finetuning, "train", lambda *_: pytest.fail("trained again"))
    again = adversarial_finetuning.adversarial_finetuning(encoder, None, data, INNER, **its)
    assert again.encoder.weights_sha256 == first.encoder.weights_sha256 != encoder.weights_sha256
    x = data.test.pixels()
    assert torch.equal(again.encoder.features(x), first.encoder.features(x))
    assert torch.equal(again.head.weight, first.head.weight)
    assert again.merging == first.merging
    few = dataclasses.replace(data, train=data_set.Split(data.train.images[1:], data.train.required_labels()[1:]))
    for changed in ((None, few, INNER), (first.head, data, INNER), (None, data, dataclasses.replace(INNER, size=0.5))):
        with pytest.raises(pytest.fail.Exception, match="trained again"):
            adversarial_finetuning.adversarial_finetuning(encoder, *changed, **its)
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        adversarial_finetuning.adversarial_finetuning(encoder, None, data, INNER, **its | {"seed": 1})


def test_the_margin_by_hand() -> None:
    logits, y = torch.tensor([[3.0, 1.0, 2.0], [0.0, 4.0, 1.0]]), torch.tensor([0, 2])
    assert margin(logits, y).tolist() == [-1.0, 3.0]


def test_the_numbers_of_a_run_and_one_more_attack() -> None:
    encoder, data = load_encoder("embedded/standard"), load_data_set("textures", size=32, n_train=64, n_test=6)
    weight = torch.randn(6, encoder.width, generator=torch.Generator().manual_seed(0)).double()
    head, short = Head(weight, torch.zeros(6).double()), PGDSettings(steps=2)
    plan = AttackPlan(short, short, short, floor_points=0, apgd_points=0)
    (m,) = measure.measure([(encoder, head, data)], LINF, plan, workers=1)
    own = finetuned_runs.numbers(m, m)
    z, moved = (torch.from_numpy(a).double() for a in (m.z, m.z_shift))
    distances = [float((z[i] - z[j]).norm()) for i in range(6) for j in range(i)]
    score = float((moved - z).norm(dim=1).mean())
    assert own["drift"] == 0
    assert own["AS score"] == pytest.approx(score)
    assert own["AS / distance"] == pytest.approx(score / np.mean(distances))
    assert own["bound"] == pytest.approx(2 * max(float(row.norm()) for row in weight) * score)
    after = dataclasses.replace(m, z=m.z + np.ones_like(m.z))
    assert finetuned_runs.numbers(after, m)["drift"] == pytest.approx(64**0.5 / np.mean(distances), rel=1e-5)
    more = with_margin_attack(m, encoder, head, data.test, LINF, PGDSettings(steps=5))
    before, then = (measurement.table(each) for each in (m, more))
    assert (then["shift"] >= before["shift"]).all()
    assert (then.adversarial_loss >= before.adversarial_loss).all()
    assert then["shift"].sum() + then.adversarial_loss.sum() > before["shift"].sum() + before.adversarial_loss.sum()
    assert (then.wrong >= before.wrong).all()


TWO = ["embedded/robust", "natural/robust"]  # one short name
GRID = Grid(TWO, 0.01, 0.002, 6, 11)


def made_up_runs() -> pd.DataFrame:
    """Two encoders, three seeds. Robust accuracy: 0.5 + 0.1 from RoLI + 0.02 at the low rate, 0.3 less for the second.

    The probe has 0.4 and does not drift; RanLI drifts by 0.5 and RoLI by 0.2, both by half of it at the low rate.
    """
    rows = []
    for setting, seed in GRID.cases(3):
        roli, low, second = setting.start == "RoLI", setting.rate == GRID.low, setting.encoder == TWO[1]
        probe, longer = setting.method == "linear", setting.epochs == GRID.longer
        robust = 0.4 if probe else 0.5 + 0.1 * roli + 0.02 * low + 0.05 * longer
        drift = 0.0 if probe else (0.2 if roli else 0.5) / (1 + low)
        own = {"robust acc.": robust - 0.3 * second + 0.001 * seed, "clean acc.": 0.9, "drift": drift}
        own |= {"AS score": 2.0, "AS / distance": 0.2 + drift, finetuned_runs.HEAD_NORM: 1.0}
        rows.append(setting._asdict() | {"seed": seed} | own | {"loss gap": 1.0, "bound": 4.0 - 0.1 * seed})
    return pd.DataFrame(rows)


def test_differences_are_paired_by_seed_and_encoders_of_one_short_name_stay_apart() -> None:
    runs = made_up_runs()
    effects = paired_runs.effects(runs, GRID).set_index(["encoder", "what changes"])
    assert len(effects) == 2 * 5
    for encoder in TWO:
        assert effects.loc[(encoder, "start, at the high rate"), "robust acc."] == pytest.approx(10)
        assert effects.loc[(encoder, "rate, from RanLI"), "robust acc."] == pytest.approx(2)
        assert effects.loc[(encoder, paired_runs.AS_RELEASED), "robust acc."] == pytest.approx(12)
        assert effects.loc[(encoder, paired_runs.AS_RELEASED), "robust acc. ±"] == pytest.approx(0, abs=1e-9)
        assert effects.loc[(encoder, paired_runs.AS_RELEASED), "robust acc. up"] == 3
    means = starts_tables.means(runs, GRID, ["robust acc."])
    assert means.encoder.value_counts().to_dict() == dict.fromkeys(TWO, 5)
    assert means["robust acc."][0].startswith("0.401")
    assert means["robust acc."][5].startswith("0.101")
    longer = paired_runs.longer(runs, GRID)
    assert longer.loc["high", ["gained", "left"]].tolist() == pytest.approx([5, 5])


def test_the_deviation_over_seeds_by_hand() -> None:
    assert paired_runs.deviation(np.array([1.0, 2.0, 3.0])) == pytest.approx(1)
    assert np.isnan(paired_runs.deviation(np.array([1.0])))


def test_moving_less_and_being_more_robust_are_counted() -> None:
    agreement = paired_runs.agreement(made_up_runs(), GRID)
    counted = paired_runs.counted(agreement)
    # The starts: RoLI moves less and is more robust. The rates: the low one, too. The probe: less robust than any.
    assert counted == {"starts": 12, "less": 12, "agree_starts": 12, "others": 12 + 24, "agree_others": 12}
    assert paired_runs.explanation(**counted) == "not enough"
    assert paired_runs.explanation(**counted | {"agree_others": 19}) == "not contradicted"
    assert paired_runs.explanation(**counted | {"less": 6}) == "contradicted"


def test_the_claims_of_made_up_runs() -> None:
    runs, few = made_up_runs(), [Setting(TWO[0], "LoRA", "RanLI", 0.1, 6)]
    small = runs.iloc[:1].assign(method="LoRA", start="RanLI", rate=0.1, epochs=6, **{"robust acc.": 0.45})
    rows = start_claims.rows(pd.concat([runs, small], ignore_index=True), GRID, few, dict(zip(TWO, TWO, strict=True)))
    assert [row.number for row in rows] == ["(i)", "(ii)", "(ii)", "(iii)", *["(iv)"] * 6]
    sides = {row.text[:30]: (row.left, row.right) for row in rows}
    assert sides["a linear probe is at most half"] == pytest.approx((0.101, 0.2005))
    assert sides["full finetuning from a random "] == pytest.approx((0.521, 0.401))
    assert sides["the AS score over distance of "] == pytest.approx((0.2, 0.3))
    assert sides["with as much computation: RanL"] == pytest.approx((0.571, 0.621))
    verdicts = [(row, "holds" if row.left <= row.right else "violated") for row in rows]
    assert start_claims.outcome("(ii)", verdicts) == "does not come out"
    assert start_claims.outcome("(iv)", verdicts) == "comes out"
    assert start_claims.outcome("(v)", verdicts) == "is not asked"
    mixed = [(row, "holds" if k % 2 else "violated") for k, (row, _) in enumerate(verdicts)]
    assert start_claims.outcome("(iv)", mixed) == "comes out in 3 of 6 rows"
    seeds = [decided(row.evidence(0.05)) for row in rows]
    assert set(seeds) == {"undecided"}  # three seeds, whatever the means
    found = start_claims.outcome("(iv)", list(zip(rows, seeds, strict=True)))
    assert found == "is undecided (by the means alone it comes out in 6 of 6 rows)"
    page = Page("roli", {"profile": "embedded", "norm": "linf", "eps": "8/255", "seed": 0})
    assert starts_tables.enter(page, rows, "textures") == list(zip(rows, seeds, strict=True))
    assert {claim.units for claim in page.claims} == {"seeds"}
    least = start_claims.least_slack(runs)
    assert least.encoder.tolist() == TWO
    assert least.seed.tolist() == [2, 2]
    assert least.n.tolist() == [15 + 6, 15]


def test_differences_in_words() -> None:
    assert starts_words.in_words(-3.04, 0, 2, 3) == "-3.0 points (above 0 in 0, below in 2 of 3 seeds)"
    assert starts_words.in_words(2.0, 1, 0, 1) == "+2.0 points"
    left = starts_words.longer_values(
        paired_runs.effects(made_up_runs(), GRID), paired_runs.longer(made_up_runs(), GRID), GRID
    )
    assert left["left_high"] == "+5.0 points (above 0 in 3, below in 0 of 3 seeds)"
    assert plus_minus(1.5, 0.25, "+.1f") == "+1.5\u00a0±\u00a00.2"
    words = starts_words.levels(made_up_runs(), GRID, dict(zip(TWO, "ab", strict=True))).split("; ")
    assert words[2] == "a, RanLI with 11 epochs: 0.57 at 0.002, 0.55 at 0.01"
    assert [line.partition(":")[0] for line in words[3:]] == ["b, RanLI", "b, RoLI"]


def test_a_record_of_other_parameters_is_not_compared() -> None:
    record = peft_record.kept()
    assert record is not None
    its = dict(record["parameters"]) | {"peft_seeds": 1}
    rows = peft_record.rows(record)
    assert set(rows.encoder) == set(its["encoders"])  # full names, though the record has short ones
    moved = rows.assign(**{"robust acc.": rows["robust acc."] + 0.03})
    template, values = peft_record.compared(record, parameters.check(its), moved)
    assert template == peft_record.SAME
    assert values["apart"] == pytest.approx(3)
    template, values = peft_record.compared(record, parameters.check(its | {"eps": "4/255"}), moved)
    assert template == peft_record.OTHER
    assert values["differing"].startswith("eps: 0.0313")


def test_claim_i_is_asked_of_the_methods_that_train_few_parameters() -> None:
    rows = [
        {"encoder": e, "method": m, "start": "RoLI", "rate": 0.01, "epochs": 6, "seed": k, "robust acc.": value}
        for e, m, *values in (
            ("robust", "bias", 0.4, 0.6),
            ("robust", "LoRA", 0.1, 0.2),
            ("standard", "bias", 0.0, 0.2),
        )
        for k, value in enumerate(values)
    ]
    parameters = {"encoders": ["embedded/robust", "embedded/standard"], "profile": "embedded", "data": ["textures"]}
    template, values = peft_record.few_parameters({"rows": rows, "parameters": parameters})
    words = template.format(**values)
    assert "(profile embedded, textures, 2 seeds)" in words
    assert words.endswith("0.50 (0.40 to 0.60) from robust, 0.10 (0.00 to 0.20) from standard.")
    assert "is not asked" in peft_record.few_parameters(None)[0]


def test_the_published_averages_give_the_gains_of_the_caption() -> None:
    published = FIGURE_1.set_index(["method", "start"])
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
    declared = execution.declared_parameters(jupytext.read(execution.source("roli")))
    assert vars(parameters.check(declared | {"peft_seeds": 3})) == its
    seeds = rows.groupby(["encoder", "method", "start", "rate"]).seed.apply(sorted)
    assert len(seeds) == 2 * 3 * 2 * 2
    assert all(of_one == [0, 1, 2] for of_one in seeds)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        let_attacks_take_one_step(patch)
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
@pytest.mark.usefixtures("attacks_of_one_step")
def test_one_seed_and_one_encoder_from_the_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = SMALL | {"n_seeds": 1, "encoders": "embedded/robust", "data": "digits"}
    execution.run("roli", small, Path("out.ipynb"), progress=False)
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
@pytest.mark.usefixtures("attacks_of_one_step")
def test_without_a_radius_robust_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = {"n_seeds": 1, "encoders": "embedded/robust", "eps": 0}
    execution.run("roli", SMALL | one, Path("out.ipynb"), progress=False)
    points = pd.read_csv("files/points.csv")
    assert (points.wrong == (points.label != points.predicted)).all()


def test_two_data_sets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="one at a time"):
        execution.run("roli", SMALL | {"data": "digits,textures"}, Path("out.ipynb"), progress=False)
