"""A page's top and the kept runs in it, on small pages: what is read, folded, moved and shown."""

import copy
import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from conftest import ROOT
from docutils import nodes  # type: ignore[import-untyped]
from sphinx_exercise.nodes import solution_node  # type: ignore[import-untyped]

sys.path.insert(0, str(ROOT / "book" / "extensions"))
import page_top
import reference_runs
import rerun_commands
import runs_in_words

from rt_utils.pages import elements, records


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"profile": "embedded", "norm": "linf", "eps": "8/255", "n_test": 500}, "embedded, l_inf 8/255, up to 500 "),
        ({"profile": "natural", "norm": "l2", "eps": 0.5}, "natural, l_2 0.5"),
        ({"profile": "embedded", "eps": "16/255"}, "embedded, eps 16/255"),
        ({"profile": "embedded", "seed": 0}, "embedded"),
        (
            {"profile": "natural", "n_test": 1000, "n_train": 60000, "probe_epochs": 20, "probe_lr": 0.01},
            "natural, up to 1000 images a data set; probe: up to 60000 training images, 20 epochs at rate 0.01",
        ),
    ],
)
def test_a_run_in_words(parameters: dict[str, Any], words: str) -> None:
    assert runs_in_words.in_words(parameters).startswith(words)


def test_two_runs_with_one_probe_name_it_once_and_with_two_both() -> None:
    run = {"profile": "natural", "n_train": 9, "probe_epochs": 2, "probe_lr": 0.1}
    assert runs_in_words.in_words(run, run | {"eps": 0.1}).count("probe: ") == 1
    assert runs_in_words.in_words(run, run | {"probe_epochs": 3}).count("probe: ") == 2


def test_reading_time_counts_prose_alone() -> None:
    prose = nodes.section("", nodes.paragraph("", "word " * 1500))
    unread = [
        nodes.literal_block("", "code " * 9000),
        nodes.raw("", "html " * 9000),
        solution_node("", prose.deepcopy()),
    ]
    assert page_top.minutes(prose) == page_top.minutes(nodes.section("", prose.deepcopy(), *unread)) == 10
    assert page_top.minutes(nodes.section("", prose, *(nodes.math_block("", "x y z") for _ in range(200)))) == 25


def cell(source: str, *tags: str, hide: bool = False, shown: str = "") -> nodes.container:
    found = nodes.container(nb_element="cell_code", cell_index=0, classes=[f"tag_{tag}" for tag in tags])
    found["hide_mode"] = "input" if hide else None
    found += nodes.container("", nodes.literal_block("", source), nb_element="cell_code_source")
    if shown:
        found += nodes.container("", nodes.raw("", shown, format="html"), nb_element="cell_code_output")
    return found


def test_parameters_are_taken_out_plumbing_is_folded_and_code_that_teaches_stays() -> None:
    plumbing, teaches = cell("page.table()", hide=True), cell("assert x == 1")
    page = nodes.section("", cell("eps = 1", "parameters"), cell("eps = 2", "injected-parameters"), plumbing, teaches)
    document = nodes.Element("", page)
    taken = page_top.fold(document)
    assert [part.astext() for part in taken] == ["eps = 1", "eps = 2"]
    assert page.children == [plumbing, teaches]
    assert (plumbing[0]["classes"], plumbing["hide_mode"]) == (["rt-code"], None)  # so the page has no row for it
    assert teaches[0]["classes"] == ["rt-check"]  # in sight, under a line that says what it is


def test_the_switch_names_every_run_once_and_escapes() -> None:
    bar = page_top.switch("embedded", ["natural", "a<b"])
    assert bar.count('type="radio"') == 3
    assert bar.count(" checked") == 1
    assert "a&lt;b" in bar
    assert "a<b" not in bar
    assert "radio" not in page_top.switch("embedded", [])
    assert reference_runs.name_of({"profile": "natural"}, "embedded") == "natural"
    assert reference_runs.name_of({"profile": "natural"}, "natural") == "natural-kept"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    """A page's own element, and a record of a run that found another number."""
    monkeypatch.setattr(reference_runs, "computation", lambda _: "now")
    own = dict(elements.text("reading", "Found {n} points.", {"n": 3}).data)
    other = elements.computed(elements.text("reading", "An old sentence: {n}.", {"n": 7}).data)
    run = {"parameters": {}, "code": "now", "run": {"finished (UTC)": "2026-01-02 03:04", "hardware": "CPU"}}
    return own, {"profile": "natural", "chapter": "slack", "runs": [run | {"elements": {"reading": other}}]}


def test_a_sentence_moves_with_the_run(kept: tuple[dict[str, Any], dict[str, Any]]) -> None:
    own, record = kept
    shown = reference_runs._shown([own], record, "slack")
    assert "Found 7 points." in shown  # the record's number in today's sentence
    assert 'data-unseen=""' in shown
    assert "changed since" not in shown
    record["runs"][0]["code"] = "before"
    assert "changed since" in reference_runs._shown([own], record, "slack")
    several = copy.deepcopy(record)
    several["runs"][0]["parameters"] = {"steps": 2}
    several["runs"].append(copy.deepcopy(record["runs"][0]) | {"parameters": {"steps": 1}})
    shown = reference_runs._shown([own], several, "slack")
    assert '<p class="rt-reference-label">Reference run: profile natural; steps 2<span data-unseen="">' in shown
    assert '<p class="rt-reference-label" data-unseen' not in shown  # which of them must be said


def test_several_runs_of_a_record_have_one_line_at_the_top(
    kept: tuple[dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kept[1]["runs"][0] | {"commit": "0", "claims": [], "code": "before"}
    runs = [run | {"parameters": {"norm": "linf", "eps": eps, "n_test": 9}} for eps in (8 / 255, 0.1)]
    monkeypatch.setattr(page_top, "provenance", lambda _title, facts: f"<dl>{facts['commit']}</dl>")
    opened, *inside, _ = page_top.kept_line({"chapter": "slack", "profile": "natural", "runs": runs}, "natural", {})
    assert opened.astext().startswith('<details class="rt-provenance" data-of-run="natural"><summary>')
    assert (
        "The 2 reference runs: natural, l_inf 8/255 and l_inf 0.1, up to 9 images a data set, kept on 2026-01-02; "
        "the code that computes this has changed since<"
    ) in opened.astext()
    shown = "".join(part.astext() for part in inside)
    assert [shown.count(word) for word in ("<strong>eps 8/255<", "<strong>eps 0.1<", "<dl>")] == [1, 1, 2]
    assert sum(isinstance(part, nodes.literal_block) for part in inside) == 2
    assert "differs from the paper in" not in shown  # this page is about no experiment of the paper's
    runs[0]["code"] = "now"
    assert reference_runs.ages(runs, "slack") == "; the code that computes 1 of them has changed since"


def test_a_kept_run_of_the_papers_experiment_says_in_what_it_differs(
    kept: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    own = {"norm": "linf", "eps": 8 / 255, "n_train": 60000, "probe_epochs": 60, "probe_lr": 0.01}
    run = kept[1]["runs"][0] | {"commit": "0", "claims": [], "parameters": own}
    record = {"chapter": "section_5_2_criterion", "profile": "natural", "runs": [run]}
    shown = "".join(part.astext() for part in page_top.kept_line(record, "natural", {}))
    assert "<dt>differs from the paper in</dt><dd>probe trained for 60 epochs (there 20)</dd>" in shown
    in_sight = shown.rpartition("</details>")[2]
    assert in_sight == (
        '<p class="rt-differs" data-of-run="natural">This kept run (profile natural) differs from the paper in: probe '
        "trained for 60 epochs (there 20).</p>"
    )
    record["runs"].append({**run, "parameters": {**own, "n_train": 100}})
    several = "".join(part.astext() for part in page_top.kept_line(record, "natural", {})).rpartition("</details>")[2]
    assert several.endswith("(profile natural) differ from the paper in: probe trained for 60 epochs (there 20).</p>")


def test_an_older_record_takes_what_it_lacks_from_the_page_and_a_newer_one_does_not() -> None:
    own = elements.table(
        "claims", pd.DataFrame({"n": [1]}), "d", caption="{how}", values={"how": "now"}, older={"how": "old"}
    )
    kept = elements.computed(own.data)
    assert "older" not in kept
    assert "now" in elements.redrawn(kept, own.data).shown._repr_html_()  # type: ignore[union-attr]
    assert "old" in elements.redrawn({**kept, "values": {}}, own.data).shown._repr_html_()  # type: ignore[union-attr]
    text = elements.text("reading", "Said {how}.", {"how": "now"}, older={"how": "old"})
    assert elements.redrawn({**text.data, "values": {}}, text.data).shown == "Said old."


def test_verdicts_of_a_record_without_intervals_are_said_to_be_by_the_point_values() -> None:
    old = [{"verdict": "holds"}, {"verdict": "violated"}]
    assert page_top._counted(old) == "2: 1 holds, 1 violated, by the point values, without intervals"
    assert page_top._counted([one | {"low": "", "high": ""} for one in old]) == "2: 1 holds, 1 violated"
    assert page_top._counted([]) == "0: "


def test_what_is_equal_published_or_absent(kept: tuple[dict[str, Any], dict[str, Any]]) -> None:
    own, record = kept
    same = {**record, "runs": [record["runs"][0] | {"elements": {"reading": elements.computed(own)}}]}
    assert reference_runs._shown([own], same, "slack") == ""
    assert reference_runs._shown([{**own, "key": "published-table"}], record, "slack") == ""
    assert "does not hold what stands here" in reference_runs._shown([{**own, "key": "new"}], record, "slack")


def test_own_and_kept_results_of_a_cell_stand_apart(
    kept: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, record = kept
    monkeypatch.setattr(records, "own_elements", lambda _: [own])
    code = cell("page.text()", shown="<p>Found 3 points.</p>")
    document = nodes.Element("", code)
    (tmp_path / "slack.json").write_text(json.dumps(record | {"chapter": "slack"}), "utf-8")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), tmp_path / "slack.ipynb")
    shown = reference_runs.parts(tmp_path / "slack.ipynb", tmp_path / "slack.json")
    reference_runs._add(document, "natural", shown)
    output = code[1]
    assert [part["classes"] for part in output if isinstance(part, nodes.container)] == [["rt-own"]]
    assert output[0].astext() == "<p>Found 3 points.</p>"
    assert output[1].astext().startswith('<div class="rt-reference" data-run="natural">')


def test_the_command_makes_this_run_and_no_other() -> None:
    """A parameter is named where the run differs from its profile, or from the chapter where the profile is silent."""
    run = {"profile": "public", "eps": 0.1, "norm": "linf", "encoders": ["a", "b"], "steps": 20, "seed": 0}
    profile, defaults = {"eps": "8/255", "slack.steps": 20, "steps": 60}, {"seed": 0, "encoders": ["a"]}
    given = rerun_commands.beyond_profile("slack", run, profile, defaults)
    assert given == ["-p", "eps", "0.1", "-p", "encoders", "a,b"]
    assert rerun_commands.commands("slack", run, *given) == f".venv/bin/rt run slack {' '.join(given)}"
    same = run | {"eps": "8/255", "encoders": ["a"]}
    assert rerun_commands.beyond_profile("slack", same, profile, defaults) == []
