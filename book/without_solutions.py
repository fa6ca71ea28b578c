"""What the student edition leaves out, taken out of the sources: of a page, a notebook, the proofs, the contents.

Left out are the directives `{solution}` and `{only} not student`, the lecturer's pages, and what a machine has checked
of an exercise. Where a solution could not be seen whole, ValueError says so: nothing is published then.
"""

import copy
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "proofs"))
from proof_sources import STATEMENT

TEACHING = "book/teaching/"
GIVEN = ("problem_set", "exercises", "classroom_sheet", "errata")  # of this folder; its other pages are the lecturer's
LEFT_OUT = re.compile(r"\{solution\}|\{only\} +not +student$")
UNSEEN = re.compile(r"\{(?:solution|only\} +not +student)")  # {solution-start}, too
PROVED = re.compile(STATEMENT.pattern + r".*?\b(?:Qed|Defined)\.\n", re.DOTALL)
CARD = re.compile(r"^:::\{grid-item-card\}[^\n]*\n:link: (\S+)\n.*?^:::\n", re.MULTILINE | re.DOTALL)
MARKDOWN = MarkdownIt().use(colon_fence_plugin)


def fences(text: str) -> list[Token]:
    """The fenced directives of a MyST text that are left out, in order."""
    tokens = (token for token in MARKDOWN.parse(text) if token.type in ("fence", "colon_fence"))
    return [token for token in tokens if LEFT_OUT.match(token.info.strip())]


def page(text: str) -> str:
    """A MyST text without what is left out, and without cards that lead to the lecturer's pages.

    Raises ValueError where something of what is left out is inside another directive.
    """
    lines = text.splitlines(keepends=True)
    for token in reversed(fences(text)):
        start, end = token.map or (0, 0)
        del lines[start:end]
    kept = "".join(lines)
    if unseen := UNSEEN.search(kept):
        line = kept[: unseen.start()].count("\n")
        raise ValueError(f"a solution that is no directive of its own, fenced from start to end: {lines[line].strip()}")
    return CARD.sub(lambda card: "" if lecturers(f"book/{card[1]}") else card[0], kept)


def notebook(whole: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook without what is left out. Raises ValueError as `page`, and where code follows a solution at once."""
    shorter = copy.deepcopy(whole)
    for cell, after in zip(shorter.cells, [*shorter.cells[1:], None], strict=True):
        if cell.cell_type != "markdown":
            continue
        found = fences(cell.source)
        if found and after is not None and after.cell_type == "code":
            _, end = found[-1].map or (0, 0)
            if not "".join(cell.source.splitlines()[end:]).strip():
                raise ValueError(f"a code cell follows a solution: put its code into the solution: {after.source[:60]}")
        cell.source = page(cell.source)
    shorter.cells = [cell for cell in shorter.cells if cell.source.strip()]
    return shorter


def quoted(text: str) -> set[str]:
    """The names in backticks within what is left out of a text: statements of the proofs, among others."""
    return {name for token in fences(text) for name in re.findall(r"`(\w+)`", token.content)}


def proofs(text: str, names: set[str]) -> tuple[str, set[str]]:
    """A Coq source without the statements of exercises and those named, and the labels of these; lines keep their
    numbers."""
    labels: set[str] = set()

    def without(match: re.Match[str]) -> str:
        if not match["label"].startswith("ex-") and match["name"] not in names:
            return match[0]
        labels.add(match["label"])
        return "\n" * match[0].count("\n")

    return PROVED.sub(without, text), labels


def limits(text: str, labels: set[str]) -> str:
    """proofs/limits.toml without what it says of pieces of which some were left out."""
    head, pieces, rest = text.partition("[pieces]\n")
    kept = [line for line in rest.splitlines(keepends=True) if line.partition(" = ")[0] not in labels]
    return head + pieces + "".join(kept)


def lecturers(file: str) -> bool:
    """Whether a page, named as in _toc.yml, is left out."""
    return file.startswith(TEACHING) and file.removeprefix(TEACHING) not in GIVEN


def contents(toc: dict[str, Any]) -> dict[str, Any]:
    """The table of contents without the lecturer's pages."""
    parts = [
        {**part, "chapters": [entry for entry in part["chapters"] if not lecturers(entry["file"])]}
        for part in toc["parts"]
    ]
    return {**toc, "parts": [part for part in parts if part["chapters"]]}
