"""Reads the Coq sources as text: which statements there are, where in the book they stand, what is assumed.

No Coq is needed. A statement is a `Theorem` below a comment `(** [LABEL] sentence. Idea: ... *)`, where LABEL is a
label of the book or the name of a chapter. The order of the files is that of `_CoqProject`.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from proof_sections import COMMENT, bound, context, fixed, free

FOLDER = Path(__file__).resolve().parent
STATEMENT = re.compile(
    r"\(\*\* \[(?P<label>[\w-]+)\] (?P<said>(?:(?!\*\)).)*?) \*\)\n"
    r"(?P<coq>Theorem (?P<name>\w+)(?:(?!\nProof).)*?\.)\nProof",
    re.DOTALL,
)
THEOREM = re.compile(r"^ *(?:Theorem|Corollary|Proposition) (\w+)", re.MULTILINE)
DEFINITION = re.compile(
    r"(?:\(\*\* (?!\*)(?P<said>(?:(?!\*\)).)*?) \*\)\n)?"
    r"^(?P<coq>(?:Definition|Fixpoint|Inductive) (?P<name>[A-Za-z_]\w*).*?\.)$",
    re.DOTALL | re.MULTILINE,
)
IMPORTS = re.compile(r"^From Book Require Import (.*?)\.$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"\(\*\* (?P<stars>\*+) (?P<title>[^\n]*?)(?: \*\)|\n\n(?P<text>.*?) \*\))", re.DOTALL)


@dataclass(frozen=True)
class Definition:
    """A definition: the sentence above it, or above the group that it stands in, its text, and the names that are no
    reference to another definition: its arguments and its section's variables."""

    name: str
    said: str
    coq: str
    line: int
    own: frozenset[str]

    @property
    def names(self) -> set[str]:
        """Itself, and the constructors of an inductive definition."""
        made = re.findall(r"(?::=|\|)\s*(\w+)", self.coq) if self.coq.startswith("Inductive") else []
        return {self.name, *made}


@dataclass(frozen=True)
class Statement:
    """A theorem: its page (a label of the book), the sentence and the idea, what its section assumes, its text."""

    name: str
    file: str
    line: int
    label: str
    said: str
    idea: str
    context: str
    coq: str


def files() -> list[str]:
    """The names of the sources, each after those that it needs."""
    return [line for line in (FOLDER / "_CoqProject").read_text("utf-8").splitlines() if line.endswith(".v")]


def needs(file: str) -> list[str]:
    """The sources that `file` needs, itself last, in the order of _CoqProject."""
    wanted, todo = {file}, [file]
    while todo:
        for line in IMPORTS.findall((FOLDER / todo.pop()).read_text("utf-8")):
            new = {f"{name}.v" for name in line.split()} - wanted
            wanted |= new
            todo += new
    return [name for name in files() if name in wanted]


def definitions(file: str = "definitions.v") -> dict[str, Definition]:
    """The definitions of one source, by their names."""
    return definitions_of((FOLDER / file).read_text("utf-8"))


@cache
def definitions_of(text: str) -> dict[str, Definition]:
    """The definitions of the text of a source, by their names."""
    found: dict[str, Definition] = {}
    said, end = "", 0
    for match in DEFINITION.finditer(text):
        group = "\n\n" not in text[end : match.start()]
        said, end = re.sub(r"\s+", " ", match["said"] or (said if group else "")), match.end()
        own = frozenset(fixed(text[: match.start()]) | bound(match["coq"]))
        line = text[: match.start("coq")].count("\n") + 1
        found[match["name"]] = Definition(match["name"], said, match["coq"], line, own)
    return found


def headings(file: str) -> list[tuple[str, str, int]]:
    """The headings of one source: title, the text below it in the same comment, line. The first is the file's own."""
    text = (FOLDER / file).read_text("utf-8")
    return [
        (m["title"], re.sub(r"\s+", " ", m["text"] or "").strip(), text[: m.start()].count("\n") + 1)
        for m in HEADING.finditer(text)
    ]


def mentioned(text: str, own: frozenset[str], known: dict[str, Definition]) -> set[str]:
    """The definitions that a text itself names."""
    names = free(text) - own
    return {name for name, definition in known.items() if definition.names & names}


def in_reach(statement: Statement) -> dict[str, Definition]:
    """The definitions that stand before a statement: those of the sources that its own needs, and its own's."""
    *others, last = needs(statement.file)
    known = {name: definition for file in others for name, definition in definitions(file).items()}
    return known | {name: found for name, found in definitions(last).items() if found.line < statement.line}


def trusted(statement: Statement) -> dict[str, Definition]:
    """The definitions that a statement rests on, also through others, in the order of the sources."""
    known = in_reach(statement)
    of_section = "\n".join(part for part in statement.context.splitlines())
    own = frozenset(bound(of_section))
    wanted: set[str] = set()
    new = mentioned(of_section, own, known) | mentioned(statement.coq, own, known)
    while new:
        wanted |= new
        new = set().union(*(mentioned(known[name].coq, known[name].own, known) for name in new)) - wanted
    return {name: known[name] for name in known if name in wanted}


@cache
def statements_of(text: str, file: str) -> list[Statement]:
    """The labelled statements of the text of one source."""
    found, known = [], {name for needed in needs(file) for name in definitions(needed)}
    for match in STATEMENT.finditer(text):
        said, _, idea = re.sub(r"\s+", " ", match["said"]).partition(" Idea: ")
        where = text[: match.start("coq")].count("\n") + 1
        found.append(
            Statement(
                name=match["name"],
                file=file,
                line=where,
                label=match["label"],
                said=said,
                idea=idea,
                context=context(text[: match.start()], match["coq"], known),
                coq=match["coq"],
            )
        )
    return found


def statements() -> list[Statement]:
    """All statements in the order of the files. Raises ValueError for a theorem without a label."""
    found = []
    for file in files():
        text = (FOLDER / file).read_text("utf-8")
        here = statements_of(text, file)
        missing = set(THEOREM.findall(COMMENT.sub("", text))) - {statement.name for statement in here}
        if missing:
            raise ValueError(f"{file}: no label above {', '.join(sorted(missing))}")
        found += here
    return found


def axioms() -> dict[str, list[str]]:
    """Per statement the axioms of Coq's real numbers that its proof uses, as `make proofs` last found them."""
    return dict(json.loads((FOLDER / "axioms.json").read_text("utf-8")))


def limits() -> dict[str, dict[str, str]]:
    """`unchecked`: label and reason; `partly`: label and what of it is not checked, or is assumed; `pieces`: label and
    which statements together say what it says."""
    return tomllib.loads((FOLDER / "limits.toml").read_text("utf-8"))


def planted() -> list[dict[str, str]]:
    """The false variants: `name`, `file`, `old` and `new` text, `fails` (the file whose proofs break), `why`."""
    return list(tomllib.loads((FOLDER / "planted.toml").read_text("utf-8"))["variant"])
