"""Shows what a chapter computed in a kept run in the place of what it computed in this build, at the reader's choice.

Below each cell's own outputs stand those of the kept run, drawn by today's code from the record's data. The one switch
at the page's top (page_top.py, page_top.js) shows the one or the other; without a script one follows the other. What is
the same in both is not repeated, and a published table stands beside either run.
"""

import html
import json
import os
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from rt_utils.pages import records
from rt_utils.pages.elements import computed, filled, redrawn
from rt_utils.pages.figures import use_style
from rt_utils.pages.labels import listed
from rt_utils.theory.threat import format_eps

END = "<!--end of the kept run-->"  # by which book/kept_apart.py finds the parts
_drawn_beside: dict[Path, Future[dict[int, str]]] = {}  # of a record


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


def parameter_in_words(name: str, run: dict[str, Any]) -> str:
    """A parameter of a run in words: a radius as a fraction, names without the world that they come from."""
    given = run["parameters"]
    value = given.get(name)
    if name == "eps" and isinstance(value, float):
        return f"eps {format_eps(value, given.get('norm', 'linf'))}"
    return f"{name} {listed(value) if isinstance(value, list) else value}"


def differing(runs: list[dict[str, Any]]) -> list[str]:
    """Per run the parameters in which it differs from the others, as words."""
    names = [name for name in runs[0]["parameters"] if len({str(run["parameters"].get(name)) for run in runs}) > 1]
    return ["".join(f"; {parameter_in_words(name, run)}" for name in names) for run in runs]


def record_files(srcdir: str | Path, docname: str) -> list[Path]:
    """The files of a chapter's kept runs, one for each profile."""
    folder, _, chapter = docname.partition("/")
    return sorted((Path(srcdir) / "book" / "reference").glob(f"*/{chapter}.json")) if folder == "chapters" else []


def records_of(srcdir: str | Path, docname: str) -> list[dict[str, Any]]:
    """What they hold."""
    return [json.loads(path.read_text("utf-8")) for path in record_files(srcdir, docname)]


def name_of(record: dict[str, Any], own_profile: str) -> str:
    """What the switch and a link's `?run=` call a kept run: its profile, unless this build has the same one."""
    profile = str(record["profile"])
    return f"{profile}-kept" if profile == own_profile else profile


computation = cache(records.computation)  # of each chapter once a build, not once an element


def age(run: dict[str, Any], chapter: str) -> str:
    """Whether the code that computes a kept run's numbers is another today, as a clause; else nothing."""
    return "" if run["code"] == computation(chapter) else "; the code that computes this has changed since"


def ages(runs: list[dict[str, Any]], chapter: str) -> str:
    """As `age`, for several runs at once."""
    old = sum(bool(age(run, chapter)) for run in runs)
    if len(runs) == 1 or not old:
        return age(runs[0], chapter)
    return f"; the code that computes {'this' if old == len(runs) else f'{old} of them'} has changed since"


def _absent(record: dict[str, Any]) -> str:
    said = f"The kept run {html.escape(record['profile'])} does not hold what stands here: it is older than this part."
    return f'<p class="rt-absent">{said}</p>'


def _seen(kept: dict[str, Any] | None, own: dict[str, Any]) -> str:
    """What a reader would see of a kept element: two with the same need no second drawing."""
    if kept is None:
        return ""
    data = {name: value for name, value in computed(kept).items() if name != "values"}
    try:
        words = [filled(own[name], kept.get("values", {})) for name in ("caption", "alt", "template") if name in own]
    except (KeyError, ValueError, TypeError):  # it cannot be shown as today's page would
        words = [str(kept.get("values"))]
    return json.dumps([data, words], sort_keys=True)


def _of_run(own: dict[str, Any], run: dict[str, Any], name: str, said: str, changed: str, several: bool) -> str:
    """One element of a kept run, under a line that names the run; empty where the record does not hold it.

    What the page's top says for all is hidden where the switch works; of several runs it must be said which this is.
    """
    kept = run["elements"].get(own["key"])
    if kept is None:
        return ""
    if not (drawn := _drawn(kept, own, name)):
        changed = "; the page asks for more than it kept, so it is not shown until it is made anew"
    rest = html.escape(f", {run['run']['finished (UTC)'][:10]}, {run['run']['hardware']}{changed}")
    unseen = ' data-unseen=""' if drawn else ""
    if several:
        return f'<p class="rt-reference-label">{html.escape(said)}<span{unseen}>{rest}</span>.</p>{drawn}'
    return f'<p class="rt-reference-label"{unseen}>{html.escape(said)}{rest}.</p>{drawn}'


def _shown(elements: list[dict[str, Any]], record: dict[str, Any], chapter: str) -> str:
    """What a cell shows in every kept run; empty where that is what the page shows anyway."""
    profile, runs = record["profile"], record["runs"]
    own = [one for one in elements if "key" in one and not str(one["key"]).startswith(records.BESIDE)]
    own = [one for one in own if not str(one.get("plot")).startswith(records.IMAGES)]  # no record holds them
    seen = {one["key"]: [_seen(run["elements"].get(one["key"]), one) for run in runs] for one in own}
    if not own or all(what == _seen(one, one) for one in own for what in seen[one["key"]]):
        return ""
    shown = ""
    alike = [one for one in own if len(set(seen[one["key"]])) == 1]
    for number, (run, what) in enumerate(zip(runs, differing(runs), strict=True)):
        name, said = f"{profile}-{number}" if number else profile, f"Reference run: profile {profile}{what}"
        new = [one for one in own if not number or one not in alike]  # what all runs have alike is shown once
        shown += "".join(_of_run(one, run, name, said, age(run, chapter), len(runs) > 1) for one in new)
    return shown.replace('<script type="text/csv">', f'<script type="text/csv" data-run="{profile}">') or _absent(
        record
    )


def parts(notebook: Path, record: Path) -> dict[int, str]:
    """What the cells of an executed chapter show in a kept run, as HTML, by their index; cells without any left out."""
    use_style()
    kept, cells = json.loads(record.read_text("utf-8")), nbformat.read(notebook, as_version=4).cells
    found = {at: _shown(records.own_elements(cell), kept, kept["chapter"]) for at, cell in enumerate(cells)}
    return {at: shown for at, shown in found.items() if shown}


def begin(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Other processes draw the kept runs while Sphinx reads the pages: that takes one core nearly as long again."""
    tasks = [(name, path) for name in docnames for path in record_files(app.srcdir, name)]
    if not tasks or (cores := os.cpu_count() or 1) == 1:
        return
    pool = ProcessPoolExecutor(min(cores, len(tasks)))
    for name, path in tasks:
        _drawn_beside[path] = pool.submit(parts, Path(app.srcdir) / f"{name}.ipynb", path)
    pool.shutdown(wait=False)


def _add(doctree: nodes.document, name: str, parts: Mapping[int, str]) -> None:
    for container in list(doctree.findall(nodes.container)):
        if container.get("nb_element") != "cell_code":
            continue
        outputs = (n for n in container.findall(nodes.container) if n.get("nb_element") == "cell_code_output")
        output, shown = next(outputs, None), parts.get(container["cell_index"])
        if output is None or not shown:
            continue
        if not any("rt-own" in child["classes"] for child in output.findall(nodes.container)):
            output.children, own = [], nodes.container("", *output.children, classes=["rt-own"])
            output += own
        output += nodes.raw("", f'<div class="rt-reference" data-run="{name}">{shown}{END}</div>', format="html")


def add_reference_runs(app: Sphinx, doctree: nodes.document) -> None:
    notebook = Path(app.srcdir) / f"{app.env.docname}.ipynb"
    for path in record_files(app.srcdir, app.env.docname):
        beside = _drawn_beside.pop(path, None)
        shown = beside.result() if beside else parts(notebook, path)
        own = records.profile_of(nbformat.read(notebook, as_version=4))
        name = html.escape(name_of(json.loads(path.read_text("utf-8")), own))
        _add(doctree, name, shown)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-before-read-docs", begin)
    app.connect("doctree-read", add_reference_runs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
