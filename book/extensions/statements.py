"""Statements bear the paper's numbers, and proofs look like proofs.

A label that ends in a kind and a number (`theorem-2`, `lemma-3`, `roli-theorem-1`) sets the number that is shown, so
that "Theorem 2" here is Theorem 2 there. All others are counted through the book, as sphinx-proof does.

sphinx-proof starts every proof with the plain text "Proof. " and gives all of them the same id. Here the word is in
italics, and a folded proof (`:class: dropdown`) gets a title to click.
"""

import re

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx_proof.nodes import proof_node  # type: ignore[import-untyped]

WORD = "Proof. "


def number_as_in_paper(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    for label, statement in getattr(env, "proof_list", {}).items():
        numbers = env.toc_fignumbers.get(statement["docname"], {}).get(statement["countertype"], {})
        named = re.search(rf"(?:^|-){statement['realtype']}-(\d+)$", label)
        if named and label in numbers:
            numbers[label] = (int(named[1]),)
    return []


def set_proofs_apart(_app: Sphinx, doctree: nodes.document) -> None:
    for proof in doctree.findall(proof_node):
        box = proof[0]
        box["ids"] = []
        text = next(iter(box.findall(nodes.Text)), None)
        if text is None or not text.startswith(WORD):
            continue
        rest = nodes.Text(text[len(WORD) :])
        if "dropdown" in box["classes"]:
            text.parent.replace(text, rest)
            box.insert(0, nodes.title("", "Proof"))
        else:
            text.parent.replace(text, [nodes.emphasis("", WORD.strip()), nodes.Text(" "), rest])


def setup(app: Sphinx) -> dict[str, bool]:
    # Sphinx itself assigns the numbers in this event, with priority 500.
    app.connect("env-get-updated", number_as_in_paper, priority=900)
    app.connect("doctree-read", set_proofs_apart)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
