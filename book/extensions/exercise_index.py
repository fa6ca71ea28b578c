"""The index of exercises: `{exercise-index} 1` lists those of level 1 in the book's order, read from the sources.

In a chapter an exercise stands below a line that says how long it takes, such as "An hour:"; the problem set has a
table with level and minutes.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {
    "Two minutes": (1, "two minutes"),
    "An hour": (2, "an hour"),
    "A project": (3, "a project"),
    "With a counterexample that a machine has checked": (2, "a quarter of an hour"),
}
HINT = {True: "hint", False: ""}
FOUND = re.compile(
    r"^```+\{exercise\} *(?P<title>.*)\n:label: *(?P<label>\S+)"
    r"|^```+\{(?P<hint>hint)\}"
    rf"|^(?:#+ |\*)?(?P<group>{'|'.join(GROUPS)})(?: each| \(\{{doc\}}[^)]*\))?[:.]?\*?$",
    re.MULTILINE,
)
PROBLEM = re.compile(
    r"^\| \{ref\}`[^`<]*<(?P<label>[\w-]+)>` \| (?P<level>\d) \| (?P<minutes>\d+) \| \d+ \| (?P<about>[^|]*) \|",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Exercise:
    """An exercise: its label and title, the page that it stands on, its level from 1 to 3, how long it takes, and what
    it is about where the page's title does not say so, and whether a hint stands below it."""

    label: str
    title: str
    page: str
    level: int
    time: str
    about: str = ""
    hint: bool = False


def exercises_of(text: str, page: str) -> list[Exercise]:
    """The exercises of one source. Raises ExtensionError for one without a level."""
    known = {
        match["label"]: (int(match["level"]), f"{match['minutes']} minutes", match["about"])
        for match in PROBLEM.finditer(text)
    }
    found: list[Exercise] = []
    group = None
    for match in FOUND.finditer(text):
        if match["group"]:
            group = GROUPS[match["group"]]
            continue
        if match["hint"]:
            found[-1] = replace(found[-1], hint=True)
            continue
        stands = known.get(match["label"], group)
        if stands is None:
            raise ExtensionError(f"{page}: no line above {match['label']} says how long it takes: {', '.join(GROUPS)}")
        found.append(Exercise(match["label"], match["title"], page, *stands))
    return found


def exercises(root: Path = ROOT) -> list[Exercise]:
    """All exercises in the order of the table of contents."""
    found = []
    for file in re.findall(r"\bfile: (\S+)", (root / "_toc.yml").read_text("utf-8")):
        source = root / f"{file.replace('chapters/', 'notebooks/', 1).removesuffix('.ipynb')}.md"
        if source.is_file():
            found += exercises_of(source.read_text("utf-8"), file)
    return found


def table(level: int, found: list[Exercise]) -> list[str]:
    """The lines of a Markdown table."""
    rows = [
        f"| {{ref}}`{one.label}` | {one.title} | {one.time} | {HINT[one.hint]} | "
        f"{one.about or f'{{doc}}`/{one.page}`'} |"
        for one in found
        if one.level == level
    ]
    return ["| exercise | | time | | topic |", "|---|---|---|---|---|", *rows]


class ExerciseIndex(SphinxDirective):
    """The exercises of one level."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        lines = table(int(self.arguments[0]), exercises())
        return [nodes.container("", *self.parse_text_to_nodes("\n".join(lines)), classes=["rt-exercises"])]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("exercise-index", ExerciseIndex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
