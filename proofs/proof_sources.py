"""Reads the Coq sources as text: which statements there are, where in the book they stand, what is assumed.

No Coq is needed. A statement is a `Theorem` below a comment `(** [LABEL] sentence. Idea: ... *)`, where LABEL is a
label of the book or the name of a chapter. The order of the files is that of `_CoqProject`.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
STATEMENT = re.compile(
    r"\(\*\* \[(?P<label>[\w-]+)\] (?P<said>(?:(?!\*\)).)*?) \*\)\n"
    r"(?P<coq>Theorem (?P<name>\w+)(?:(?!\nProof).)*?\.)\nProof",
    re.DOTALL,
)
THEOREM = re.compile(r"^ *(?:Theorem|Corollary|Proposition) (\w+)", re.MULTILINE)
OPENS, CLOSES = re.compile(r"^Section (\w+)\.", re.MULTILINE), re.compile(r"^End (\w+)\.", re.MULTILINE)
CONTEXT = re.compile(r"^(?:Variables?|Hypothes[ie]s|Let|Notation)\b.*?\.$", re.DOTALL | re.MULTILINE)
DEFINITION = re.compile(
    r"(?:\(\*\* (?!\*)(?P<said>(?:(?!\*\)).)*?) \*\)\n)?"
    r"^(?P<coq>(?:Definition|Fixpoint|Inductive) (?P<name>[A-Za-z_]\w*).*?\.)$",
    re.DOTALL | re.MULTILINE,
)
NAME = re.compile(r"[A-Za-z_]\w*")
COMMENT = re.compile(r"\(\*.*?\*\)", re.DOTALL)


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


def definitions(file: str = "definitions.v") -> dict[str, tuple[str, str]]:
    """Per name the sentence above it, or above the group that it stands in, and its text."""
    found: dict[str, tuple[str, str]] = {}
    said, end, text = "", 0, (FOLDER / file).read_text("utf-8")
    for match in DEFINITION.finditer(text):
        group = "\n\n" not in text[end : match.start()]
        said, end = re.sub(r"\s+", " ", match["said"] or (said if group else "")), match.end()
        found[match["name"]] = (said, match["coq"])
    return found


def trusted(statement: Statement) -> dict[str, tuple[str, str]]:
    """The definitions that a statement rests on, also through others: those to trust, and its own file's."""
    own = definitions(statement.file)
    bound = set(NAME.findall(" ".join(re.findall(r"\(([^:()]*):", statement.context + statement.coq))))
    known = definitions() | {name: own[name] for name in own if name not in bound}
    wanted: set[str] = set()
    todo = [f"{statement.context}\n{statement.coq}"]
    while todo:
        new = set(NAME.findall(todo.pop())) & set(known) - wanted
        wanted |= new
        todo += [known[name][1] for name in new]
    return {name: known[name] for name in known if name in wanted}


def context(before: str, statement: str) -> str:
    """What `statement` takes from the sections that are open at the end of `before`: variables, hypotheses, and the
    notations that it uses, but for those that only leave out what stays the same in the section."""
    marks = [(m.start(), m[1], True) for m in OPENS.finditer(before)]
    marks += [(m.start(), m[1], False) for m in CLOSES.finditer(before)]
    open_: list[tuple[int, str]] = []
    parts: list[tuple[int, int]] = []  # pieces of text that count: those directly in a section that is still open
    for start, name, opens in sorted(marks):
        if opens:
            open_.append((start, name))
        else:
            while open_ and open_[-1][1] != name:
                open_.pop()
            closed = open_.pop()[0]
            parts = [part for part in parts if part[0] < closed]
            parts.append((closed, start))  # what is closed does not count
    if not open_:
        return ""
    kept, at = [], open_[0][0]
    for start, end in sorted(parts):
        if start >= at:
            kept.append(before[at:start])
            at = end
    kept.append(before[at:])
    found = CONTEXT.findall(COMMENT.sub("", "\n".join(kept)))
    used, known = set(NAME.findall(statement)), definitions()
    kept = []
    for text in found:
        name = text.split()[1]
        if not text.startswith("Notation") or (name in used and name not in known):
            kept.append(text)
    return "\n".join(kept)


def statements_of(text: str, file: str) -> list[Statement]:
    """The labelled statements of one source."""
    found = []
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
                context=context(text[: match.start()], match["coq"]),
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
    """`unchecked`: label and reason; `partly`: label and what of it is not checked, or is assumed."""
    return tomllib.loads((FOLDER / "limits.toml").read_text("utf-8"))


def planted() -> list[dict[str, str]]:
    """The false variants: `name`, `file`, `old` and `new` text, `fails` (the file whose proofs break), `why`."""
    return list(tomllib.loads((FOLDER / "planted.toml").read_text("utf-8"))["variant"])
