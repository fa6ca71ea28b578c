"""`rt sweep`: which cells there are, what is refused, what a cell leaves, what is collected and shown."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_book
import yaml
from conftest import ROOT
from filelock import FileLock
from test_profiles import DECLARED, images

from rt_utils import cli
from rt_utils.pages.ledger import Claim
from rt_utils.pages.sweep import cell, cells, driver, published_beside, report, rows
from rt_utils.pages.sweep.places import Places, made_by
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

__all__ = ["images"]  # a fixture


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(small_book.make(tmp_path / "book"))
    return tmp_path / "book"


def plan_of(sweep: cells.Sweep, run: Path, gpus: tuple[str, ...] = ()) -> dict[str, Any]:
    (run / "running").mkdir(parents=True, exist_ok=True)
    given = {one.name: dict(one.given) for one in sweep.cells}
    return {"chapter": sweep.chapter, "folder": str(sweep.folder), "run": str(run), "cells": given, "gpus": gpus}


def test_every_combination_is_a_cell_of_its_own(book: Path) -> None:
    axes = {"eps": "1/255, 0.01", "encoder": "embedded/robust,embedded/random", "data": "digits", "seeds": 3}
    sweep = cells.plan("small", {"seed": 5, "results": "out"}, axes)
    assert sweep.folder == book / "out"
    assert len({one.name for one in sweep.cells}) == len(sweep.cells) == 12
    swept = [tuple(one.swept.values()) for one in sweep.cells]
    assert swept[0] == ("1/255", "embedded/robust", "digits", 5)
    assert swept[-1] == (0.01, "embedded/random", "digits", 7)
    assert all("results" not in one.given for one in sweep.cells)
    other = cells.plan("small", {"seed": 5, "budget": 2.0}, axes)
    assert not {one.name for one in sweep.cells} & {one.name for one in other.cells}  # other parameters, other cells


def test_names_of_cells_are_those_of_files(image_folder: Path, book: Path) -> None:
    odd = image_folder.with_name("mine, $(yours)")
    image_folder.rename(odd)
    sweep = cells.plan("small", {}, {"data": f"digits,folder:{odd}", "eps": "8/255"})
    assert [one.swept["data"] for one in sweep.cells] == ["digits", f"folder:{odd}"]
    assert all(
        set(one.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") for one in sweep.cells
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["small"], "nothing is swept: give at least one of --eps, --encoder, --data, --seeds"),
        (["smal", "--seeds", "2"], "unknown chapter 'smal': use small"),
        (["small", "--eps", "8/255,8"], "eps 8.0 is out of range: give a radius in pixels of [0, 1]"),
        (["small", "--eps", "1/255,2/510"], "two cells of the sweep are the same: 2/510"),
        (
            ["small", "--encoder", "embedded/robust,embedded/robst"],
            "unknown encoder 'embedded/robst': use embedded/robust",
        ),
        (["small", "--data", "digts"], "unknown data set 'digts': use digits"),
        (["small", "--data", ","], "data ',' is not a name, nor a list of names"),
        (["small", "--eps", ","], "--eps is empty: give values with commas between them"),
        (["small", "--seeds", "0"], "--seeds 0 is out of range: give how many seeds, from 1 to 1000"),
        (["small", "--seeds", "2", "-p", "sed", "1"], "unknown parameter 'sed': use seed"),
        (["small", "--seeds", "2", "-p", "budget", "no"], "budget 'no' is not a number"),
        (
            ["small", "--seeds", "2", "--cores", "-1"],
            "--cores -1 is out of range: give how many, or leave it out for all",
        ),
        (["small", "--seeds", "2", "-p", "results", "a{b}"], "results 'a{b}' lies in a folder with braces"),
        (["small", "--seeds", "2", "--profile", "no"], "no profile 'no': give slurm, or a folder that holds"),
        (["plain", "--eps", "1/255"], "plain has no parameter eps: leave --eps out, or see rt list"),
        (["ledgers", "--seeds", "1"], "ledgers collects what other chapters wrote: sweep one of those"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(
    options: list[str], line: str, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = small_book.CHAPTER
    (book / "notebooks" / "plain.md").write_text(source.replace('eps = "8/255"\n', ""), "utf-8")
    (book / "notebooks" / "ledgers.md").write_text(source.replace('results = ""\n', ""), "utf-8")
    monkeypatch.setattr(driver, "_compute", lambda *_: pytest.fail("something ran"))
    with pytest.raises(SystemExit) as caught:
        cli.main(["sweep", *options])
    assert str(caught.value).startswith(f"rt: {line}")
    assert "\n" not in str(caught.value)
    assert not (book / "results").exists()


def test_every_chapter_of_the_paper_is_one_command_in_print(images: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of book/run_it_yourself.md, on machines that have the data."""
    monkeypatch.chdir(ROOT)
    planned: list[cells.Sweep] = []
    monkeypatch.setattr(driver, "run", lambda sweep, *_: planned.append(sweep))
    text = (ROOT / "book" / "run_it_yourself.md").read_text("utf-8").replace("\\\n", " ")
    variables = dict(re.findall(r'^([A-Z]+)="(.*)"$', text, re.MULTILINE))
    for command in re.findall(r"^\.venv/bin/rt (sweep .*)$", text, re.MULTILINE):
        for name, value in variables.items():
            command = command.replace(f"${name}", value)
        cli.main(command.split())
    assert len(planned[0].cells) == 48
    paper = yaml.safe_load((ROOT / "notebooks" / "profiles" / "paper.yaml").read_text("utf-8"))
    expected = {name for name in DECLARED if DECLARED[name].keys() & {"encoder", "encoders"} and name not in paper}
    assert {sweep.chapter for sweep in planned} == expected


def test_a_cell_is_there_whole_and_is_not_computed_again(book: Path) -> None:
    sweep = cells.plan("small", {"results": "out"}, {"eps": "1/255"})
    places, (one,) = Places(sweep.folder), sweep.cells
    places.make()
    plan, made = plan_of(sweep, book / "run"), made_by("small")
    assert not places.done(one.name, made)
    cell.compute(plan, one.name)
    assert places.done(one.name, made)
    folder = places.cells / one.name
    assert {path.name for path in folder.iterdir()} == {"small.ipynb", "ledger.csv", "points.csv", "cell.json"}
    assert ".sweep" not in (folder / "small.ipynb").read_text("utf-8")  # it names the folder where it lies
    assert list(places.work.iterdir()) == []
    written = (folder / "cell.json").stat().st_mtime_ns
    cell.compute(plan, one.name)
    assert (folder / "cell.json").stat().st_mtime_ns == written
    chapter = book / "notebooks" / "small.md"
    chapter.write_text(chapter.read_text("utf-8").replace('"Theorem <2>"', '"Theorem 3"'), "utf-8")
    assert not places.done(one.name, made_by("small"))
    cell.compute(plan, one.name)  # other code made it: it is replaced
    assert list(pd.read_csv(folder / "ledger.csv").claim) == ["Lemma 1: LHS is at most the AS score", "Theorem 3"]
    assert list(places.work.iterdir()) == []


def test_a_cell_that_fails_leaves_its_reason_and_notebook(book: Path) -> None:
    sweep = cells.plan("small", {"results": "out", "drop": "digits"}, {"eps": "1/255"})
    places, (one,) = Places(sweep.folder), sweep.cells
    places.make()
    with pytest.raises(InputError) as caught:
        cell.compute(plan_of(sweep, book / "run"), one.name)
    notebook = places.notebook(one.name)
    assert str(caught.value) == f"{one.name}: AssertionError: on purpose (notebook: {notebook})"
    assert notebook.is_file()
    assert places.reason(one.name).read_text("utf-8") == f"AssertionError: on purpose (notebook: {notebook})\n"
    assert list(places.cells.iterdir()) == list(places.work.iterdir()) == []


def test_a_cell_that_another_job_computes_is_left_to_it(book: Path) -> None:
    sweep = cells.plan("small", {"results": "out"}, {"eps": "1/255"})
    places, (one,) = Places(sweep.folder), sweep.cells
    places.make()
    with FileLock(places.locks / one.name):
        thread = threading.Thread(target=cell.compute, args=(plan_of(sweep, book / "run"), one.name))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        (places.cells / one.name).mkdir()
        record = {**made_by("small"), "seconds": 1.0}
        places.record(one.name).write_text(json.dumps(record), "utf-8")
    thread.join(60)
    assert [path.name for path in (places.cells / one.name).iterdir()] == ["cell.json"]


def test_a_job_sees_one_gpu_that_no_other_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    seen = lambda: cell.os.environ["CUDA_VISIBLE_DEVICES"]  # noqa: E731
    with cell.one_gpu([], tmp_path):
        assert seen() == "3,5"
    with cell.one_gpu(["3", "5"], tmp_path):
        assert seen() == "3"
        with cell.one_gpu(["3", "5"], tmp_path):
            assert seen() == "5"
            third = threading.Thread(target=lambda: cell.one_gpu(["3", "5"], tmp_path).__enter__(), daemon=True)
            third.start()
            third.join(0.5)
            assert third.is_alive()
        third.join(30)
        assert seen() == "5"


def test_a_plan_shares_cores_and_gpus(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = cells.plan("small", {}, {"seeds": 3})
    names = [one.name for one in sweep.cells]
    monkeypatch.setattr(driver, "gpus", list)
    assert driver._plan(sweep, names, book, 8, None)["threads"] == 2
    assert driver._plan(sweep, names, book, 2, None)["threads"] == 1
    monkeypatch.setattr(driver, "gpus", lambda: ["0", "1"])
    plan = driver._plan(sweep, names, book, 8, None)
    assert (plan["threads"], plan["resources"]) == (4, {"gpu": 1})
    assert "gpu=2" in driver._arguments(book, plan, 8, None)
    assert driver._plan(sweep, names, book, 8, book)["resources"] == {}


def planted(places: Places, sweep: cells.Sweep, **where: Any) -> None:
    """The ledgers of all cells, written by hand."""
    from rt_utils.pages import ledger

    for number, one in enumerate(sweep.cells):
        (places.cells / one.name).mkdir()
        own = {"chapter": "small", "profile": "paper", "n": 5, "seed": 0, "threat": Threat("linf", 8 / 255)} | where
        two = [
            Claim(claim="Table 1: LHS is at most the AS score", lhs=0.1 * number, rhs=1 / 3, vacuous=False, **own),
            Claim(claim="No <point>", lhs=float("nan"), rhs=0.0, **own | {"threat": None, "n": 0}),
        ]
        ledger.write(two, places.cells / one.name / "ledger.csv")


def test_one_row_for_each_cell_and_claim(book: Path) -> None:
    sweep = cells.plan("small", {"results": "out"}, {"eps": "1/255,2/255", "seeds": 2})
    places = Places(sweep.folder)
    places.make()
    planted(places, sweep, encoder="embedded/robust", data="")
    frame = rows.write(places, sweep.cells)
    assert list(frame.cell) == [one.name for one in sweep.cells for _ in range(2)]
    assert list(frame.cell_eps[::4]) == ["1/255", "2/255"]
    assert list(frame.cell_seed[::2]) == ["0", "1", "0", "1"]
    assert list(frame.lhs.dropna()) == [0.0, 0.1, 0.2, 0.1 * 3]  # every digit
    assert set(frame.data) == {""}
    assert frame.vacuous.isna().tolist() == [False, True] * 4
    kept = pd.read_parquet(sweep.folder / "sweep.parquet")
    pd.testing.assert_frame_equal(kept, frame, check_dtype=False)
    assert kept.lhs.dtype == kept.eps.dtype == float
    assert len(pd.read_csv(sweep.folder / "sweep.csv")) == 8
    none = rows.write(places, [])
    assert len(none) == len(pd.read_parquet(sweep.folder / "sweep.parquet")) == 0


PAPER = "robustbench/cifar100/Linf/Addepalli2022Efficient_WRN_34_10"


def test_published_values_stand_beside_their_own_alone() -> None:
    row = {"claim": "Table 1: LHS is at most the AS score", "norm": "linf", "eps": 8 / 255}
    rows = [
        row | {"encoder": encoder, "data": data}
        for encoder in (PAPER, "embedded/robust")
        for data in ("intel:x", "digits")
    ]
    found = published_beside.sides(pd.DataFrame(rows))
    assert found[["encoder", "data", "lhs", "rhs"]].to_numpy().tolist() == [[PAPER, "intel:x", 0.08, 1.05]]
    assert len(published_beside.sides(pd.DataFrame(rows).assign(norm="l2"))) == 0
    assert list(published_beside.tables("section_5_1_cross_entropy")) == ["Table 1", "Table 2"]
    for chapter in published_beside.TABLES:
        for table in published_beside.tables(chapter).values():
            assert all(name.startswith("published ") for name in table.columns)


@pytest.mark.parametrize("encoder", [PAPER, "embedded/robust"])
def test_the_page_of_a_sweep_asks_for_no_other(encoder: str, book: Path) -> None:
    sweep = cells.plan("small", {"results": "out"}, {"seeds": 3})
    sweep = cells.Sweep("section_5_1_cross_entropy", sweep.cells, sweep.folder)
    places = Places(sweep.folder)
    places.make()
    planted(places, sweep, encoder=encoder, data="cifar10")
    frame = rows.write(places, sweep.cells)
    report.write(places, sweep, frame, sweep.cells[:2])
    page = (sweep.folder / "sweep.html").read_text("utf-8")
    assert "<td>No <point>" not in page
    assert "<td>No &lt;point&gt;</td>" in page
    assert page.count("<figure") == 1  # the claim that no point could decide has none
    assert f"Not there: {sweep.cells[2].name}" in page
    assert "Table 2 of Nern et al." in page
    assert "15.7" in page  # the printed table
    assert (">published</text>" in page) == ('<th class="num published">lhs</th>' in page) == (encoder == PAPER)
    assert not any(text in page for text in ("src=", "url(http", "<link"))


def test_a_sweep_without_claims_has_a_page_too(book: Path) -> None:
    sweep = cells.plan("small", {"results": "out"}, {"seeds": 1})
    places = Places(sweep.folder)
    places.make()
    report.write(places, sweep, rows.write(places, []), [])
    assert "No claim was entered" in (sweep.folder / "sweep.html").read_text("utf-8")
