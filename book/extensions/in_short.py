"""The box "In short" at the top of a chapter: the result of this build, and beside it that of the kept runs."""

import html
from typing import Any

import nbformat
from reference_runs import MARKDOWN

from rt_utils.pages import records, results_first


def in_short(chapter: str, notebook: nbformat.NotebookNode, kept: list[dict[str, Any]]) -> str:
    """The result of this build, and beside it what the kept runs say where that differs, as HTML; or nothing."""
    elements = [one for cell in notebook.cells if "outputs" in cell for one in records.own_elements(cell)]
    own = {one["key"]: one for one in elements if "key" in one}
    said = [(f"This build ({records.profile_of(notebook)})", results_first.sentence(chapter, own))]
    for record in kept:
        old = record["runs"][0]["elements"]  # what the page says of an element is today's
        joined = {key: {**own[key], **one} for key, one in old.items() if key in own}
        said.append((f"Kept run ({record['profile']})", results_first.sentence(chapter, joined)))
    rows = [(who, text) for k, (who, text) in enumerate(said) if text and (k == 0 or text != said[0][1])]
    if len(rows) < 2:
        body = "".join(MARKDOWN.render(text) for _, text in rows)
    else:
        body = "".join(f"<dt>{html.escape(who)}</dt><dd>{MARKDOWN.render(text)}</dd>" for who, text in rows)
        body = f"<dl>{body}</dl>"
    return f'<div class="rt-result"><p class="rt-result-title">In short</p>{body}</div>' if rows else ""
