"""Names of folders, files and classes come from outside: in files, titles and texts they are read as they stand.

And a run's folder holds that run alone, with the names of the classes that its labels count.
"""

import csv
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

import jupytext
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from handmade import measurement
from matplotlib.figure import Figure
from torch import nn

from rt_utils.images import listing
from rt_utils.models import checkpoint_keys
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import audit_subject, csv_text, execution, figures
from rt_utils.pages.files import save
from rt_utils.pages.ledger import Claim
from rt_utils.pages.page import Page
from rt_utils.pages.parameters import Parameters, check
from rt_utils.pages.tables import show_table
from rt_utils.pages.wording import literal
from rt_utils.runtime.errors import InputError

X = torch.zeros(1)
P = check({"eps": "1/255"})
FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", "\t=1", " =1", '"=1', "'=1"]
HARMLESS = ["cat", "-0.3", "+2e-5", "-0.3 to 0.2", "-inf", "-1.3 ± 7.6", "+", "a=1", "3 - 2", "", "\N{EN DASH}", "12%"]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_text_that_a_spreadsheet_would_run_is_marked() -> None:
    assert [csv_text.cell(text) for text in FORMULAS] == [f"'{text}" for text in FORMULAS]
    assert [csv_text.cell(text) for text in HARMLESS] == HARMLESS
    assert [csv_text.cell(value) for value in (-1, 2.5, None, True)] == [-1, 2.5, None, True]


def test_numbers_in_a_file_are_what_they_were(tmp_path: Path) -> None:
    files = pd.Series([*FORMULAS[:3], os.fsdecode(b"caf\xe9.png")], dtype=object)
    frame = pd.DataFrame({"file": files, "x": [1 / 3, -2.0, np.nan, np.inf]})
    frame = frame.assign(n=[1, 2, 3, 4], some=pd.Series([-1, 2.5, None, "b"], dtype=object), right=True)
    csv_text.write(frame, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_bytes().decode("utf-8").split("\n")
    assert lines == [
        "file,x,n,some,right",
        "'=1+1,0.333333333,1,-1,True",
        "'+cmd|' /C calc'!A0,-2,2,2.5,True",
        "'-2+3+cmd,,3,,True",
        r"caf\udce9.png,inf,4,b,True",
        "",
    ]


def test_the_ledger_and_a_table_of_a_page_mark_them_too(tmp_path: Path) -> None:
    claim = Claim("chapter", "=claim", "embedded", n=1, seed=0, lhs=-1.0, rhs=2.0, data="@data")
    save(tmp_path, P, [], [], [claim], 0.0)
    with (tmp_path / "ledger.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["claim"], row["data"], row["lhs"]) == ("'=claim", "'@data", "-1.0")
    shown = show_table(pd.DataFrame({"class": ["=1", "</script><!--<script>"]}), {}, caption="").source
    assert "\n'=1\n" in shown
    assert shown.count("<script") == shown.count("</script") == 1  # the table's own


def audited(folder: Path, **given: Any) -> None:
    save(folder, P, [], [measurement("embedded/random")], [], 0.0, **given)


def test_a_run_takes_the_place_of_the_run_before(tmp_path: Path) -> None:
    """An audit with labels, one without, in one folder; what else lies there stays."""
    audited(tmp_path, beside={"audit.json": {"labelled": True}, "worst.csv": pd.DataFrame({"x": [1]})})
    for other in ("mine.txt", "notes.csv", "other.json"):
        (tmp_path / other).write_text("mine")
    before = names(tmp_path)
    assert before >= {"points.csv", "points.npz", "classes.csv", "audit.json", "worst.csv"}
    save(tmp_path, P, [], [], [], 0.0, beside={"audit.json": {"labelled": False}})
    assert before - names(tmp_path) == {"points.csv", "points.npz", "classes.csv", "worst.csv"}
    assert json.loads((tmp_path / "audit.json").read_text("utf-8")) == {"labelled": False}
    listed = json.loads((tmp_path / "run.json").read_text("utf-8"))["files"].split(", ")
    assert {*listed} == names(tmp_path) - {"mine.txt", "notes.csv", "other.json"}


def test_a_run_of_an_older_version_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("mine")
    save(tmp_path, P, [], [], [], 0.0)
    assert (tmp_path / "points.csv").read_text() == "mine"  # no run's folder, so far
    facts = json.loads((tmp_path / "run.json").read_text("utf-8"))
    (tmp_path / "run.json").write_text(json.dumps({k: v for k, v in facts.items() if k != "files"}))
    save(tmp_path, P, [], [], [], 0.0)
    assert names(tmp_path) == {"ledger.csv", "parameters.json", "run.json"}


@pytest.mark.parametrize("listed", ["../mine.csv", "mine.txt", "", "/", "..", "mine.csv/.."])
def test_what_a_run_lists_lies_in_its_folder(listed: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    folder = tmp_path / "run"
    save(folder, P, [], [], [], 0.0)
    (folder / "mine.txt").write_text("mine")
    (folder / "run.json").write_text(json.dumps({"files": listed}))
    save(folder, P, [], [], [], 0.0)
    assert (tmp_path / "mine.csv").exists()
    assert (folder / "mine.txt").exists()
    for odd in ("[]", "3", "{", '{"files": 3}'):
        (folder / "run.json").write_text(odd)
        save(folder, P, [], [], [], 0.0)


def test_class_names_are_saved_beside_labels(tmp_path: Path) -> None:
    """Folders 0 to 11: the label 2 is the class "10"."""
    classes = tuple(sorted(map(str, range(12))))
    own = measurement(
        "embedded/random", data="folder:x", labels=np.full(4, 2), weight=np.eye(12)[:, :2], bias=np.zeros(12)
    )
    object.__setattr__(own, "classes", classes)
    save(tmp_path, P, [], [own], [], 0.0)
    with np.load(tmp_path / "points.npz") as arrays:
        kept, labels = (arrays[f"embedded/random|folder:x|{name}"] for name in ("classes", "labels"))
    assert [*kept[labels]] == ["10"] * 4
    frame = pd.read_csv(tmp_path / "classes.csv", dtype={"class": str})
    assert frame[frame.data == "folder:x"].set_index("label")["class"].to_dict() == dict(enumerate(classes))


ODD = ["$x_{$", "a $5 b $6", "100%$", r"$\nofunction$", "caf\u00e9 \u732b", "<b>&amp;\"'"]


def titled(title: str, label: dict[str, str]) -> Figure:
    figure, axis = plt.subplots()
    axis.plot([1, 2], [1, 2], label=label["own"])
    axis.set(title=title, xlabel=r"$f_\theta(x)$")
    axis.set_yticks([1, 2], [title, "$m(x)$"])
    axis.legend()
    return figure


@pytest.mark.parametrize("name", ODD)
def test_a_figure_is_drawn_with_any_name_and_without_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = figures.picture(titled(name, {"own": name}), "f", caption="", alt=f"of {name}")
    assert "<img" not in shown.svg


@pytest.mark.parametrize("name", ["folder:<img src=x onerror=alert(1)>", "folder:$x$ `a` [b](c)", "folder:{role}`x`"])
def test_a_text_of_a_page_shows_a_name_as_it_stands(name: str, tmp_path: Path) -> None:
    from html import unescape

    page = Page("chapter", {"profile": "embedded", "encoders": ["embedded/random"], "seed": 0})
    page._outside = literal([name])  # a folder of that name need not be there
    shown = str(page.text("t", "on {data}: {n}", data=f"the set {name}", n=1).shown)
    assert unescape(shown) == f"on the set {name}: 1"
    assert not set("<>$`[]{}") & set(shown)
    drawn = page.figure("f", titled, {"title": "t", "label": {"own": name}}, caption="{data}", alt="{data}", data=name)
    assert "<img" not in drawn.shown._repr_html_()  # type: ignore[union-attr]


def test_a_parameter_holds_no_line_break_and_no_bytes() -> None:
    assert isinstance(check({"drop": "own shift"}), Parameters)
    for value in ("own\nshift", os.fsdecode(b"caf\xe9")):
        with pytest.raises(InputError):
            check({"drop": value})


def test_a_name_is_shown_on_one_line() -> None:
    assert listing.shown("a\tb") == r"a\tb"


@pytest.mark.parametrize("key", ["<img src=x>.weight", "[x](javascript:y).$a$", "two\nlines.of"])
def test_a_key_of_a_checkpoint_is_shown_as_it_stands(key: str) -> None:
    _, notes = checkpoint_keys.fitted({f"net.{key}": X, "net.fc.weight": X, f"{key}.w": X}, ["fc.weight"])
    encoder = Encoder("e", nn.Identity(), input_size=8, width=1, weights_sha256="", notes=tuple(notes))
    shown = audit_subject.loaded(encoder)
    assert "left out 1 keys without it" in shown
    assert not set("[]$`\n") & set(shown)
    assert set(re.findall("<[^>]*>", shown)) == {"<li>", "</li>"}


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("n_test", 10.0, 10),
        ("n_test", "1e1", 10),
        ("steps", "40", 40),
        ("seed", 2e3, 2000),
        ("probe_lr", "1e-3", 0.001),
        ("weight_decay", "5.e-4", 0.0005),
        ("budget", 20, 20.0),
    ],
)
def test_numbers_as_they_are_usually_written(name: str, given: object, meant: float) -> None:
    parsed = vars(check({name: given}))[name]
    assert parsed == meant
    assert type(parsed) is type(meant)
    assert check({name: given}).key() == check({name: meant}).key()


@pytest.mark.slow
@pytest.mark.parametrize("chapter", ["audit", "section_6_1_as_score"])
def test_a_page_runs_on_a_folder_of_any_name(chapter: str, image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path holds markup, braces and half a formula, its classes a formula of a spreadsheet and bytes of latin-1."""
    monkeypatch.chdir(image_folder.parent)
    odd = image_folder.rename("{eps} $y_{ <b> `z` [*")
    (odd / "above").rename(odd / "=1+1")
    os.rename(odd / "below", os.fsencode(odd) + b"/caf\xe9")
    given: dict[str, Any] = {
        "n_test": 12,
        "n_train": 60,
        "floor_points": 2,
        "apgd_points": 2,
        "restarts": 1,
        "steps": 2,
    }
    given |= {"probe_epochs": 2, "workers": 1, "data": f"folder:{odd}", "results": "out {n_test}"}
    own = (
        {"encoder": "embedded/random"}
        if chapter == "audit"
        else {"encoders": "embedded/random", "data": f"textures, folder:{odd}"}
    )
    declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
    small = {"resamples": 100, "n_seeds": 2, "seed_points": 8, "sweep_points": 4}
    page = execution.run(chapter, {k: v for k, v in (given | small | own).items() if k in declared}, progress=False)
    assert page == Path("out {n_test}") / f"{chapter}.ipynb"
    assert "Warning" not in page.read_text("utf-8")
    cells = nbformat.read(page, as_version=4).cells
    texts = [
        output.data["text/markdown"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    assert texts
    assert not any("<b>" in text or "$y" in text for text in texts)
    classes = pd.read_csv("out {n_test}/classes.csv").set_index("data").loc[f"folder:{odd}", "class"]
    assert [*classes] == ["'=1+1", r"caf\udce9"]
