"""The chapter on Section 6.1: its numbers from its files alone, its p-values and its sweep against known answers."""

import html
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import run_in
from test_chapter import SMALL

from rt_utils.pages import execution
from rt_utils.runtime import cache
from rt_utils.runtime.errors import InputError

CHAPTER = "section_6_1_as_score"
FEW = SMALL | {"n_seeds": 2, "seed_points": 8, "sweep_points": 3, "resamples": 100, "results": "files"}
FEW |= {"floor_points": 0, "apgd_points": 0}  # the stronger search is tested where it is the subject


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("as_score")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_CACHE", str(folder / "cache"))  # of its own, to be counted below
        values = FEW | {"encoders": "embedded/robust,embedded/random", "data": "glyphs,digits"}
        return run_in(folder, CHAPTER, values)


def shown(folder: Path) -> str:
    notebook = nbformat.read(folder / "out.ipynb", as_version=4)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    return "\n".join(
        "".join(o.get("data", {}).get(kind, "")) for o in outputs for kind in ("text/html", "text/markdown")
    )


def test_the_orders_follow_from_the_files_alone(finished: Path) -> None:
    """Score and four measures of lost robustness in numpy, from points.npz and scores.csv; then the ledger's counts."""
    arrays, rows = np.load(finished / "files" / "points.npz"), pd.read_csv(finished / "files" / "ledger.csv")
    scores = pd.read_csv(finished / "files" / "scores.csv")
    assert sorted(scores.seed.unique()) == [0, 1]
    assert (scores[scores.seed == 1].groupby(["encoder", "data"]).size() == FEW["seed_points"]).all()
    checked = 0
    for encoder in ("embedded/robust", "embedded/random"):
        found: dict[str, list[float]] = {}
        for data in ("glyphs", "digits"):
            z, z_loss, z_shift, weight, bias, y, wrong = (
                arrays[f"{encoder}|{data}|{name}"]
                for name in ("z", "z_loss", "z_shift", "weight", "bias", "labels", "wrong")
            )

            def losses(features: np.ndarray, w=weight, b=bias, y=y) -> np.ndarray:
                logits = features.astype(np.float64) @ w.T + b
                return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y]

            clean, gap = losses(z).mean(), (losses(z_loss) - losses(z)).mean()
            right = ((z.astype(np.float64) @ weight.T + bias).argmax(1) == y).mean()
            part = scores[(scores.encoder == encoder) & (scores.data == data) & (scores.seed == 0)]
            largest = np.sqrt(np.square(z_shift.astype(np.float64) - z).sum(axis=1))
            assert (part["shift"].to_numpy() <= largest * (1 + 1e-6)).all()  # one attack of those whose maximum it is
            assert part["shift"].mean() > 0.7 * largest.mean()
            constant = 2 * np.sqrt(np.square(weight).sum(axis=1)).max()
            for name, value in {
                "AS score": part["shift"].mean(),
                "relative difference": gap / clean,
                "loss gap": gap,
                "LHS of Lemma 1": gap / constant,
                "accuracy lost": right - (1 - wrong.mean()),
            }.items():
                found.setdefault(name, []).append(value)
            assert f"{gap / clean:.2f}" in shown(finished)
        for name, values in found.items():
            if name != "AS score":
                text = f"Section 6.1: pairs of data sets that the AS score and the {name} order differently"
                (row,) = rows[(rows.claim == text) & (rows.encoder == encoder)].itertuples()
                alike = (found["AS score"][0] - found["AS score"][1]) * (values[0] - values[1]) > 0
                assert (row.n, row.lhs, row.rhs) == (1, 1 - alike, 0)
                checked += 1
    assert checked == 8


def test_the_score_before_a_head_is_taken_from_the_cache(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry for each encoder, data set and seed (all in one chunk): nothing was searched twice.

    On the representation that attack alone: these runs have no other beside it.
    """
    monkeypatch.setenv("RT_CACHE", str(finished / "cache"))
    kept = {kind: n for kind, state, n, _ in cache.contents() if state == "current"}
    assert (kept["shifts"], kept["losses"], kept["sweeps"]) == (8, 8, 4)


def test_the_curves_in_the_page_rise(finished: Path) -> None:
    (content,) = re.findall(r'<script type="application/json">(.*?)</script>', shown(finished))
    content = json.loads(html.unescape(content))
    assert content["radii"] == ["0", "1/255", "2/255", "4/255", "8/255", "12/255", "16/255"]
    assert [e["name"] for e in content["encoders"]] == ["robust", "random"]
    for encoder in content["encoders"]:
        for data in encoder["data"]:
            curve, quantiles = np.array(data["score"]), np.array(data["quantiles"])
            assert curve[0] == 0
            assert (np.diff(curve) > 0).all()
            assert (np.diff(quantiles, axis=0) >= 0).all()
            assert (np.diff(quantiles, axis=1) >= 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"data": "digits", "eps": 0}, "With one data set there is nothing to compare"),
        ({"data": "digits,textures", "norm": "l2", "eps": 0.5}, "no single rank correlation here is significant"),
    ],
    ids=["one data set, radius 0", "l2"],
)
def test_the_page_fits_other_parameters(
    values: dict[str, object], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    execution.run(
        CHAPTER, FEW | {"encoders": "embedded/random", "n_seeds": 1} | values, Path("out.ipynb"), progress=False
    )
    page = shown(tmp_path)
    assert says in page
    assert "Warning" not in page
    assert "nan" not in re.sub(r"<[^>]*>", "", page)


def test_a_wrong_number_of_points_is_refused() -> None:
    with pytest.raises(InputError, match="sweep_points 0 is out of range: give a whole number from 1"):
        execution.run(CHAPTER, {"sweep_points": 0})
