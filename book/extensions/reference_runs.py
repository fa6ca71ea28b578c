"""Shows what a chapter computed in a kept run beside what it computed in this build, as tabs.

Below each cell's own outputs stand those of the kept run, drawn by today's code from the record's data. The script
reference.js turns the two into tabs; without it one follows the other. What is the same in both, such as a published
table, is not repeated.
"""

import html
import json
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.application import Sphinx

from rt_utils.pages import records
from rt_utils.pages.elements import computed, redrawn
from rt_utils.pages.figures import use_style
from rt_utils.pages.files import provenance
from rt_utils.pages.labels import short_name
from rt_utils.theory.threat import format_eps


def _math(content: str, options: dict[str, Any]) -> str:
    left, right = (r"\[", r"\]") if options.get("display_mode") else (r"\(", r"\)")
    return f"{left}{html.escape(content)}{right}"


MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=_math)


def _drawn(kept: dict[str, Any], own: dict[str, Any], profile: str) -> str:
    """A kept element as today's page shows its own, as HTML, with ids of its own; empty where that cannot be."""
    try:
        element = redrawn({**kept, "key": f"{profile}-{kept['key']}"}, own)
    except (KeyError, TypeError):  # today's page asks for what the record does not hold
        return ""
    if isinstance(element.shown, str):
        return str(MARKDOWN.render(element.shown))
    return element.shown._repr_html_()


def _said(name: str, run: dict[str, Any]) -> str:
    """A parameter of a run in words: a radius as a fraction, names without the world that they come from."""
    given = run["parameters"]
    value = given.get(name)
    if name == "eps" and isinstance(value, float):
        return f"eps {format_eps(value, given.get('norm', 'linf'))}"
    return f"{name} {', '.join(map(short_name, value)) if isinstance(value, list) else value}"


def _differing(runs: list[dict[str, Any]]) -> list[str]:
    """Per run the parameters in which it differs from the others, as words."""
    names = [name for name in runs[0]["parameters"] if len({str(run["parameters"].get(name)) for run in runs}) > 1]
    return ["".join(f"; {_said(name, run)}" for name in names) for run in runs]


def _shown(own: dict[str, Any], record: dict[str, Any], code: str) -> str:
    """One element of every kept run, under a line that names the run; empty where it is what the page shows."""
    parts = []
    profile, runs = record["profile"], record["runs"]
    for number, (run, what) in enumerate(zip(runs, _differing(runs), strict=True)):
        kept = run["elements"].get(own.get("key"))
        if kept is None or kept == computed(own):
            continue
        drawn = _drawn(kept, own, f"{profile}-{number}" if number else profile)
        changed = "" if run["code"] == code else "; the code that computes this has changed since"
        said = f"Reference run: profile {profile}{what}, {run['run']['finished (UTC)'][:10]}, {run['run']['hardware']}"
        if not drawn:
            changed = "; the page asks for more than it kept, so it is not shown until it is made anew"
        parts.append(f'<p class="rt-reference-label">{html.escape(said + changed)}.</p>{drawn}')
    return "".join(parts)


def _facts(record: dict[str, Any]) -> str:
    """What made the kept runs, as a page says it of its own."""
    boxes = []
    for run in record["runs"]:
        verdicts = [claim["verdict"] for claim in run["claims"]]
        counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
        facts = run["run"] | {"commit": run["commit"], "claims": f"{len(verdicts)}: {counts}"}
        boxes.append(provenance(f"What made the reference run, profile {record['profile']}", facts))
    return "".join(boxes)


def _add(doctree: nodes.document, record: dict[str, Any], notebook: nbformat.NotebookNode, chapter: str) -> None:
    use_style()
    elements = {index: records.own_elements(cell) for index, cell in enumerate(notebook.cells) if "outputs" in cell}
    code = records.computation(chapter)
    own_profile = records.profile_of(notebook)
    for container in list(doctree.findall(nodes.container)):
        if container.get("nb_element") != "cell_code":
            continue
        cell = notebook.cells[container["cell_index"]]
        outputs = (n for n in container.findall(nodes.container) if n.get("nb_element") == "cell_code_output")
        output = next(outputs, None)
        if output is None:
            continue
        if "rt-provenance" in json.dumps(cell.get("outputs", [])):
            output += nodes.raw("", _facts(record), format="html")
        parts = [_shown(element, record, code) for element in elements[container["cell_index"]]]
        shown = "".join(parts).replace(
            '<script type="text/csv">', f'<script type="text/csv" data-run="{record["profile"]}">'
        )
        if shown:
            profiles = f'data-run="{html.escape(record["profile"])}" data-own="{html.escape(own_profile)}"'
            output += nodes.raw("", f'<div class="rt-reference" {profiles}>{shown}</div>', format="html")


def add_reference_runs(app: Sphinx, doctree: nodes.document) -> None:
    folder, _, chapter = app.env.docname.partition("/")
    for path in sorted((Path(app.srcdir) / "book" / "reference").glob(f"*/{chapter}.json")):
        if folder == "chapters":
            notebook = nbformat.read(Path(app.srcdir) / f"{app.env.docname}.ipynb", as_version=4)
            _add(doctree, json.loads(path.read_text("utf-8")), notebook, chapter)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_js_file("reference.js", loading_method="defer")
    app.connect("doctree-read", add_reference_runs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
