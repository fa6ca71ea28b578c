"""Two small kept runs, of 48 images each, recomputed as `rt reference --check` does: equal within single flips."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT, unpack_fashion_mnist

from rt_utils import cli

RECORDS, SHARED = ROOT / "tests" / "small_records", ROOT.parent / "shared"
CHAPTER = "theorem_2_criterion"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is absent")]


@pytest.mark.parametrize("profile", ["natural", "public"])
def test_a_small_record_is_recomputed(
    profile: str,
    public_networks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    unpack_fashion_mnist(SHARED / "data", tmp_path)
    monkeypatch.setenv("RT_DATA", str(tmp_path))
    monkeypatch.setenv("RT_MODELS", str(public_networks))
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    shutil.copy(ROOT / "notebooks" / f"{CHAPTER}.md", tmp_path / "notebooks")
    shutil.copytree(RECORDS / profile, tmp_path / "book" / "reference" / profile)
    monkeypatch.chdir(tmp_path)
    cli.main(["reference", CHAPTER, "--check", "--profile", profile, "-q"])
    assert "values are the record's" in capsys.readouterr().out
