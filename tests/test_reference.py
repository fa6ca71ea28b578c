"""Reference runs: kept as records, drawn again from them, and recomputed to check them."""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from conftest import ROOT

from rt_utils import cli
from rt_utils.pages import elements, figures, records
from rt_utils.pages.elements import DATA
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError

sys.path.insert(0, str(ROOT / "book" / "extensions"))

import reference_runs

CHAPTER = "theorem_2_criterion"
RECORDS = sorted((ROOT / "book" / "reference" / "natural").glob("*.json"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of one quick chapter, and the record of its run."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "_toc.yml", folder)
    shutil.copy(ROOT / "notebooks" / f"{CHAPTER}.md", folder / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small = {"n_test": 4, "n_train": 40, "floor_points": 2, "apgd_points": 2, "steps": 3, "restarts": 1}
        small |= {"probe_epochs": 2, "workers": 1, "data": "digits", "encoders": "embedded/robust"}
        pairs = [text for name, value in small.items() for text in ("-p", name, str(value))]
        cli.main(["reference", CHAPTER, *pairs, "-q"])
    return folder


def record_in(finished: Path) -> Path:
    return finished / "book" / "reference" / "embedded" / f"{CHAPTER}.json"


def test_a_record_holds_data_and_no_layout(finished: Path) -> None:
    record = json.loads(record_in(finished).read_text("utf-8"))
    assert record["chapter"] == CHAPTER
    (run,) = record["runs"]
    assert run["parameters"]["n_test"] == 4
    assert not {"results", "workers"} & set(run["parameters"])
    assert {"code (digest)", "versions", "hardware", "time", "weights (SHA-256)"} <= set(run["run"])
    assert run["commit"]
    assert run["code"] == records.computation(CHAPTER)
    assert {element["kind"] for element in run["elements"].values()} == {"table", "figure", "text"}
    assert not {"caption", "alt", "template", "formats", "svg"} & {n for e in run["elements"].values() for n in e}
    assert len(run["claims"]) > 3


def test_a_kept_run_is_drawn_by_todays_page(finished: Path) -> None:
    """What the page shows and what is drawn from the record with the page's own words is the same."""
    (run,) = json.loads(record_in(finished).read_text("utf-8"))["runs"]
    (path,) = finished.glob("results/*/*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    figures.use_style()
    shown = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if DATA in o.get("metadata", {})]
    shown = [output for output in shown if not output.metadata[DATA].get("plot", "").startswith(records.IMAGES)]
    for output in shown:
        own = output.metadata[DATA]
        again = elements.redrawn(run["elements"][own["key"]], own)._repr_mimebundle_()[0]
        assert again.get("text/html", again.get("text/markdown")) == output.data.get(
            "text/html", output.data.get("text/markdown")
        )
    assert len(shown) == len(run["elements"]) > 5
    own = next(output.metadata[DATA] for output in shown if output.metadata[DATA]["kind"] == "table")
    other = elements.redrawn(run["elements"][own["key"]], {**own, "caption": "Another caption for {threat}."})
    assert "Another caption for l_inf, eps = 8/255." in other.shown.source  # type: ignore[union-attr]


def test_a_record_names_its_schema_and_a_later_one_is_refused(finished: Path, tmp_path: Path) -> None:
    content = json.loads(record_in(finished).read_text("utf-8"))
    assert content["schema"] == records.SCHEMA
    path = records.write({**content, "schema": records.SCHEMA + 1}, tmp_path)
    with pytest.raises(InputError, match=f"a record of schema {records.SCHEMA + 1}, where this package reads those up"):
        records.read(CHAPTER, content["profile"], tmp_path)
    path.write_text(json.dumps({name: value for name, value in content.items() if name != "schema"}), "utf-8")
    assert records.read(CHAPTER, content["profile"], tmp_path)["runs"]  # the first schema had no name


def test_a_record_holds_runs_with_other_parameters_too(finished: Path, tmp_path: Path) -> None:
    record = json.loads(record_in(finished).read_text("utf-8"))
    other = copy.deepcopy(record)
    other["runs"][0]["parameters"]["eps"] = 0.1
    for content in (record, other, record):
        path = records.write(content, tmp_path)
    assert [run["parameters"]["eps"] for run in json.loads(path.read_text("utf-8"))["runs"]] == [0.1, 8 / 255]
    records.write(other, tmp_path, alone=True)
    assert [run["parameters"]["eps"] for run in json.loads(path.read_text("utf-8"))["runs"]] == [0.1]


def test_a_record_is_recomputed_and_an_altered_one_is_found_out(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished)
    check = ["reference", CHAPTER, "--check", "--profile", "embedded", "-q"]
    cli.main(check)
    assert "values are the record's, the largest difference 0" in capsys.readouterr().out
    whole = record_in(finished).read_text("utf-8")
    altered = json.loads(whole)
    table = altered["runs"][0]["elements"]["table-3"]
    table["rows"][0][table["columns"].index("AS score")] += 1
    record_in(finished).write_text(json.dumps(altered), "utf-8")
    with pytest.raises(SystemExit, match=rf"rt: {CHAPTER}: 1 of \d+ values differ by more than 1%"):
        cli.main(check)
    record_in(finished).write_text(whole, "utf-8")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["setting", "--check"], "no reference run of setting under 'natural' is kept"),
        ([CHAPTER, "--check", "-p", "seed", "1"], "--check takes the record's own parameters"),
        ([CHAPTER, "--check", "--alone"], "--check takes the record's own parameters"),
        (["nothing"], "unknown chapter 'nothing'"),
    ],
)
def test_a_wrong_call_in_one_line(
    arguments: list[str], line: str, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[0] != "setting":
        monkeypatch.chdir(finished)
    with pytest.raises(SystemExit, match=line):
        cli.main(["reference", *arguments])


def small_run() -> dict[str, Any]:
    facts = {"weights (SHA-256)": "a 1", "data (fingerprint)": "b 2"}
    table = {"kind": "table", "rows": [["x", 1.0, None], ["y", 2, 0.0]], "values": {"n": 3}}
    figure = {"kind": "figure", "data": {"xy": [[0.0, 1.0]]}}
    kept = {"t": table, "f": figure, "w": {"kind": "text", "values": {"what": "A"}}}
    return {"parameters": {}, "run": facts, "claims": [{"verdict": "holds"}], "elements": kept}


def test_differences() -> None:
    kept = small_run()
    found = records.differences("c", kept, copy.deepcopy(kept))
    assert len(found) == 6  # 1, 2, 0 and 3 of the table, two numbers in the figure
    assert found[0][1] == 0
    now = copy.deepcopy(kept)
    now["elements"]["t"]["rows"][0][1] = 1.1
    assert records.differences("c", kept, now)[0] == ("t rows[0][1]", pytest.approx(0.1 / 1.1))
    now["claims"] = [{"verdict": "violated"}]
    assert records.differences("c", kept, now)[0] == ("a verdict", np.inf)
    now = copy.deepcopy(kept)
    now["elements"]["t"]["rows"].pop()
    assert records.differences("c", kept, now)[0][1] == np.inf


@pytest.mark.parametrize(
    ("kept", "now", "same"),
    [
        (3, 4, True),  # a count, by one image
        (3, 5, False),
        (0.25, 0.28, True),  # a share of 64 images, by less than two of them
        (0.25, 0.29, False),
        (4.0, 4.1, False),  # no share and no count
    ],
)
def test_a_single_flip_is_no_difference(kept: float, now: float, same: bool) -> None:
    before, after = small_run(), small_run()
    before["elements"]["t"]["values"]["n"], after["elements"]["t"]["values"]["n"] = kept, now
    assert records.differences("c", before, after)[0][1] > 0
    before["parameters"]["n_test"] = 64
    assert (records.differences("c", before, after)[0][1] == 0) == same


@pytest.mark.parametrize(
    ("fact", "line"), [("weights (SHA-256)", "other weights"), ("data (fingerprint)", "other data")]
)
def test_other_inputs_are_refused(fact: str, line: str) -> None:
    kept, now = small_run(), small_run()
    now["run"][fact] = "a 9"
    with pytest.raises(InputError, match=line):
        records.differences("c", kept, now)


@pytest.mark.parametrize(
    ("chapter", "through_pages"),
    [
        ("roli", {"training.adversarial_finetuning", "evaluation.margin_attack", "pages.starts_experiment"}),
        ("appendix_b2_regression", {"evaluation.adam_probe", "pages.regression_experiment"}),
        ("appendix_b5_distribution_shift", {"pages.shifted_experiment"}),
        ("audit", {"evaluation.audit_held", "evaluation.audit_intervals"}),
        ("section_5_2_criterion", {"evaluation.deepfool", "evaluation.single_images"}),
        ("theorem_1_loss_gap", {"theory.jensen", "pages.experiment"}),
    ],
)
def test_what_a_chapter_reaches_through_pages_counts_too(chapter: str, through_pages: set[str]) -> None:
    found = records.computing(chapter)
    assert {f"rt_utils.{name}" for name in through_pages} <= found
    assert not {name for name in found if name.startswith("rt_utils.pages.") and not name.endswith("experiment")}


def test_prose_and_plotting_do_not_count_as_computation(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    before, source = records.computation(CHAPTER), finished / "notebooks" / f"{CHAPTER}.md"
    whole = source.read_text("utf-8")
    source.write_text(whole.replace("How to read it", "What it says").replace('"geometry",', '"plane",'), "utf-8")
    assert records.computation(CHAPTER) == before
    source.write_text(whole.replace("import summary, sweep", "import summary"), "utf-8")
    assert records.computation(CHAPTER) != before
    source.write_text(whole, "utf-8")


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_a_kept_record_names_the_encoders_that_are_shipped(path: Path) -> None:
    record = json.loads(path.read_text("utf-8"))
    assert (record["chapter"], record["profile"]) == (path.stem, "natural")
    runs = record["runs"]
    assert {run["parameters"]["profile"] for run in runs} == {"natural"}
    weights = {
        f"natural/{card.stem}": json.loads(card.read_text())["sha256"]
        for card in (paths.SHIPPED / "natural").glob("*.json")
    }
    named = [entry.rpartition(" ")[::2] for run in runs for entry in run["run"]["weights (SHA-256)"].split(", ")]
    assert {name for name, _ in named} & set(weights), "it names no shipped encoder"
    for name, digest in named:
        if name in weights:
            assert weights[name].startswith(digest), f"{name} was trained anew since: make reference"
    points = sum(run["parameters"]["n_test"] * len(run["parameters"].get("data", ())) for run in runs)
    assert path.stat().st_size < 300_000 + 70 * len(weights) * points  # each test point is drawn with each encoder


def test_the_commit_says_whether_code_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    kept, code = tmp_path / "book" / "reference" / "natural" / "slack.json", tmp_path / "rt_utils" / "code.py"
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


def test_a_record_of_several_runs_says_in_words_where_they_differ() -> None:
    common = {"norm": "linf", "n_test": 1000}
    first = {"parameters": common | {"eps": 2 / 255, "encoders": ["public/a", "public/b"]}}
    other = {"parameters": common | {"eps": 0.1, "encoders": ["public/c"]}}
    assert reference_runs.differing([first, other]) == ["; eps 2/255; encoders a, b", "; eps 0.1; encoders c"]
