"""The chapter on feature purification: its propositions on random draws, and the page, small."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_in
from torch import nn

from rt_utils.evaluation import code_probe
from rt_utils.evaluation.code_search import SearchSettings, search
from rt_utils.evaluation.sparse_codes import D, K, Nodes, codes, purity, radii
from rt_utils.pages import execution
from rt_utils.pages.plain import from_plain, plain
from rt_utils.pages.plots import purification as plots
from rt_utils.runtime.errors import InputError
from rt_utils.training import purification

B = 0.25
SMALL = {"n_seeds": 2, "steps": 60, "n_test": 12, "results": "files"}


def sparse(n: int, rng: np.random.Generator) -> np.ndarray:
    z = np.zeros((n, D))
    for row in z:
        row[rng.permutation(D)[:K]] = rng.uniform(0.6, 1.5, K) * rng.choice([-1, 1], K)
    return z


def soft(v: np.ndarray) -> np.ndarray:
    return np.sign(v) * np.maximum(np.abs(v) - B, 0)


def test_pure_nodes_move_by_the_part_of_the_head_on_the_support() -> None:
    rng, eps = np.random.default_rng(0), 0.2
    for z, theta in zip(sparse(200, rng), rng.normal(size=(200, D)), strict=True):
        support = z != 0
        reach = eps * np.linalg.norm(theta[support])
        delta = rng.normal(size=(500, D)) * rng.choice([1e-3, 1.0], size=(500, D))
        delta[0] = np.where(support, theta, 0)
        delta *= eps / np.linalg.norm(delta, axis=1, keepdims=True)
        moves = np.abs((soft(z + delta) - soft(z)) @ theta)
        assert moves.max() <= reach * (1 + 1e-12)
        assert moves[0] == pytest.approx(reach)
        shifts = np.linalg.norm(soft(z + eps * np.sign(delta)) - soft(z), axis=1)
        np.testing.assert_allclose(shifts, eps * K**0.5)  # of pure nodes under l_inf, at the corners of the ball


def test_mean_over_supports() -> None:
    rng = np.random.default_rng(0)
    theta = rng.normal(size=D)
    squares = [((theta * (z != 0)) ** 2).sum() for z in sparse(20_000, rng)]
    assert np.mean(squares) == pytest.approx(K / D * (theta**2).sum(), rel=0.03)


def test_the_activations_are_those_of_the_text() -> None:
    v = torch.linspace(-2, 2, 401)
    torch.testing.assert_close(nn.functional.softshrink(v, B), torch.from_numpy(soft(v.numpy())).float())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("purification"), "purification", SMALL)


def test_every_setting_has_its_claims(finished: Path) -> None:
    rows = pd.read_csv(finished / "files" / "ledger.csv")
    floor = rows.claim.str.startswith("Attack floor")
    assert (floor.sum(), len(rows)) == (4, 16)
    assert set(rows.norm) == {"l2", "linf"}
    assert set(rows[floor].n) == {12}
    rows = rows[~floor]
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
    rows = rows[~rows.claim.str.startswith("Attack floor")]
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


def test_a_probe_on_pure_nodes_is_right_and_moves_as_the_proposition_says() -> None:
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


def test_pretraining_looks_at_its_moments_and_depends_on_its_adversary() -> None:
    given = {"eps": 0.4, "threshold": B, "steps": 4, "seed": 3}
    clean, seen = purification.pretrain("one task", "clean", "soft", **given)
    assert list(seen) == purification.moments(4) == [0, 4]
    again, _ = purification.pretrain("one task", "clean", "soft", **given)
    attacked, _ = purification.pretrain("one task", "l2", "soft", **given)
    harmless, _ = purification.pretrain("one task", "l2", "soft", **(given | {"eps": 0.0}))
    assert torch.equal(clean.weight, again.weight)
    assert torch.equal(clean.weight, harmless.weight)
    weak, _ = purification.pretrain("one task", "l2", "soft", **(given | {"eps": 1e-9}))  # with the same draws
    assert (attacked.weight - weak.weight).abs().max() > 1e-3
    contrastive, _ = purification.pretrain("contrastive", "linf", "hard", **given)
    assert contrastive.activation == "hard"
    assert torch.isfinite(contrastive.weight).all()


def test_means_spreads_and_what_is_said_of_them() -> None:
    rows = [
        {"threshold": "soft", "pretraining": kind, "adversary": adversary, "seed": seed}
        | {"purity": 0.9 if adversary == "l2" and kind != "contrastive" else 0.5 + 0.1 * seed}
        | {"robust acc., linf": 0.3 if adversary == "linf" and kind == "one task" else 0.0}
        | {"moved, l2": 2.0 if adversary == "clean" else 0.5, "moved, linf": 3.0 if adversary == "clean" else 1.5}
        for kind in purification.KINDS
        for adversary in purification.ADVERSARIES
        for seed in (0, 1)
    ]
    runs = pd.DataFrame(rows)
    mean, spread = purification.mean_and_spread(runs)
    assert mean["purity"]["soft", "contrastive", "l2"] == pytest.approx(0.55)
    assert spread["purity"]["soft", "contrastive", "l2"] == pytest.approx(0.1 / 2**0.5)
    assert purification.reading(mean) == {"mixed": "contrastive", "robust": "one task with the linf adversary (30%)"}
    factors = purification.gained(mean, "moved")
    assert list(factors.measured) == [4, 2] * 3
    shown = purification.with_spread(runs, {"purity": "purity"})
    assert shown.purity[0] == "0.55\u00a0±\u00a00.07"
    assert purification.with_spread(runs[runs.seed == 0], {"purity": "purity"}).purity[0] == "0.50"
    case = purification.by_adversary(mean, "soft", "one task")
    assert case["linf"]["robust acc., linf"] == pytest.approx(0.3)


def test_purities_are_drawn_by_kind_step_and_adversary() -> None:
    seen = {0: torch.rand(5), 60: torch.rand(5)}
    purities = {(kind, adversary): seen for kind in purification.KINDS for adversary in purification.ADVERSARIES}
    figure = plots.purity(from_plain(plain(purification.nested(purities))), [0, 60])
    assert [axis.get_title() for axis in figure.axes[:2]] == ["step 0", "step 60"]
    assert [len(axis.lines) for axis in figure.axes] == [3] * 6
