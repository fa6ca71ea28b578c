"""What stands at the top of a chapter: its result, reading time, whose results are shown, the code, what made the run.

One bar for the whole page. Its box "Show all code" unfolds the cells that hold parameters and plumbing; what teaches, a
statement's function and each live check, stands on the page anyway. Style sheet page_top.css does it, so it works
without a script. page_top.js adds the choice of the run, and remembers the box. The parameters and the facts of a run
stand behind one line each, with the command that makes the run again.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes  # type: ignore[import-untyped]
from in_short import in_short
from reference_runs import ages, differing, name_of, records_of
from rerun_commands import beyond_profile, commands
from runs_in_words import in_words
from sphinx.application import Sphinx
from sphinx_exercise.nodes import solution_node  # type: ignore[import-untyped]

from rt_utils.pages import paper_settings, profiles, records
from rt_utils.pages.files import provenance
from rt_utils.pages.parameters import Parameters
from rt_utils.pages.wording import enumeration

ROOT = Path(__file__).resolve().parents[2]
WORDS_PER_MINUTE = 150  # of prose with proofs; a formula counts as a word, a displayed one as a line of ten
NO_TOP = {"ledger", "status"}  # chapters that compute nothing of their own
UNREAD = (nodes.raw, nodes.literal_block, nodes.comment, solution_node)
BOX = re.compile(r'<details class="rt-provenance">.*?</details>', re.DOTALL)
Summary = Mapping[str, Any]


def minutes(doctree: nodes.Node) -> int:
    """How long the page's prose takes to read, without code, tables of runs and solutions; in whole five minutes."""
    words = 0

    def count(node: nodes.Node) -> None:
        nonlocal words
        if isinstance(node, UNREAD):
            return
        if isinstance(node, nodes.math_block | nodes.math):
            words += 10 if isinstance(node, nodes.math_block) else 1
        elif isinstance(node, nodes.Text):
            words += len(node.split())
        else:
            for child in node.children:
                count(child)

    count(doctree)
    return max(5, 5 * round(words / WORDS_PER_MINUTE / 5))


def switch(own: str, kept: list[str]) -> str:
    """The bar: whose results, which needs the script and is hidden without it; and the code."""
    runs = ""
    if kept:
        names = [(own, "this build"), *((name, "kept run") for name in kept)]
        choices = "".join(
            f'<label><input type="radio" name="rt-run" value="{html.escape(name)}"{" checked" * (k == 0)}> '
            f"{html.escape(name)} <small>{what}</small></label>"
            for k, (name, what) in enumerate(names)
        )
        runs = f'<fieldset class="rt-runs" hidden><legend>Results of</legend>{choices}</fieldset>'
    code = (
        '<label><input type="checkbox" id="rt-show-code"> Show all code '
        "<small>(checks and the statements’ functions always show)</small></label>"
    )
    return f'<div class="rt-bar">{runs}{code}</div>'


def _command(text: str) -> list[nodes.Node]:
    return [
        nodes.paragraph("", "In a clone of the repository, after make book:"),
        nodes.literal_block(text, text, language="bash"),
    ]


def _opened(summary: str, inside: list[nodes.Node], run: str) -> list[nodes.Node]:
    start = (
        f'<details class="rt-provenance" data-of-run="{html.escape(run)}"><summary>{html.escape(summary)}'
        '<span class="rt-change">; <u>change it</u></span></summary>'
    )
    return [nodes.raw("", start, format="html"), *inside, nodes.raw("", "</details>", format="html")]


def _counted(claims: list[dict[str, Any]]) -> str:
    """How many verdicts of each kind; of a record without a column for intervals, that none decided any."""
    verdicts = [claim["verdict"] for claim in claims]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    points = bool(claims) and not any("low" in claim for claim in claims)
    return f"{len(verdicts)}: {counts}" + (", by the point values, without intervals" if points else "")


def kept_line(record: dict[str, Any], name: str, defaults: Summary) -> list[nodes.Node]:
    """What made a kept run, or the several of one record: one line that opens the facts of each.

    `defaults`: the chapter's parameters.
    """
    chapter, runs = record["chapter"], record["runs"]
    file = f"notebooks/profiles/{record['profile']}.yaml"
    profile = profiles.read(str(ROOT / file))
    given = [{"profile": record["profile"], **run["parameters"]} for run in runs]
    inside: list[nodes.Node] = []
    lists: list[list[str]] = []
    for run, parameters, differs in zip(runs, given, differing(runs), strict=True):
        facts = run["run"] | {"commit": run["commit"], "claims": _counted(run["claims"])}
        whom, differs_in = paper_settings.from_whom(chapter, Parameters(**parameters))
        facts |= {f"differs from {whom} in": "; ".join(differs_in)} if whom else {}
        lists.append(differs_in)
        how = commands(chapter, parameters, "-f", file, *beyond_profile(chapter, parameters, profile, defaults))
        which = f"<p><strong>{html.escape(differs.removeprefix('; '))}</strong></p>" if differs else ""
        inside += [nodes.raw("", which + _rows(provenance("", facts)), format="html"), *_command(how)]
    days = enumeration(sorted({run["run"]["finished (UTC)"][:10] for run in runs}))
    several = f"The {len(runs)} reference runs" if len(runs) > 1 else "The reference run"
    opened = _opened(f"{several}: {in_words(*given)}, kept on {days}{ages(runs, chapter)}", inside, name)
    if shared := [one for one in lists[0] if all(one in others for others in lists)]:  # in sight, as this build's is
        who = f"{'These kept runs' if len(runs) > 1 else 'This kept run'} (profile {record['profile']})"
        said = html.escape(f"{who} differ{'s' * (len(runs) == 1)} from {whom} in: {'; '.join(shared)}.")
        shown = f'<p class="rt-differs" data-of-run="{html.escape(name)}">{said}</p>'
        opened.append(nodes.raw("", shown, format="html"))
    return opened


def _rows(box: str) -> str:
    found = re.search(r"<dl>.*</dl>", box, re.DOTALL)
    return found[0] if found else ""


def _take_box(doctree: nodes.document) -> str:
    """The list of what made this build's numbers, taken from the page's end."""
    for raw in doctree.findall(nodes.raw):
        if match := BOX.search(text := raw.astext()):
            left = BOX.sub("", text)
            raw.children, raw.rawsource = [nodes.Text(left)], left
            return _rows(match[0])
    return ""


def fold(doctree: nodes.document) -> list[nodes.Node]:
    """Mark the code that is folded, and take the cells with the parameters out of the page."""
    taken: list[nodes.Node] = []
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code" or not len(cell) or cell[0].get("nb_element") != "cell_code_source":
            continue
        if {"tag_parameters", "tag_injected-parameters"} & set(cell["classes"]):
            cell.parent.remove(cell)
            taken.append(cell)
        elif cell.get("hide_mode") == "input" or cell[0].astext().startswith("page.source("):  # what it shows stays
            cell["hide_mode"] = None
            cell[0]["classes"].append("rt-code")
        elif "assert" in cell[0].astext():  # it stays in sight
            cell[0]["classes"].append("rt-check")
    return taken


def add_top(app: Sphinx, doctree: nodes.document) -> None:
    folder, _, chapter = app.env.docname.partition("/")
    page = next(iter(doctree.findall(nodes.section)), None)
    if folder != "chapters" or page is None:
        return
    read, parameter_cells = minutes(doctree), fold(doctree)
    notebook = nbformat.read(Path(app.srcdir) / f"{app.env.docname}.ipynb", as_version=4)
    parameters, defaults = records.parameters_of(notebook), records.parameters_of(notebook, records.TAGS[:1])
    kept = records_of(app.srcdir, app.env.docname)
    own = records.profile_of(notebook)
    names = [name_of(record, own) for record in kept]
    top: list[nodes.Node] = []
    if chapter not in NO_TOP:
        said = f"About {read} minutes, without the exercises."
        top.append(nodes.paragraph("", "", nodes.strong("", "Reading time."), nodes.Text(f" {said}")))
    top.append(nodes.raw("", switch(own, names), format="html"))
    inside = [*parameter_cells, nodes.raw("", _take_box(doctree), format="html")]
    if chapter not in NO_TOP:
        inside += _command(commands(chapter, parameters))
    top += _opened(
        f"This run: {in_words(parameters)}" if "profile" in parameters else "This page's parameters", inside, own
    )
    for record, name in zip(kept, names, strict=True):
        top += kept_line(record, name, defaults)
    first = next((k for k, child in enumerate(page) if isinstance(child, nodes.section | nodes.container)), len(page))
    page[first:first] = top
    if result := in_short(chapter, notebook, kept):
        heading = next(k for k, child in enumerate(page) if isinstance(child, nodes.title))
        page.insert(heading + 1, nodes.raw("", result, format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_css_file("page_top.css")
    app.add_js_file("page_top.js", loading_method="defer")
    app.connect("doctree-read", add_top, priority=700)  # after the kept runs, which look at cells by their place
    return {"parallel_read_safe": True, "parallel_write_safe": True}
