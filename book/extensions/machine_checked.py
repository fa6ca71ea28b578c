"""Below each statement that a machine has checked: what exactly was checked, what it rests on, and where the proof is.

Everything is read from the Coq sources when the book is built, by proofs/proof_sources.py; Coq itself is not needed.
The mark is a <details> element, which opens without JavaScript, also for a link to a statement in it. The lists of the
page "What a machine has checked" come from machine_checked_lists.
"""

import html
import re
import shutil
from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]
from machine_checked_lists import FOLDER, MachineChecked, axioms_of, code, link, terms
from proof_sources import FOLDER as SOURCES
from proof_sources import Definition, Statement, files, limits, statements, trusted
from sphinx.application import Sphinx
from sphinx_exercise.nodes import solution_node  # type: ignore[import-untyped]
from sphinx_proof.nodes import NODE_TYPES  # type: ignore[import-untyped]

PAGE = "book/machine_checked.html"
APART = 'target="_blank" rel="noopener"'  # a new tab: the panel stays open beside it

# What the names stand for that most sections fix: said first, where a statement of the panel uses them.
NAMES = (
    (
        re.compile(r"reach : X -> X -> Prop"),
        "Here f is the representation f_theta, not the predictor. X is the set of images: any set. reach x x' says "
        "that x' = x + delta with delta in Delta(x): any relation. What more is assumed of them, a hypothesis says.",
    ),
    (
        re.compile(r"\bW\b|\bW_?[\db]"),
        "There are c classes and r features. The head W has the rows W_j, and b is its bias. Classes are numbered from "
        "0: the page's class 1 is 0 here.",
    ),
    (
        re.compile(r"\bsum K p = 1\b"),
        "The distribution gives the possible point k, k = 0, ..., K-1, the probability p k. A sample is a list l of n "
        "numbers k; in Pr they are drawn independently. K and n are unrelated.",
    ),
    (
        re.compile(r"\bE K p A\b"),
        "Point k is (x k, y k): the page's x_i is x of the i-th number in l. S k and A k are S(x) and l_adv(x, y) at "
        "the possible point k, so the hypotheses speak of all possible points, not of the sample alone.",
    ),
)


def names(here: list[Statement]) -> str:
    """What the names in the statements of one panel stand for."""
    text = "\n".join(f"{statement.context}\n{statement.coq}" for statement in here)
    said = [sentence for name, sentence in NAMES if name.search(text)]
    return f"<p>{html.escape(' '.join(said), quote=False)}</p>" if said else ""


def shown(statement: Statement, up: str, repository: str) -> str:
    """One statement: its sentence, its text below what its section assumes, axioms, the file."""
    text = f"{statement.context}\n\n{statement.coq}" if statement.context else statement.coq
    axioms = ", ".join(axioms_of(statement))
    rests = f'the <a href="{up}{PAGE}#the-four-axioms" {APART}>axioms</a> {axioms}' if axioms else "no axiom"
    return (
        f'<p id="coq-{statement.name}">{html.escape(statement.said, quote=False)}</p>'
        f"{code(text, f'Coq statement {statement.name}')}"
        f"<p>Rests on {rests}. "
        f"Proof: {link(statement.file, up, repository, statement)}."
        + (f" Idea: {html.escape(statement.idea, quote=False)}" if statement.idea else "")
        + "</p>"
    )


def listed(summary: str, found: dict[str, Definition]) -> str:
    """Definitions below a line that opens them; nothing where there are none."""
    return f"<details><summary>{summary}</summary>{terms(found)}</details>" if found else ""


def mark(label: str, up: str = "../", repository: str = "") -> str:
    """What stands below the statement with this label; empty where nothing of it is checked."""
    own = label.replace("-", "_")
    here = [statement for statement in statements() if statement.label == label]
    if not here:
        return ""
    here.sort(key=lambda statement: (statement.name != own, not statement.name.startswith(own)))
    partly, pieces = (limits()[table].get(label, "") for table in ("partly", "pieces"))
    first, *others = here
    its = trusted(first)
    theirs = {name: found for other in others for name, found in trusted(other).items() if name not in its}
    return (
        f'<details class="rt-checked" id="checked-{label}">'
        f"<summary>Checked by a machine{', in part' if partly else ''}</summary>"
        + (f"<p><strong>How far.</strong> {html.escape(partly, quote=False)}</p>" if partly else "")
        + (f"<p><strong>In {len(here)} statements.</strong> {html.escape(pieces, quote=False)}</p>" if pieces else "")
        + names(here)
        + shown(first, up, repository)
        + f'<p><a href="{up}{PAGE}#how-to-read-a-statement" {APART}>How to read this, with Theorem 2 read word by word'
        + "</a> (opens in a new tab)</p>"
        + listed(f"The {len(its)} definitions that this statement rests on, one of the five things to trust", its)
        + "".join(shown(other, up, repository) for other in others)
        + listed(f"{len(theirs)} more, of the statements after the first", theirs)
        + "</details>"
    )


def add_marks(app: Sphinx, doctree: nodes.document) -> None:
    up = "../" * app.env.docname.count("/")
    repository = app.config.html_theme_options.get("repository_url", "")
    # Below a statement, and in the solution of an exercise, which must not give the answer away.
    for kind, name in [(kind, "label") for kind in NODE_TYPES.values()] + [(solution_node, "target_label")]:
        for node in doctree.findall(kind):
            if text := mark(node.get(name, ""), up, repository):
                node += nodes.raw("", text, format="html")


def copy_sources(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir) / FOLDER
        folder.mkdir(exist_ok=True)
        for file in files():  # as .txt, which browsers show
            shutil.copy(SOURCES / file, folder / f"{file}.txt")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("machine-checked", MachineChecked)
    app.connect("doctree-read", add_marks)
    app.connect("build-finished", copy_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
