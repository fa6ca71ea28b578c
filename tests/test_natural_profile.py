"""The profile `natural` on real images, a few of each class, at a tiny size."""

import zipfile
from collections import Counter
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import ROOT, unpack_fashion_mnist

from rt_utils import cli
from rt_utils.pages import records

SHARED = ROOT.parent / "shared" / "data"
PROFILE = ROOT / "notebooks" / "profiles" / "natural.yaml"
TINY = """
profile: natural
n_test: 10
n_train: 600  # six of each of 100 classes
restarts: 1
steps: 4
floor_points: 2
apgd_points: 2
n_seeds: 2
seed_points: 4
path_points: 4
probe_epochs: 5
ft_epochs: 1
sweep_points: 2
resamples: 200
roli.n_train: 64
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("attacks_of_one_step"),
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of data with the first images of each class alone."""
    root = tmp_path_factory.mktemp("data")
    for archive, folder, most in (
        ("cifar10_jpeg", "cifar10_jpeg", 40),
        ("tinyimagenet100_32", "tinyimagenet100_32", 6),
    ):
        taken: Counter[str] = Counter()
        with zipfile.ZipFile(SHARED / f"{archive}.zip") as packed:
            for member in packed.namelist():
                kind = member.rpartition("/")[0]
                if member.endswith(".jpg") and taken[kind] < most:
                    taken[kind] += 1
                    packed.extract(member, root / folder)
    unpack_fashion_mnist(SHARED, root)
    return root


# Not purification, which has neither images nor an encoder: test_paper_profile runs it.
@pytest.mark.parametrize("chapter", ["section_5_1_cross_entropy", "section_6_1_as_score", "roli"])
def test_a_chapter_runs(chapter: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_DATA", str(data))
    (tmp_path / "tiny.yaml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    cli.main(["run", chapter, "-q", "-f", str(PROFILE), "-f", "tiny.yaml", "-p", "results", "out", "-o", "out.ipynb"])
    ledger = pd.read_csv("out/ledger.csv", keep_default_na=False)
    assert set(ledger.profile) == {"natural"}
    (run,) = records.record(chapter, Path("out.ipynb"), Path("out"))["runs"]
    assert "natural/robust" in run["run"]["weights (SHA-256)"]
    assert "cifar10-jpeg" in run["run"]["data (fingerprint)"]
    assert run["elements"]
    lemma = ledger[ledger.claim.str.contains("LHS is at most the AS score")]
    assert (len(lemma) > 20) == (chapter == "section_5_1_cross_entropy")
    assert set(lemma.verdict) <= {"holds"}
    if chapter == "section_6_1_as_score":
        texts = " ".join(str(cell.get("outputs", "")) for cell in nbformat.read("out.ipynb", as_version=4).cells)
        assert "tinyimagenet100, pretrained head" in texts
