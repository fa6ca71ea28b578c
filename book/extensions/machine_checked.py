"""Below each statement that a machine has checked: what exactly was checked, what it rests on, and where the proof is.

Everything is read from the Coq sources when the book is built, by proofs/proof_sources.py; Coq itself is not needed.
The mark is a <details> element, which opens without JavaScript. The directive `machine-checked` shows the lists of the
page "What a machine has checked": `statements`, `definitions`, `partly` or `unchecked`.
"""

import html
import shutil
import sys
from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_proof.nodes import NODE_TYPES  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "proofs"))
import proof_sources
from proof_sources import Statement

REALS = "the axioms of Coq's real numbers"
FOLDER = "proofs"  # of the built book, where the sources are copied to


def link(statement: Statement, up: str, repository: str) -> str:
    """To the line on GitHub, or to the copy in the book."""
    path = f"proofs/{statement.file}"
    where = f"{repository}/blob/main/{path}#L{statement.line}" if repository else f"{up}{FOLDER}/{statement.file}.txt"
    return f'<a href="{where}">{path}, line {statement.line}</a>'


def code(text: str, label: str) -> str:
    """Scrolls sideways on a narrow screen, by the keyboard too."""
    return f'<pre tabindex="0" role="region" aria-label="{html.escape(label)}"><code>{html.escape(text)}</code></pre>'


def terms(names: dict[str, tuple[str, str]]) -> str:
    """Definitions, each group below its sentence."""
    parts, before = [], ""
    for name, (said, coq) in names.items():
        parts += [f"<dt>{html.escape(said)}</dt>"] if said and said != before else []
        parts.append(f"<dd>{code(coq, name)}</dd>")
        before = said
    return f'<dl class="rt-definitions">{"".join(parts)}</dl>'


def axioms_of(statement: Statement) -> str:
    """In words: which axioms the proof uses."""
    used = [axiom.rpartition(".")[2] for axiom in proof_sources.axioms()[statement.name]]
    return f"{REALS} ({', '.join(used)})" if used else "no axiom"


def shown(statement: Statement, up: str, repository: str) -> str:
    """One statement: its sentence, its text below what its section assumes, axioms, the file."""
    text = f"{statement.context}\n\n{statement.coq}" if statement.context else statement.coq
    return (
        f"<p>{html.escape(statement.said)}</p>{code(text, f'Coq statement {statement.name}')}"
        f"<p>Rests on {html.escape(axioms_of(statement))}. Proof: {link(statement, up, repository)}."
        + (f" Idea: {html.escape(statement.idea)}" if statement.idea else "")
        + "</p>"
    )


def mark(label: str, up: str = "../", repository: str = "") -> str:
    """What stands below the statement with this label; empty where nothing of it is checked."""
    own = label.replace("-", "_")
    here = [statement for statement in proof_sources.statements() if statement.label == label]
    if not here:
        return ""
    here.sort(key=lambda statement: (statement.name != own, not statement.name.startswith(own)))
    partly = proof_sources.limits()["partly"].get(label, "")
    names: dict[str, tuple[str, str]] = {}
    for statement in here:
        names |= proof_sources.trusted(statement)
    summary = "Checked by a machine" + (", in part" if partly else "")
    return (
        f'<details class="rt-checked" id="checked-{label}"><summary>{summary}</summary>'
        + (f"<p><strong>Checked how far.</strong> {html.escape(partly)}</p>" if partly else "")
        + "".join(shown(statement, up, repository) for statement in here)
        + f"<details><summary>The {len(names)} definitions in it, which have to be trusted</summary>"
        f"{terms(names)}</details>"
        f'<p><a href="{up}book/machine_checked.html">How to read this</a></p></details>'
    )


def add_marks(app: Sphinx, doctree: nodes.document) -> None:
    up = "../" * app.env.docname.count("/")
    repository = app.config.html_theme_options.get("repository_url", "")
    for kind in NODE_TYPES.values():
        for node in doctree.findall(kind):
            if text := mark(node.get("label", ""), up, repository):
                node += nodes.raw("", text, format="html")


def reference(label: str, up: str) -> str:
    """A Markdown link to a label of the book: a statement, an exercise, an equation or a chapter."""
    kind = {"ex": "ref", "eq": "eq"}.get(label.partition("-")[0], "prf:ref")
    chapter = (proof_sources.FOLDER.parent / "notebooks" / f"{label}.md").is_file()
    return f"{{doc}}`{up}chapters/{label}`" if chapter else f"{{{kind}}}`{label}`"


class MachineChecked(SphinxDirective):
    """One of the lists of the page on what a machine has checked."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        up = "../" * self.env.docname.count("/")
        what = self.arguments[0]
        if what == "definitions":
            return [nodes.raw("", terms(proof_sources.definitions()), format="html")]
        if what == "statements":
            rows = ["| on the page | in Coq | what it says |", "|---|---|---|"]
            rows += [
                f"| {reference(statement.label, up)} | `{statement.name}` | {statement.said.replace('|', '&#124;')} |"
                for statement in proof_sources.statements()
            ]
        else:
            rows = [f"- {reference(label, up)}: {why}" for label, why in proof_sources.limits()[what].items()]
        return list(self.parse_text_to_nodes("\n".join(rows)))


def copy_sources(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir) / FOLDER
        folder.mkdir(exist_ok=True)
        for file in proof_sources.files():  # as .txt, which browsers show
            shutil.copy(proof_sources.FOLDER / file, folder / f"{file}.txt")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("machine-checked", MachineChecked)
    app.connect("doctree-read", add_marks)
    app.connect("build-finished", copy_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
