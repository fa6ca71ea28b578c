"""The lists of the page "What a machine has checked": statements, definitions, files, and what is not checked.

`{machine-checked} statements`, and likewise `definitions`, `files`, `unchecked`, `partly`.
"""

import html
import sys
from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "proofs"))
import proof_sources
from proof_sources import Definition, Statement

FOLDER = "proofs"  # of the built book, where the sources are copied to
AXIOMS = ("sig_forall_dec", "sig_not_dec", "functional_extensionality_dep", "classic")  # 1 to 4 in the list


def link(file: str, up: str, repository: str, statement: Statement | None = None) -> str:
    """To a source, on GitHub at a statement's line; the copy in the book opens at its start: it says what to seek."""
    line = f"#L{statement.line}" if statement else ""
    where = f"{repository}/blob/main/proofs/{file}{line}" if repository else f"{up}{FOLDER}/{file}.txt"
    start = html.escape(" ".join(statement.coq.split()[:3])) if statement else ""  # no other statement's start
    seek = f" (search for <code>{start}</code>)" if statement and not repository else ""
    number = f", line {statement.line}" if statement else ""
    return f'<a href="{where}">proofs/{file}{number}</a>{seek}'


def code(text: str, label: str) -> str:
    """Scrolls sideways on a narrow screen, by the keyboard too."""
    return f'<pre tabindex="0" role="region" aria-label="{html.escape(label)}"><code>{html.escape(text)}</code></pre>'


def terms(found: dict[str, Definition]) -> str:
    """Definitions, each group below its sentence."""
    parts, before = [], ""
    for name, definition in found.items():
        said = html.escape(definition.said, quote=False)
        parts += [f"<dt>{said}</dt>"] if said and said != before else []
        parts.append(f"<dd>{code(definition.coq, name)}</dd>")
        before = said
    return f'<dl class="rt-definitions">{"".join(parts)}</dl>'


def to_trust() -> str:
    """The definitions of definitions.v and linear_algebra.v, each group below its section's heading and text."""
    parts = []
    for file in ("definitions.v", "linear_algebra.v"):
        defined, (_, *heads) = proof_sources.definitions(file), proof_sources.headings(file)
        ends = [line for _, _, line in heads[1:]] + [sys.maxsize]
        for (title, text, start), end in zip(heads, ends, strict=True):
            if here := {name: found for name, found in defined.items() if start < found.line < end}:
                parts.append(f'<p class="rubric">{html.escape(title, quote=False)}</p>')
                parts += [f"<p>{html.escape(text, quote=False)}</p>"] if text else []
                parts.append(terms(here))
    return "".join(parts)


def axioms_of(statement: Statement) -> list[str]:
    """The axioms that the proof uses, in the order of AXIOMS."""
    used = {axiom.rpartition(".")[2] for axiom in proof_sources.axioms()[statement.name]}
    return [axiom for axiom in AXIOMS if axiom in used]


def chapter_of(label: str) -> tuple[str, bool]:
    """The chapter that holds a label, and whether it has a mark there: below a statement or in a solution."""
    for path in sorted((proof_sources.FOLDER.parent / "notebooks").glob("*.md")):
        text = path.read_text("utf-8")
        if f"\n:label: {label}\n" in text:
            return path.stem, not label.startswith("ex-") or f"{{solution}} {label}\n" in text
        if f"\n$$ ({label})\n" in text:
            return path.stem, False
    return label, False


def reference(label: str, up: str) -> str:
    """A Markdown link to a label of the book: a statement, an exercise, an equation; else to a chapter of this name."""
    kind = {"ex": "ref", "eq": "eq"}.get(label.partition("-")[0], "prf:ref")
    return f"{{doc}}`{up}chapters/{label}`" if chapter_of(label)[0] == label else f"{{{kind}}}`{label}`"


def row(statement: Statement, up: str, repository: str) -> str:
    """One row of the list of statements. The name is a link to the statement in its mark, if there is one."""
    chapter, marked = chapter_of(statement.label)
    name = f"<code>{statement.name}</code>"
    if marked:
        name = f'<a href="{up}chapters/{chapter}.html#coq-{statement.name}">{name}</a>'
    numbers = ", ".join(str(AXIOMS.index(axiom) + 1) for axiom in axioms_of(statement))
    said = statement.said.replace("|", "&#124;")
    where = link(statement.file, up, repository, statement).partition(" (")[0].replace(">proofs/", ">")
    return f"| {reference(statement.label, up)} | {name} | {said} | {where} | {numbers} |"


def table_of(what: str, up: str, repository: str) -> list[str]:
    """The lines of a Markdown table or list."""
    found = proof_sources.statements()
    if what == "statements":
        rows = ["| on the page | in Coq | what it says | proof | axioms |", "|---|---|---|---|---|"]
        return rows + [row(statement, up, repository) for statement in found]
    if what == "files":
        rows = ["| file | what it holds | statements |", "|---|---|---|"]
        for file in proof_sources.files():
            count = sum(statement.file == file for statement in found)
            rows.append(f"| {link(file, up, repository)} | {proof_sources.headings(file)[0][0]} | {count} |")
        return rows
    return [f"- {reference(label, up)}: {why}" for label, why in proof_sources.limits()[what].items()]


class MachineChecked(SphinxDirective):
    """One of the lists."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        if self.arguments[0] == "definitions":
            return [nodes.raw("", to_trust(), format="html")]
        up = "../" * self.env.docname.count("/")
        repository = self.config.html_theme_options.get("repository_url", "")
        return list(self.parse_text_to_nodes("\n".join(table_of(self.arguments[0], up, repository))))
