"""Shows what a chapter computed in a reference run beside what it computed in this build, as tabs.

Below each cell's own outputs stand those of the same cell of the reference run, drawn again from the record by the
chapters' own code, under the record's name. The script records.js turns the two into tabs; without it one follows the
other. What is the same in both, such as a published table, is not repeated.
"""

import html
import json
import re
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.application import Sphinx

from rt_utils.pages import records
from rt_utils.pages.figures import Picture
from rt_utils.pages.files import provenance
from rt_utils.pages.tables import table_from


def _math(content: str, options: dict[str, Any]) -> str:
    left, right = (r"\[", r"\]") if options.get("display_mode") else (r"\(", r"\)")
    return f"{left}{html.escape(content)}{right}"


MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=_math)


def _drawn(shown: dict[str, Any], profile: str) -> str:
    if shown["kind"] == "table":
        return table_from(shown).source.replace(
            '<script type="text/csv">', f'<script type="text/csv" data-run="{profile}">'
        )
    if shown["kind"] == "figure":
        svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{profile}-", records.unpacked(shown["svg"]))
        return Picture(f"{profile}-{shown['name']}", svg, shown["caption"], shown["alt"], [])._repr_html_()
    return str(MARKDOWN.render(shown["markdown"]))


def _same(shown: dict[str, Any], own: list[dict[str, Any]]) -> bool:
    keys = ("kind", "rows", "axes", "markdown")
    return any(all(shown.get(key) == other.get(key) for key in keys) for other in own)


def _facts(record: dict[str, Any]) -> str:
    """What made the reference run, as a page says it of its own."""
    verdicts = [claim["verdict"] for claim in record["claims"]]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
    facts = record["run"] | {"commit": record["commit"], "claims": f"{len(verdicts)}: {counts}"}
    return provenance(f"What made the reference run, profile {record['profile']}", facts)


def _add(doctree: nodes.document, record: dict[str, Any], notebook: nbformat.NotebookNode) -> None:
    cells = records.cells(notebook)
    place = {id(cell): index for index, cell in enumerate(cells)}
    kept = {cell["cell"]: cell for cell in record["cells"]}
    profile, run = record["profile"], record["run"]
    own_profile = records.profile_of(notebook)
    for container in list(doctree.findall(nodes.container)):
        if container.get("nb_element") != "cell_code":
            continue
        cell = notebook.cells[container["cell_index"]]
        output = next(
            (n for n in container.findall(nodes.container) if n.get("nb_element") == "cell_code_output"), None
        )
        its = kept.get(place.get(id(cell), -1))
        if output is None:
            continue
        if "rt-provenance" in json.dumps(cell.get("outputs", [])):
            output += nodes.raw("", _facts(record), format="html")
        parts = [
            _drawn(shown, profile) for shown in (its or {"shown": []})["shown"] if not _same(shown, records.shown(cell))
        ]
        if its is None or not parts:
            continue
        older = "" if its["code"] == records.digest(cell) else "; this cell's code has changed since"
        label = f"Reference run: profile {profile}, {run['finished (UTC)'][:10]}, {run['hardware']}{older}."
        output += nodes.raw(
            "",
            f'<div class="rt-reference" data-run="{html.escape(profile)}" data-own="{html.escape(own_profile)}">'
            f'<p class="rt-reference-label">{html.escape(label)}</p>{"".join(parts)}</div>',
            format="html",
        )


def add_reference_runs(app: Sphinx, doctree: nodes.document) -> None:
    folder, _, chapter = app.env.docname.partition("/")
    for path in sorted((Path(app.srcdir) / "book" / "reference").glob(f"*/{chapter}.json")):
        if folder == "chapters":
            notebook = nbformat.read(Path(app.srcdir) / f"{app.env.docname}.ipynb", as_version=4)
            _add(doctree, json.loads(path.read_text("utf-8")), notebook)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_js_file("reference.js", loading_method="defer")
    app.connect("doctree-read", add_reference_runs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
