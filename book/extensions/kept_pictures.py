"""Puts the attacked images of a kept run below the page's own strip; the switch at the page's top shows them.

`rt_utils.pages.kept_pictures` says which images may be kept, and makes them.
"""

import html
import json
from pathlib import Path

import nbformat
from docutils import nodes  # type: ignore[import-untyped]
from reference_runs import name_of
from sphinx.application import Sphinx

from rt_utils.pages import kept_pictures, records


def add_pictures(app: Sphinx, doctree: nodes.document) -> None:
    path = kept_pictures.place(Path(app.srcdir) / "book" / "reference")
    folder, _, chapter = app.env.docname.partition("/")
    if folder != "chapters" or not path.is_file():
        return
    kept = json.loads(path.read_text("utf-8"))
    if kept["chapter"] != chapter:
        return
    notebook = nbformat.read(Path(app.srcdir) / f"{app.env.docname}.ipynb", as_version=4)
    app.env.note_dependency(str(path))
    run = html.escape(name_of(kept, records.profile_of(notebook)))
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code":
            continue
        for own in records.own_elements(notebook.cells[cell["cell_index"]]):
            if own.get("key") == kept_pictures.KEY:
                strip = kept_pictures.drawn(kept, own)
                cell += nodes.raw("", f'<div data-of-run="{run}">{strip}</div>', format="html")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", add_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
