"""The directive `{predict}`: the reader commits to a guess, then sees the number that the page computed.

    ```{predict} table-3
    :where: encoder=embedded/robust; data=digits
    :column: fulfilled
    :format: .0%

    Which share of the digits fulfils the criterion?
    ```

The argument is the key of one of the page's tables, `where` chooses its first row with these values; for a text,
`value` names one of its values. The number is read from the executed notebook, so a run with other parameters shows its
own; kept runs have a line each, and the switch at the page's top (page_top.py) shows that of the chosen run. Without
JavaScript, and on paper, it is a folded detail below the question; nothing is sent or kept.
"""

import contextlib
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes  # type: ignore[import-untyped]
from docutils.parsers.rst import directives  # type: ignore[import-untyped]
from reference_runs import differing, name_of, records_of
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from rt_utils.pages import records

Elements = Mapping[str, Mapping[str, Any]]  # by key
BEFORE = '<details class="rt-predict-answer"><summary>Show the number</summary>{}</details>'
LINE = '<p data-of-run="{}">{}</p>'  # of one run: page_top.js hides the others
NONE = "has no such number: it was made with other encoders or data."
NOT_RUN = "This page was not run."


def elements(path: Path) -> dict[str, dict[str, Any]]:
    """What an executed page shows, by key; empty for a page that was not run or is no notebook."""
    if path.suffix != ".ipynb":
        return {}
    return records.elements_of(nbformat.read(path, as_version=4))


def chosen(where: str) -> dict[str, str]:
    """`a=b; c=d` as names and values. Raises ValueError where a part has no `=`."""
    parts = [part.partition("=") for part in where.split(";") if part.strip()]
    if any(not sign for _, sign, _ in parts):
        raise ValueError(f"write 'column=value; column=value', not {where!r}")
    return {name.strip(): value.strip() for name, _, value in parts}


def number(data: dict[str, Any], where: str, column: str, value: str, form: str) -> str | None:
    """The formatted number; None where this run has no such row. Raises KeyError for a name that is not there."""
    if value:
        found = data["values"][value]
    else:
        at = {name: data["columns"].index(name) if name in data["columns"] else -1 for name in (*chosen(where), column)}
        if unknown := [name for name, place in at.items() if place < 0]:
            raise KeyError(f"{data['key']} has no column {unknown[0]!r}: {', '.join(data['columns'])}")
        wanted = chosen(where).items()
        rows = [row for row in data["rows"] if all(str(row[at[name]]) == text for name, text in wanted)]
        found = rows[0][at[column]] if rows else None
    if found is None:
        return None
    return found if isinstance(found, str) else format(found, form)


def answers(
    there: Elements,
    own: str,
    kept: Mapping[str, Mapping[str, Elements]],
    key: str,
    **asked: str,
) -> str:
    """A line for this build, and one for each record of kept runs, by the name that the switch has for it.

    `there` are this page's elements; `kept` holds those of each run of a record, by what differs from its other runs;
    `own` is the name of this build's profile. Raises KeyError and ValueError as `number` does, for this build alone: a
    kept run may be older than the page.
    """
    found = number(dict(there[key]), **asked)
    mine = f"This build ({html.escape(own)}): <b>{html.escape(found)}</b>" if found else f"This run {NONE}"
    lines = [LINE.format(html.escape(own), mine)]
    for name, runs in kept.items():
        others = {}
        for differs, elements_of_run in runs.items():
            with contextlib.suppress(KeyError, ValueError):
                others[differs] = number(dict(elements_of_run[key]), **asked)
        said = "".join(
            f"{html.escape(differs)}: <b>{html.escape(other)}</b>" for differs, other in others.items() if other
        )
        if not said:
            said = f" {NONE}" + (f" {mine}." if found else "")
        lines.append(LINE.format(html.escape(name), f"The kept run {html.escape(name)}{said}"))
    return "".join(lines)


class Predict(SphinxDirective):
    """A question, and below it the number, folded."""

    required_arguments = 1
    has_content = True
    option_spec = dict.fromkeys(("where", "column", "value", "format"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.doc2path(self.env.docname))
        there, key, shown = elements(path), self.arguments[0], f"<p>{NOT_RUN}</p>"
        if there and key not in there:
            raise ExtensionError(f"{self.env.docname}: {{predict}} names {key!r}, which the page does not show")
        if there:
            own = records.profile_of(nbformat.read(path, as_version=4))
            kept = {
                name_of(record, own): dict(
                    zip(differing(record["runs"]), (run["elements"] for run in record["runs"]), strict=True)
                )
                for record in records_of(self.env.srcdir, self.env.docname)
            }
            options = {name: self.options.get(name, "") for name in ("where", "column", "value")}
            try:
                shown = answers(there, own, kept, key, **options, form=self.options.get("format", ".3f"))
            except (KeyError, ValueError) as error:
                raise ExtensionError(f"{self.env.docname}: {{predict}}: {error}") from error
        box = nodes.container(classes=["rt-predict"])
        box += nodes.paragraph("", "Guess first", classes=["rt-predict-title"])
        box += self.parse_content_to_nodes()
        box += nodes.raw("", BEFORE.format(shown), format="html")
        return [box]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("predict", Predict)
    app.add_css_file("predict.css")
    app.add_js_file("predict.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
