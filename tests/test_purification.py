"""The chapter on feature purification: its propositions on random draws, and the page, small."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from chapter_source import definitions
from conftest import run_in
from torch import nn

from rt_utils import cli
from rt_utils.runtime.errors import InputError

D, K, B = 32, 3, 0.25
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
    cli.run("purification", SMALL | {"eps": 0, "n_seeds": 1, "steps": 20}, Path("out.ipynb"), progress=False)
    rows = pd.read_csv("files/ledger.csv")
    rows = rows[~rows.claim.str.startswith("Attack floor")]
    np.testing.assert_allclose(rows.lhs, rows.rhs, atol=1e-6)


def test_a_threshold_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="threshold -1"):
        cli.run("purification", {"threshold": -1}, Path("out.ipynb"), progress=False)


def test_the_search_finds_the_known_maximum_of_pure_nodes() -> None:
    """Beyond the threshold too, where silent nodes have no gradient: in l_inf every node can be moved at once."""
    given = {"p": SimpleNamespace(threshold=B), "D": D}
    search = definitions("purification", "ascend", "falling", "search", **given)["search"]
    z = torch.from_numpy(sparse(20, np.random.default_rng(0))).float()
    eps = 0.3
    clean = nn.functional.softshrink(z, B)

    def shift(x: torch.Tensor, b: float) -> torch.Tensor:
        return (nn.functional.softshrink(x, b) - clean).norm(dim=-1)

    settings = {"random": 4, "short": 12, "steps": 40, "keep": 4}
    for norm, largest in (("l2", eps), ("linf", (K * eps**2 + (D - K) * (eps - B) ** 2) ** 0.5)):
        found = search(shift, z, norm, eps, torch.Generator().manual_seed(0), **settings)
        torch.testing.assert_close(found, torch.full((20,), largest), rtol=1e-3, atol=0)
