"""The chapters at a small size: through papermill, checked by nbval, and recomputed from its file alone."""

import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, run_in

from rt_utils.pages import execution, ledger

BIN = Path(sys.executable).parent
ENGINE = ("--engine", "rt")
SMALL = {
    "n_test": 16,
    "n_train": 100,
    "floor_points": 4,
    "apgd_points": 4,
    "restarts": 1,
    "steps": 3,
    "probe_epochs": 5,
    "workers": 1,
}


def papermill(folder: Path, *options: str, **values: object) -> subprocess.CompletedProcess[str]:
    pairs = [text for name, value in values.items() for text in ("-p", name, str(value))]
    command = [str(BIN / "papermill"), str(ROOT / "notebooks" / "theorem_2_criterion.ipynb"), "out.ipynb"]
    return subprocess.run(
        [*command, *options, *pairs, "--no-progress-bar"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    execution.write_notebooks()
    folder = tmp_path_factory.mktemp("finished")
    done = papermill(folder, *ENGINE, eps="4/255", results="files", encoders="embedded/robust", data="digits", **SMALL)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_papermill_takes_a_fraction(finished: Path) -> None:
    rows = pd.read_csv(finished / "files" / "ledger.csv")
    assert tuple(rows.columns) == ledger.COLUMNS
    assert rows.eps.unique() == pytest.approx(4 / 255)
    kinds = {"Theorem 2", "Attack floor", "Observation, attack on the representation"}
    assert set(rows.claim.str.split(":").str[0]) == kinds
    assert not (rows[rows.claim.str.startswith("Theorem 2")].verdict == "violated").any()
    text = (finished / "out.ipynb").read_text("utf-8")
    assert "eps = 4/255" in text
    assert "Warning" not in text.replace("warnings", "")


def test_the_files_alone_give_the_same_numbers(finished: Path) -> None:
    """An independent float64 evaluation of margins, shifts and criterion, in numpy, from points.npz."""
    points = pd.read_csv(finished / "files" / "points.csv")
    arrays = np.load(finished / "files" / "points.npz")
    checked = 0
    for (encoder, data), rows in points.groupby(["encoder", "data"]):
        z, z_shift, weight, bias = (
            arrays[f"{encoder}|{data}|{key}"].astype(np.float64) for key in ("z", "z_shift", "weight", "bias")
        )
        logits = z @ weight.T + bias
        for i, row in enumerate(rows.itertuples()):
            y = int(np.argmax(logits[i]))
            margins = [
                (logits[i, y] - logits[i, j]) / np.sqrt(np.square(weight[y] - weight[j]).sum())
                for j in range(len(weight))
                if j != y
            ]
            shift = np.sqrt(np.square(z_shift[i] - z[i]).sum())
            assert row.predicted == y
            assert row.margin_ratio == pytest.approx(min(margins), rel=1e-5)
            assert row.shift == pytest.approx(shift, rel=1e-5)
            assert row.fulfilled == (shift < min(margins))
            assert 0 < row.shift_representation <= row.shift * (1 + 1e-6)  # one attack of those whose maximum it is
            assert row.flipped or not row.flipped_by_loss
            checked += 1
    assert checked == SMALL["n_test"]


@pytest.mark.slow
def test_theorem_1_from_its_file_alone(tmp_path: Path) -> None:
    """An independent float64 evaluation of both sides of Lemma 1, in numpy, from points.npz."""
    values = SMALL | {"encoders": "embedded/robust", "data": "digits, textures", "resamples": 100}
    run_in(tmp_path, "theorem_1_loss_gap", values | {"eps": "4/255", "results": "files"})
    assert "Warning" not in (tmp_path / "out.ipynb").read_text("utf-8")
    arrays, rows = (
        np.load(tmp_path / "files" / "points.npz"),
        pd.read_csv(tmp_path / "files" / "ledger.csv", dtype={"vacuous": str}),
    )
    for data in ("digits", "textures"):
        names = ("z", "z_shift", "z_loss", "weight", "bias", "labels")
        z, z_shift, z_loss, weight, bias, labels = (arrays[f"embedded/robust|{data}|{name}"] for name in names)

        def cross_entropy(features: np.ndarray, w=weight, b=bias, y=labels) -> np.ndarray:
            logits = features.astype(np.float64) @ w.T + b
            return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y]

        gap = np.mean(cross_entropy(z_loss) - cross_entropy(z))
        score = np.mean(np.sqrt(np.square(z_shift.astype(np.float64) - z).sum(axis=1)))
        lengths = np.sqrt(np.square(weight).sum(axis=1))
        constants = {
            "l1": lengths.sum(),
            "l2": np.sqrt(2 * np.linalg.eigvalsh(weight @ weight.T).max()),
            "linf": 2 * lengths.max(),
        }
        for alpha, constant in constants.items():
            (row,) = rows[(rows.data == data) & rows.claim.str.startswith(f"Lemma 1, {alpha}:")].itertuples()
            assert row.lhs == pytest.approx(gap / constant, rel=1e-5)
            assert row.rhs == pytest.approx(score, rel=1e-5)
            assert row.verdict == "holds"
        shifts, factor = np.sqrt(np.square(z_shift.astype(np.float64) - z).sum(axis=1)), min(constants.values())
        cut, n, rho = 20.0, len(labels), 0.05
        gap = np.mean(np.minimum(cross_entropy(z_loss), cut) - np.minimum(cross_entropy(z), cut))
        sides = {
            "Theorem 1": factor * score + cut * np.sqrt(np.log(2 / rho) / (2 * n)),
            "All heads": np.minimum(cut, factor * shifts).mean() + cut * np.sqrt(np.log(1 / rho) / (2 * n)),
        }
        for name, bound in sides.items():
            (row,) = rows[(rows.data == data) & rows.claim.str.startswith(f"{name}:")].itertuples()
            assert (row.lhs, row.rhs) == pytest.approx((gap, bound), rel=1e-5)
            assert row.vacuous == str(bound >= cut)


@pytest.mark.slow
def test_nbval_gets_the_same_outputs_again(finished: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "out.ipynb", "-q"]
    done = subprocess.run(command, cwd=finished, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    notebook = nbformat.read(finished / "out.ipynb", as_version=4)
    marked = [cell for cell in notebook.cells if "nbval-check-output" in cell.metadata.get("tags", [])]
    assert marked
    marked[0].outputs[0].text = "tampered"
    nbformat.write(notebook, finished / "tampered.ipynb")
    done = subprocess.run(
        [*command[:-2], "tampered.ipynb", "-q"], cwd=finished, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1


@pytest.mark.slow
def test_papermill_with_the_profile_and_your_own_images(image_folder: Path, tmp_path: Path) -> None:
    profile = str(ROOT / "notebooks" / "profiles" / "embedded.yaml")
    small = SMALL | {"encoders": "embedded/random", "data": f"folder:{image_folder}"}
    done = papermill(tmp_path, *ENGINE, "-f", profile, results="files", **small)
    assert done.returncode == 0, done.stderr[-2000:]
    points = pd.read_csv(tmp_path / "files" / "points.csv")
    assert len(points) == 16
    assert points.data.unique() == [f"folder:{image_folder}"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param({"eps": "8"}, "eps 8 is out of range", marks=pytest.mark.slow),
        ({"epss": "0.1"}, "unknown parameter 'epss': use eps"),
    ],
)
def test_plain_papermill_refuses_too(values: dict[str, str], reason: str, tmp_path: Path, finished: Path) -> None:
    done = papermill(tmp_path, **values)
    assert done.returncode != 0
    assert reason in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.ipynb"]
