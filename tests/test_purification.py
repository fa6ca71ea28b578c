"""The chapter on feature purification: the page, small, and the simulation behind it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_in
from torch import nn

from rt_utils.evaluation import code_probe, code_tables
from rt_utils.evaluation.code_search import SearchSettings, search
from rt_utils.evaluation.sparse_codes import (
    D,
    K,
    Nodes,
    below,
    codes,
    purity,
    purity_of_a_direction,
    radii,
    reach_radius,
)
from rt_utils.pages import execution
from rt_utils.pages.plain import from_plain, plain
from rt_utils.pages.plots import purification as plots
from rt_utils.runtime.errors import InputError
from rt_utils.theory.purity import linear_reach, pure_reach
from rt_utils.training import code_pretraining, purification
from rt_utils.training.code_pretraining import Recipe, pretrain

B = 0.25
SMALL = {"n_seeds": 2, "steps": 60, "n_test": 12, "results": "files"}
TABLE = {"eps": 0.4, "threshold": B, "seed": 3}


def sparse(n: int, rng: np.random.Generator) -> np.ndarray:
    z = np.zeros((n, D))
    for row in z:
        row[rng.permutation(D)[:K]] = rng.uniform(0.6, 1.5, K) * rng.choice([-1, 1], K)
    return z


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:  # how strong these searches are is tested elsewhere
        patch.setattr(code_probe, "PAGE", SearchSettings(random=2, short=2, steps=6, keep=2))
        patch.setattr(code_probe, "STRONGER", SearchSettings(random=4, short=4, steps=10, keep=4))
        return run_in(tmp_path_factory.mktemp("purification"), "purification", SMALL)


def test_every_setting_has_its_claims(finished: Path) -> None:
    rows = pd.read_csv(finished / "files" / "ledger.csv")
    floor, proved = (rows.claim.str.contains(text) for text in ("Attack floor", "what is proved"))
    assert (floor.sum(), proved.sum(), len(rows)) == (4, 16, 4 + 16 + 12)
    assert set(rows.norm) == {"l2", "linf"}
    assert set(rows[floor | proved].n) == {12}
    assert (rows[proved].verdict == "holds").all()
    assert (rows[proved].lhs > 0.99 * rows[proved].rhs).all()
    rows = rows[~floor & ~proved]
    assert (rows.n == 2).all()
    purities = rows[rows.claim.str.contains("purity")]
    assert purities[["lhs", "rhs"]].min(axis=None) >= D**-0.5
    assert rows[["lhs", "rhs"]].max(axis=None) <= 1
    assert "Warning" not in json.loads((finished / "out.ipynb").read_text("utf-8")).__str__()


@pytest.mark.slow
def test_without_an_adversary_nothing_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    execution.run("purification", SMALL | {"eps": 0, "n_seeds": 1, "steps": 20}, Path("out.ipynb"), progress=False)
    rows = pd.read_csv("files/ledger.csv")
    rows = rows[~rows.claim.str.contains("Attack floor|what is proved")]
    np.testing.assert_allclose(rows.lhs, rows.rhs, atol=1e-6)


def test_a_threshold_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="threshold -1"):
        execution.run("purification", {"threshold": -1}, Path("out.ipynb"), progress=False)


def test_the_search_finds_the_known_maximum_of_pure_nodes() -> None:
    """Beyond the threshold too, where silent nodes have no gradient: in l_inf every node can be moved at once."""
    z = torch.from_numpy(sparse(20, np.random.default_rng(0))).float()
    eps = 0.3
    clean = nn.functional.softshrink(z, B)

    def shift(x: torch.Tensor, b: float) -> torch.Tensor:
        return (nn.functional.softshrink(x, b) - clean).norm(dim=-1)

    settings = SearchSettings(random=4, short=12, steps=40, keep=4)
    for norm, largest in (("l2", eps), ("linf", (K * eps**2 + (D - K) * (eps - B) ** 2) ** 0.5)):
        found = search(shift, z, norm, eps, B, torch.Generator().manual_seed(0), settings)
        torch.testing.assert_close(found, torch.full((20,), largest), rtol=1e-3, atol=0)
        nothing = search(shift, z, norm, 0.0, B, torch.Generator().manual_seed(0), settings)
        assert nothing.eq(0).all()


def test_codes_are_sparse_and_purity_is_one_for_one_feature() -> None:
    z = codes(500, torch.Generator().manual_seed(0))
    assert (z != 0).sum(1).eq(K).all()
    sizes = z[z != 0].abs()
    assert sizes.min() >= 0.5
    assert sizes.max() <= 1.5
    weight = torch.zeros(4, D)
    weight[0, 3], weight[1, :4], weight[2, 0] = 2.0, 1.0, 0.01  # pure, half pure, dead; the last is dead, too
    torch.testing.assert_close(purity(weight), torch.tensor([1.0, 0.5]))
    assert radii(0.3) == pytest.approx({"l2": 0.3, "linf": 0.3 / K**0.5})


def test_nodes_are_silent_up_to_their_threshold() -> None:
    x = torch.zeros(2, D)
    x[0, 0], x[1, 0] = 0.2, -1.0
    for activation, expected in (("soft", [0.0, -0.75]), ("hard", [0.0, -1.0])):
        nodes = Nodes(torch.eye(D), activation, B)
        torch.testing.assert_close(nodes(x)[:, 0], torch.tensor(expected))
        torch.testing.assert_close(nodes(x, 0.0), x)


def test_the_radius_at_which_the_ideal_is_compared() -> None:
    assert below(0.25) == 0.25
    assert below(0.4) == pytest.approx(0.1)
    assert below(0.6) == 0
    assert reach_radius(0.24, 0.25) == 0.24
    assert reach_radius(0.25, 0.25) == reach_radius(0.4, 0.25) == pytest.approx(0.2)


def test_a_random_direction_is_mixed() -> None:
    assert purity_of_a_direction(1) == 1
    assert purity_of_a_direction(D) < purity_of_a_direction(27) < purity_of_a_direction(4) < 1


def test_a_probe_on_nodes_without_a_threshold_moves_as_mixed_ones_whatever_their_purity() -> None:
    """Every feature twice, no threshold: the clean probe fits, and the shift is eps sqrt(2)."""
    weight = torch.cat([torch.eye(D), torch.eye(D)])
    nodes = Nodes(weight, "soft", 0.0)
    row, found = code_probe.probed(nodes, {"l2": 0.1}, 8, seed=0)
    assert row["purity"] == 1
    assert row["clean acc."] == 1
    torch.testing.assert_close(found["l2"]["shift"], torch.full((8,), 0.1 * 2**0.5), rtol=1e-3, atol=0)
    (floor,) = code_probe.floor(nodes, {"l2": 0.1}, 8, 0, found, 4)
    assert floor["norm"] == "l2"
    assert floor["AS ratio"] == pytest.approx(1, abs=1e-3)
    assert floor["points"] == 0


@pytest.mark.parametrize(("activation", "loss"), [("soft", 0.03), ("hard", 1e-3)])
def test_a_probe_on_pure_nodes_moves_as_the_proposition_says(activation: str, loss: float) -> None:
    """The ideal has the rescaling of a fitted head in it, and is a mean as the measured move is."""
    nodes = Nodes(torch.cat([torch.eye(D), torch.zeros(D, D)]), activation, B)
    row, _ = code_probe.probed(nodes, radii(0.4), 40, seed=0)
    task = code_probe.new_task(nodes, 40, 0)
    for norm, radius in (("l2", 0.2), ("linf", 0.4 / K**0.5)):
        assert row[f"moved, {norm}"] == pytest.approx(row[f"pure, {norm}"], rel=loss)
        assert row[f"mixed, {norm}"] == pytest.approx(linear_reach(task.beta, radius, norm))
        gamma = 1.2903 if activation == "soft" else 1.0
        bare = pure_reach(task.beta, task.test, radius, norm).mean().item()
        assert row[f"pure, {norm}"] == pytest.approx(gamma * bare, rel=1e-4)


def test_pretraining_looks_at_its_moments_and_depends_on_its_adversary() -> None:
    given = {"eps": 0.4, "threshold": B, "steps": 4, "seed": 3}
    clean, seen = pretrain(Recipe("one task", "clean"), **given)
    assert list(seen) == code_pretraining.moments(4) == [0, 4]
    again, _ = pretrain(Recipe("one task", "clean"), **given)
    attacked, _ = pretrain(Recipe("one task", "l2"), **given)
    harmless, _ = pretrain(Recipe("one task", "l2"), **(given | {"eps": 0.0}))
    assert torch.equal(clean.weight, again.weight)
    assert torch.equal(clean.weight, harmless.weight)
    weak, _ = pretrain(Recipe("one task", "l2"), **(given | {"eps": 1e-9}))  # with the same draws
    assert (attacked.weight - weak.weight).abs().max() > 1e-3
    contrastive, _ = pretrain(Recipe("contrastive", "linf", "hard"), **given)
    assert contrastive.activation == "hard"
    assert torch.isfinite(contrastive.weight).all()


def test_the_views_of_a_contrastive_pretraining() -> None:
    draw, recipe = torch.Generator().manual_seed(0), Recipe("contrastive", "clean")
    s = codes(200, draw)
    first, other = code_pretraining.views(recipe, s, draw)
    assert torch.equal(first, s)
    assert torch.equal(other.sign(), s.sign())
    assert (other[s != 0] != s[s != 0]).all()
    _, one = code_pretraining.views(replace(recipe, one_feature=True), s, draw)
    assert (one != 0).sum(1).eq(1).all()
    assert (one.sign() * s.sign()).sum(1).eq(1).all()
    first, other = code_pretraining.views(replace(recipe, noise=0.1), s, draw)
    off = s == 0
    assert first[off].std() == pytest.approx(0.1, rel=0.05)
    assert (first[off] * other[off]).mean().abs() < 1e-3  # each view has its own


def test_contrast_is_smallest_where_each_input_has_its_own_view() -> None:
    z = torch.eye(4)
    right, wrong = (code_pretraining.contrast(z, other, 0.1).item() for other in (3 * z, z.roll(1, 0)))
    assert right == pytest.approx(4 * np.log(1 + 3 * np.exp(-10)), rel=1e-3)
    assert wrong > 10 * right


def test_a_rotated_dictionary_is_seen_by_the_optimiser_alone() -> None:
    """At the start, and under gradients of a rotation-free loss, contents are the weights times the dictionary."""
    given = {"eps": 0.4, "threshold": B, "steps": 1, "seed": 3}
    straight, seen = pretrain(Recipe("eight tasks", "clean"), **given)
    turned, own = pretrain(Recipe("eight tasks", "clean", rotated=True), **given)
    assert not torch.equal(seen[0], own[0])
    torch.testing.assert_close(straight.weight.norm(dim=1), turned.weight.norm(dim=1), rtol=0.2, atol=0)


@pytest.mark.slow
def test_the_positive_controls_become_pure() -> None:
    """What the sweep rests on: one recipe that an adversary purifies, one that needs none, and one that stays mixed."""
    given = {"eps": 0.4, "threshold": B, "steps": 400, "seed": 0}

    def median(name: str, adversary: str) -> float:
        nodes, _ = pretrain(replace(purification.SWEEP[name], adversary=adversary), **given)
        return purity(nodes.weight).median().item()

    assert median(purification.CONTROL, "clean") < 0.5 < 0.9 < median(purification.CONTROL, "linf")
    assert median(purification.ALONE, "clean") > 0.9
    assert max(median("as above", "clean"), median("as above", "linf")) < 0.5


def test_the_rotated_runs_have_a_row_each() -> None:
    turned = purification.turned(steps=2, **TABLE)
    assert list(turned.pretraining) == list(purification.TURNED)
    assert (turned["axes"] != turned["rotated"]).all()  # `.axes` is the frame's own


def test_what_was_computed_is_kept_for_the_same_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    monkeypatch.setattr(purification, "RECIPES", purification.RECIPES[:1])
    given = {"steps": 2, "n_test": 4, "n_seeds": 1}
    first = purification.simulate(checked=2, **given, **TABLE)
    monkeypatch.setattr(purification, "pretrain_together", lambda *_, **__: pytest.fail("computed again"))
    again = purification.simulate(checked=2, **given, **TABLE)
    pd.testing.assert_frame_equal(again.runs, first.runs)
    pd.testing.assert_frame_equal(again.floor, first.floor)
    for place, seen in first.purities.items():
        assert all(torch.equal(again.purities[place][step], values) for step, values in seen.items())
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        purification.simulate(checked=2, **given, **TABLE | {"seed": 4})


def test_what_is_said_of_a_sweep() -> None:
    rows = [
        {"contrastive": name, "adversary": adversary, "seed": 0, "purity": value, "robust acc., l2": value / 2}
        | {"robust acc., linf": value / 4}
        for name, values in {"x": (0.3, 0.8), "y": (0.9, 0.95), "z": (0.4, 0.45), "w": (0.45, 0.3)}.items()
        for adversary, value in zip(("clean", "linf"), values, strict=True)
    ]
    found = code_tables.contrast_reading(pd.DataFrame(rows), "x", "y")
    assert found["high"] == "y"
    assert found["rises"] == "x"
    assert found["falls"] == "w"
    assert [found[name] for name in ("clean", "linf", "before", "after")] == pytest.approx([0.3, 0.8, 0.15, 0.4])
    assert [found[name] for name in ("own", "safe", "far")] == pytest.approx([0.9, 0.45, 0.225])


def test_means_spreads_and_what_is_said_of_them() -> None:
    rows = [
        {"threshold": "soft", "pretraining": kind, "adversary": adversary, "seed": seed}
        | {"purity": 0.9 if adversary == "l2" and kind != "contrastive" else 0.5 + 0.1 * seed}
        | {"robust acc., linf": 0.3 if adversary == "linf" and kind == "one task" else 0.0}
        | {"moved, l2": 2.0 if adversary == "clean" else 0.5, "moved, linf": 3.0 if adversary == "clean" else 1.5}
        | {"mixed, l2": 4.0, "mixed, linf": 6.0, "pure, l2": 0.25, "pure, linf": 1.0}
        for kind in code_tables.KINDS
        for adversary in code_tables.ADVERSARIES
        for seed in (0, 1)
    ]
    runs = pd.DataFrame(rows)
    mean, spread = code_tables.mean_and_spread(runs)
    assert mean["purity"]["soft", "contrastive", "l2"] == pytest.approx(0.55)
    assert spread["purity"]["soft", "contrastive", "l2"] == pytest.approx(0.1 / 2**0.5)
    assert code_tables.reading(mean) == {"mixed": "contrastive", "robust": "one task with the linf adversary (30%)"}
    factors = code_tables.factors(mean)
    assert list(factors.measured) == [4, 2] * 3
    assert list(factors.ideal) == [16, 6] * 3
    assert list(factors.clean) == [0.5, 0.5] * 3
    assert list(factors.adversarial) == [2, 1.5] * 3
    best = code_tables.closest(factors)
    assert best == {"pretraining": "eight tasks", "adversary": "linf", "share": pytest.approx(1 / 3)}
    assert code_tables.closest(factors.assign(ideal=np.nan))["pretraining"] == "none"
    shown = code_tables.with_spread(runs, {"purity": "purity"})
    assert shown.purity[0] == "0.55\u00a0±\u00a00.07"
    assert code_tables.with_spread(runs[runs.seed == 0], {"purity": "purity"}).purity[0] == "0.50"
    case = code_tables.by_adversary(mean, "soft", "one task")
    assert case["linf"]["robust acc., linf"] == pytest.approx(0.3)


def test_purities_are_drawn_by_kind_step_and_adversary() -> None:
    seen = {0: torch.rand(5), 60: torch.rand(5)}
    purities = {(kind, adversary): seen for kind in code_tables.KINDS for adversary in code_tables.ADVERSARIES}
    figure = plots.purity(from_plain(plain(purification.nested(purities))), [0, 60])
    assert [axis.get_title() for axis in figure.axes[:2]] == ["step 0", "step 60"]
    assert [len(axis.lines) for axis in figure.axes] == [3] * 6
