"""Every exercise has a worked solution, and the code of every solution runs: each block alone, with its own asserts."""

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import ROOT
from markdown_it import MarkdownIt

CHAPTERS = [*sorted((ROOT / "notebooks").glob("*.md")), ROOT / "book" / "teaching" / "problem_set.md"]
THEORY = (
    "setting",
    "definition_1_lipschitz_losses",
    "theorem_1_loss_gap",
    "theorem_2_criterion",
    "slack",
    "converse",
    "certified",
)
RERUN = re.compile(r"[Rr]erun this page")  # an exercise whose solution is another run
SLOW = ("ex-purification-contrast", "ex-criterion-double")  # they pretrain, and attack with two radii


class Directive(NamedTuple):
    argument: str
    label: str
    text: str


def directives(text: str, name: str) -> list[Directive]:
    """The fences ```{name} argument ... of a MyST source, whatever the number of backticks."""
    found = []
    for token in MarkdownIt().parse(text):
        kind, _, argument = token.info.strip().partition(" ")
        if token.type == "fence" and kind == f"{{{name}}}":
            label = re.search(r"^:label: *(\S+)", token.content, re.MULTILINE)
            found.append(Directive(argument.strip(), label[1] if label else "", token.content))
    return found


def code_blocks(solution: str) -> list[str]:
    """The Python code in a solution: {code-block} python, or a plain fence python."""
    languages = ("{code-block} python", "{code-block} python3", "python", "python3")
    tokens = MarkdownIt().parse(solution)
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() in languages]


def with_code() -> list[Any]:
    blocks = []
    for chapter in CHAPTERS:
        for solution in directives(chapter.read_text("utf-8"), "solution"):
            for k, code in enumerate(code_blocks(solution.text)):
                marks = pytest.mark.slow if solution.argument in SLOW else ()
                blocks.append(pytest.param(code, id=f"{chapter.stem}:{solution.argument}:{k}", marks=marks))
    return blocks


@pytest.mark.parametrize("code", with_code())
def test_a_solution_runs(code: str) -> None:
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code))), "it checks nothing"
    exec(compile(code, "solution", "exec"), {"__name__": "solution"})


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_has_one_solution(chapter: Path) -> None:
    source = chapter.read_text("utf-8")
    exercises = [exercise.label for exercise in directives(source, "exercise")]
    assert len(set(exercises)) == len(exercises) == source.count("{exercise}")
    assert sorted(solution.argument for solution in directives(source, "solution")) == sorted(exercises)


@pytest.mark.parametrize("chapter", THEORY)
def test_a_theory_chapter_has_four_exercises_whose_solutions_hold_code(chapter: str) -> None:
    source = (ROOT / "notebooks" / f"{chapter}.md").read_text("utf-8")
    exercises = {exercise.label: exercise for exercise in directives(source, "exercise")}
    assert len(exercises) >= 4
    for solution in directives(source, "solution"):
        assert code_blocks(solution.text) or RERUN.search(exercises[solution.argument].text), solution.argument


def test_a_wrong_solution_is_noticed() -> None:
    source = "````{solution} ex-x\n:class: dropdown\n\ntext\n\n```{code-block} python\nassert 1 == 2\n```\n````\n"
    (solution,) = directives(source, "solution")
    (code,) = code_blocks(solution.text)
    with pytest.raises(AssertionError):
        test_a_solution_runs(code)
    with pytest.raises(AssertionError, match="it checks nothing"):
        test_a_solution_runs("print(1 == 2)")
