"""The index of exercises holds every exercise once, with the level and the time that its source says."""

import sys

import pytest
from conftest import ROOT
from sphinx.errors import ExtensionError
from test_solutions import CHAPTERS, directives

sys.path.insert(0, str(ROOT / "book" / "extensions"))
import exercise_index

FOUND = {one.label: one for one in exercise_index.exercises()}
CHECKED = "With a counterexample that a machine has checked"
ONE = "```{exercise} Scale $S_P$\n:label: ex-one\n\nAsk.\n```\n"


def test_every_exercise_is_in_the_index_once() -> None:
    written = {path.stem: directives(path.read_text("utf-8"), "exercise") for path in CHAPTERS}
    for stem, exercises in written.items():
        listed = [one.label for one in exercise_index.exercises() if one.page.endswith(f"/{stem}")]
        assert listed == [exercise.label for exercise in exercises], stem
    rows = [row for level in (1, 2, 3) for row in exercise_index.table(level, [*FOUND.values()])[2:]]
    assert len(rows) == len(FOUND) == sum(map(len, written.values())) > 90
    assert all(row.count("|") == 6 for row in rows)


def test_each_chapter_has_three_levels_and_a_hint_for_each_exercise() -> None:
    pages = {one.page for one in FOUND.values() if one.page.startswith("chapters/")}
    assert {page.removeprefix("chapters/") for page in pages} == {path.stem for path in ROOT.glob("notebooks/*.md")} - {
        "ledger",
        "status",
    }  # these two are accounts of the book itself
    for page in pages:
        assert {one.level for one in FOUND.values() if one.page == page} == {1, 2, 3}, page
    assert [one.label for one in FOUND.values() if one.page in pages and not one.hint] == []


def test_a_hint_belongs_to_the_exercise_above_it() -> None:
    two = ONE + "\n```{hint}\n:class: dropdown\n\nLook.\n```\n\n" + ONE.replace("ex-one", "ex-two")
    assert [one.hint for one in exercise_index.exercises_of(f"Two minutes:\n\n{two}", "page")] == [True, False]


@pytest.mark.parametrize(
    ("above", "level", "time"),
    [
        ("Two minutes:", 1, "two minutes"),
        ("### An hour", 2, "an hour"),
        ("*A project.*", 3, "a project"),
        ("*An hour each.*", 2, "an hour"),
        ("An hour:\n\nTwo minutes:", 1, "two minutes"),
        ("Two minutes:\n\nAn hour of work is not asked for here.", 1, "two minutes"),
        (f"{CHECKED} ({{doc}}`../book/machine_checked`):", 2, "a quarter of an hour"),
    ],
)
def test_the_level_is_the_line_above(above: str, level: int, time: str) -> None:
    (one,) = exercise_index.exercises_of(f"## Exercises\n\n{above}\n\n{ONE}", "chapters/page")
    assert one == exercise_index.Exercise("ex-one", "Scale $S_P$", "chapters/page", level, time)


def test_the_table_of_the_problem_set_goes_before_a_line() -> None:
    row = "| {ref}`1. Scale <ex-one>` | 3 | 50 | 8 | units, scale | Theorem 2 |"
    (one,) = exercise_index.exercises_of(f"{row}\n\nTwo minutes:\n\n{ONE}", "page")
    assert one == exercise_index.Exercise("ex-one", "Scale $S_P$", "page", 3, "50 minutes", "units, scale")
    assert exercise_index.table(3, [one])[2:] == ["| {ref}`ex-one` | Scale $S_P$ | 50 minutes |  | units, scale |"]


def test_an_exercise_without_a_level_is_refused() -> None:
    with pytest.raises(ExtensionError, match="chapters/page: no line above ex-one says how long it takes: Two minutes"):
        exercise_index.exercises_of(f"## Exercises\n\n{ONE}", "chapters/page")
