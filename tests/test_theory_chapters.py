"""The chapters of the theory through `rt`, small: their checks hold, and fail where an assumption is dropped."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_chapter import SMALL

from rt_utils.pages import execution
from rt_utils.runtime.errors import InputError
from rt_utils.theory import converse


@pytest.mark.parametrize(
    ("chapter", "drop", "message"),
    [
        (
            "definition_1_lipschitz_losses",
            "bounded residuals",
            "was dropped: the squared norm changes",
        ),
        pytest.param(
            "theorem_1_loss_gap",
            "bound fixed beforehand",
            "was dropped: the bound fails in 61% of all samples",
            marks=pytest.mark.slow,
        ),
        (
            "theorem_2_criterion",
            "predicted label",
            "was dropped: at 3408 of 20000 random points",
        ),
    ],
)
@pytest.mark.slow
def test_a_dropped_assumption_makes_the_check_fail(
    chapter: str, drop: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = {} if chapter.startswith("definition") else SMALL | {"encoders": "embedded/random", "data": "digits"}
    with pytest.raises(InputError, match="AssertionError: ") as caught:
        execution.run(chapter, small | {"drop": drop}, Path("kept.ipynb"), progress=False)
    assert message in str(caught.value)
    assert "kept.failed.ipynb" in str(caught.value)  # a check that fails is kept, for a look
    assert [path.name for path in tmp_path.glob("*.ipynb")] == ["kept.failed.ipynb"]


def _directed(arrays: Mapping[str, np.ndarray], case: str) -> int:
    """How many points fulfil D < m with the two perturbations in the file: class by class, in numpy."""
    names = ("z", "z_shift", "z_loss", "weight", "bias")
    z, *found, weight, bias = (arrays[f"{case}|{name}"].astype(np.float64) for name in names)
    logits, count = z @ weight.T + bias, 0
    for i, scores in enumerate(logits):
        y = int(scores.argmax())
        normals = {j: weight[j] - weight[y] for j in range(len(weight)) if j != y}
        towards = [
            normal @ (other[i] - z[i]) / np.linalg.norm(normal) for normal in normals.values() for other in found
        ]
        margin = min((scores[y] - scores[j]) / np.linalg.norm(normal) for j, normal in normals.items())
        count += max(0.0, *towards) < margin
    return count


@pytest.mark.slow
def test_slack_and_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = SMALL | {"n_train": 1000, "n_test": 40, "encoders": "embedded/robust", "data": "digits"}
    execution.run("slack", small | {"results": "files"}, Path("out.ipynb"), progress=False)
    rows = pd.read_csv("files/ledger.csv")
    subspace = {"Theorem 2 in the head's subspace", "Observation, head's subspace"}
    others = {"Per sample", "Directional", "Certificate", "Lipschitz bound"}
    assert set(rows.claim.str.split(":").str[0]) == subspace | others
    assert rows[rows.claim.str.startswith("Theorem 2 in the head's")].n.item() > 10
    observed = rows.claim.str.startswith("Observation")  # of at most 40 points: none flipped decides nothing
    assert set(rows[~observed].verdict) == {"holds"}
    assert set(rows[observed].verdict) == {"undecided"}
    (directed,) = rows[rows.claim.str.startswith("Directional")].itertuples()
    assert directed.n == _directed(np.load("files/points.npz"), "embedded/robust|digits")
    assert directed.n > 20
    certified = rows[rows.claim.str.startswith("Certificate")]
    assert certified.n.iloc[0] > 20  # of 40 points: the certificate is not vacuous
    assert certified.n.is_monotonic_decreasing
    bound = rows[rows.claim.str.startswith("Lipschitz")]
    assert (bound.lhs > 0.8 * bound.rhs).all()  # and the attack comes close to it


@pytest.mark.slow
def test_the_converse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = SMALL | {"n_train": 1000, "encoders": "embedded/robust", "data": "digits", "resamples": 100}
    execution.run("converse", small | {"results": "files"}, Path("out.ipynb"), progress=False)
    rows = pd.read_csv("files/ledger.csv")
    assert set(rows.claim.str.split("[:,(]").str[0].str.strip()) == {
        *("Converse", "Converse with given labels", "Scaled probe", "Confidence limit")
    }
    assert set(rows.verdict) == {"holds"}
    arrays = np.load("files/points.npz")
    z, moved, again = (arrays[f"embedded/robust|digits|{name}"].astype(float) for name in ("z", "z_shift", "z_loss"))
    score = np.maximum(*(np.linalg.norm(found - z, axis=1) for found in (moved, again))).mean()
    bound, lemma, *_ = rows.itertuples()
    assert lemma.rhs == pytest.approx(score)
    assert bound.lhs == pytest.approx(score * converse.mean_coordinate(16) / 2)  # 16 points span no more
    assert 2 * bound.lhs < bound.rhs == lemma.lhs < score


def test_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    execution.run("setting", {"results": "files", "seed": 3}, Path("out.ipynb"), progress=False)
    assert set(pd.read_csv("files/ledger.csv").verdict) == {"holds"}


@pytest.mark.slow
def test_certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = SMALL | {"encoders": "embedded/certified, blocks, pixels", "data": "digits", "eps": "1/255"}
    execution.run("certified", small | {"results": "files"}, Path("out.ipynb"), progress=False)
    claims = pd.read_csv("files/ledger.csv")
    certified = claims[claims.claim.str.startswith("Certified")]
    assert set(certified.verdict) == {"holds"}
    assert set(certified.encoder) == {"embedded/certified", "blocks", "pixels", "public/cifar_small_8px"}
    found = certified[certified.claim.str.contains("shift found over its upper bound")]
    found = found[found.encoder != "public/cifar_small_8px"]  # a kept run, whose claims count points
    assert len(found) == 3
    assert found.lhs.between(0.3, 1.0001).all()
    points, shares = pd.read_csv("files/points.csv"), pd.read_csv("files/certified.csv")
    assert (points["shift"] <= points.shift_upper * (1 + 1e-4)).all()
    assert list(shares.eps[:4]) == ["0.001961", "1/255", "2/255", "4/255"]
    of_blocks = points[points.encoder == "blocks"].shift_upper
    assert of_blocks.max() == pytest.approx(8 / 255)  # a block in which every pixel can rise: eps each
    with np.load("files/points.npz") as arrays:
        np.testing.assert_allclose(arrays["blocks|digits|shift_upper"], of_blocks)
