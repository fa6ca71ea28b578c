"""A rerun answers on fewer points first, in the file that the full run then replaces."""

from pathlib import Path

import nbformat
import pandas as pd
import pytest

from rt_utils import cli
from rt_utils.pages import execution, first_answer
from rt_utils.pages.parameters import KNOWN
from rt_utils.runtime.errors import InputError

CHAPTER = "theorem_1_loss_gap"
SHORT = {"n_test": 32, "n_train": 60, "floor_points": 0, "apgd_points": 0, "restarts": 1, "steps": 2}
SHORT |= {"probe_epochs": 2, "resamples": 50, "encoders": "embedded/random", "data": "digits", "results": "files"}


def test_it_has_fewer_points_and_never_more_than_were_asked_for() -> None:
    assert set(first_answer.POINTS) <= set(KNOWN)
    for n in (32, 40, 383, 384, 5000):
        full = {"n_test": n, "seed_points": 10, "floor_points": 0, "apgd_points": 6, "n_seeds": 1, "steps": 100}
        cut = first_answer.fewer(full)
        assert cut.keys() == {"n_test", "seed_points"}
        assert all(value < full[name] for name, value in cut.items())
        assert cut["n_test"] <= max(n // 4, 128)
    assert first_answer.fewer({"n_test": 31, "n_seeds": 3}) == {}
    assert first_answer.fewer({"n_classes": 5}) == {}


def test_it_is_there_first_and_the_full_run_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []

    def look(line: str) -> None:
        said.append(line)
        first = nbformat.read("out.ipynb", as_version=4)
        assert first.cells[0].source.startswith("(chapter-") or first.cells[0].source.startswith("# ")
        assert first.cells[1].source.startswith("> **A first answer**")
        assert "`n_test` 8 of 32" in first.cells[1].source
        assert len(pd.read_csv("files/first/points.csv")) == 8
        assert not Path("files/run.json").exists()

    first_answer.run(CHAPTER, SHORT, Path("out.ipynb"), look, progress=False)
    assert said == ["first answer (n_test 8 of 32): out.ipynb"]
    assert "A first answer" not in Path("out.ipynb").read_text("utf-8")
    assert len(pd.read_csv("files/points.csv")) == 32
    assert not Path("files/first").exists()
    first_answer.run(CHAPTER, SHORT, Path("out.ipynb"), look, progress=False)  # the same again is there at once
    assert len(said) == 1


def test_what_is_wrong_is_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="eps 8 is out of range"):
        first_answer.run(CHAPTER, SHORT | {"eps": "8"}, Path("out.ipynb"), print)
    assert list(tmp_path.iterdir()) == []


def test_whole_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[dict[str, object]] = []

    def run(chapter: str, given: dict[str, object], *_: object, **__: object) -> Path:
        seen.append(given)
        return Path("out.ipynb")

    monkeypatch.setattr(execution, "run", run)
    cli.main(["run", CHAPTER, "--whole", "-p", "n_test", "40"])
    cli.main(["run", CHAPTER, "-p", "n_test", "40"])
    assert [given["n_test"] for given in seen] == [40, 10, 40]
