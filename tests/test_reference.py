"""Reference runs: kept as records, drawn again from them, and recomputed to check them."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from rt_utils import cli
from rt_utils.pages import figures, records, tables
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError

CHAPTER = "definition_1_lipschitz_losses"
RECORDS = sorted((ROOT / "book" / "reference" / "natural").glob("*.json"))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of one quick chapter, and the record of its run."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "_toc.yml", folder)
    shutil.copy(ROOT / "notebooks" / f"{CHAPTER}.md", folder / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        cli.main(["reference", CHAPTER, "-p", "n_classes", "4", "-q"])
    return folder


def record_in(book: Path) -> Path:
    return book / "book" / "reference" / "embedded" / f"{CHAPTER}.json"


def test_a_record_holds_what_the_page_shows(book: Path) -> None:
    record = json.loads(record_in(book).read_text("utf-8"))
    assert record["chapter"] == CHAPTER
    assert record["parameters"]["n_classes"] == 4
    assert "results" not in record["parameters"]
    assert {"code (digest)", "versions", "hardware", "time", "weights (SHA-256)"} <= set(record["run"])
    assert record["commit"]
    shown = [part for cell in record["cells"] for part in cell["shown"]]
    assert {part["kind"] for part in shown} == {"table", "figure"}
    assert len(record["claims"]) > 10
    for part in (part for part in shown if part["kind"] == "figure"):
        assert part["axes"]
        assert records.unpacked(part["svg"]).startswith("<svg")


def test_a_record_is_recomputed_and_an_altered_one_is_found_out(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book)
    check = ["reference", CHAPTER, "--check", "--profile", "embedded", "-q"]
    cli.main(check)
    assert "values are the record's, the largest difference 0" in capsys.readouterr().out
    whole = record_in(book).read_text("utf-8")
    altered = json.loads(whole)
    table = next(
        part for cell in altered["cells"] for part in cell["shown"] if part["kind"] == "table" and part["formats"]
    )
    column = table["columns"].index(next(iter(table["formats"])))
    table["rows"][0][column] += 1
    record_in(book).write_text(json.dumps(altered), "utf-8")
    with pytest.raises(SystemExit, match=rf"rt: {CHAPTER}: 1 of \d+ values differ by more than 1%"):
        cli.main(check)
    record_in(book).write_text(whole, "utf-8")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["setting", "--check"], "no reference run of setting under 'natural' is kept"),
        ([CHAPTER, "--check", "-p", "seed", "1"], "--check takes the record's own parameters"),
        (["nothing"], "unknown chapter 'nothing'"),
    ],
)
def test_a_wrong_call_in_one_line(
    arguments: list[str], line: str, book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[0] != "setting":
        monkeypatch.chdir(book)
    with pytest.raises(SystemExit, match=line):
        cli.main(["reference", *arguments])


def small_record() -> dict[str, Any]:
    run = {"weights (SHA-256)": "a 1", "data (fingerprint)": "b 2"}
    table = {"kind": "table", "rows": [["x", 1.0, None], ["y", 2, 0.0]]}
    figure = {"kind": "figure", "axes": [{"title": "t", "lines": [{"label": "l", "xy": [[0.0, 1.0]]}]}]}
    cells = [{"cell": 3, "shown": [table, figure, {"kind": "text", "markdown": "**A**"}]}]
    return {"chapter": "c", "run": run, "claims": [{"verdict": "holds"}], "cells": cells}


def test_differences() -> None:
    kept = small_record()
    found = records.differences(kept, copy.deepcopy(kept))
    assert len(found) == 5  # 1, 2 and 0 in the table, two numbers in the figure
    assert found[0][1] == 0
    now = copy.deepcopy(kept)
    now["cells"][0]["shown"][0]["rows"][0][1] = 1.1
    assert records.differences(kept, now)[0] == ("cell 3[0][0][0][1]", pytest.approx(0.1 / 1.1))
    now["claims"] = [{"verdict": "violated"}]
    assert records.differences(kept, now)[0] == ("a verdict", np.inf)
    now = copy.deepcopy(kept)
    now["cells"][0]["shown"][0]["rows"].pop()
    assert records.differences(kept, now)[0][1] == np.inf


@pytest.mark.parametrize(
    ("fact", "line"), [("weights (SHA-256)", "other weights"), ("data (fingerprint)", "other data")]
)
def test_other_inputs_are_refused(fact: str, line: str) -> None:
    kept, now = small_record(), small_record()
    now["run"][fact] = "a 9"
    with pytest.raises(InputError, match=line):
        records.differences(kept, now)


def test_a_table_is_drawn_again_from_its_data() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "n": [1, 2], "x": [0.25, np.nan], "flag": [True, False]})
    shown = tables.show_table(frame, {"n": "d", "x": ".3f"}, caption="A caption.", wide=True)
    assert shown.data is not None
    again = tables.table_from(json.loads(json.dumps(shown.data)))
    assert again.source.partition("<thead>")[2] == shown.source.partition("<thead>")[2]


def test_a_figures_data_are_what_it_shows() -> None:
    figure, axis = plt.subplots()
    axis.plot([0, 1, 2], [1.0, np.nan, 3.0], label="line")
    axis.scatter([5], [6], label="point")
    axis.bar([7], [8], width=1)
    axis.set(title="title", xlabel="x", ylabel="y")
    (drawn,) = figures.picture(figure, "test", caption="c", alt="a").data
    assert drawn["lines"] == [{"label": "line", "xy": [[0.0, 1.0], [1.0, None], [2.0, 3.0]]}]
    assert drawn["points"] == [{"label": "point", "xy": [[5.0, 6.0]]}]
    assert drawn["bars"] == [[6.5, 0.0, 1.0, 8.0]]
    assert (drawn["title"], drawn["x"], drawn["y"]) == ("title", "x", "y")


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_a_kept_record_names_the_encoders_that_are_shipped(path: Path) -> None:
    record = json.loads(path.read_text("utf-8"))
    assert (record["chapter"], record["profile"]) == (path.stem, "natural")
    assert record["parameters"]["profile"] == "natural"
    weights = {
        f"natural/{card.stem}": json.loads(card.read_text())["sha256"]
        for card in (paths.SHIPPED / "natural").glob("*.json")
    }
    for name, _, digest in (entry.rpartition(" ") for entry in record["run"]["weights (SHA-256)"].split(", ")):
        if name in weights:
            assert weights[name].startswith(digest), f"{name} was trained anew since: make reference"
    assert path.stat().st_size < 300_000


def test_the_commit_says_whether_code_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    kept, code = tmp_path / "book" / "reference" / "natural" / "slack.json", tmp_path / "rt_utils" / "bounds.py"
    for file in (kept, code):
        file.parent.mkdir(parents=True)
        file.write_text("1")
    assert records._commit(code.parent) == "unknown"
    git("init")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "one")
    commit = records._commit(code.parent)
    assert re.fullmatch("[0-9a-f]{12}", commit)
    kept.write_text("2")
    assert records._commit(code.parent) == commit
    code.write_text("2")
    assert records._commit(code.parent) == f"{commit}, with changes"
