"""The box "In short" at the top of a chapter: the result of this build, and beside it that of the kept runs."""

import html
from typing import Any

import nbformat
from reference_runs import MARKDOWN, parameter_in_words

from rt_utils.pages import records, results_first

TOLD = ("encoders", "data", "norm", "eps")  # by which the runs of one record are told apart


def _told(name: str, run: dict[str, Any]) -> str:
    """A parameter of a run in a few words."""
    value = run["parameters"].get(name)
    return f"{len(value)} {name}" if isinstance(value, list) and len(value) > 2 else parameter_in_words(name, run)


def _list(rows: list[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{html.escape(who)}</dt><dd>{MARKDOWN.render(text)}</dd>' for who, text in rows)}</dl>"


def in_short(chapter: str, notebook: nbformat.NotebookNode, kept: list[dict[str, Any]]) -> str:
    """The result of this build, and beside it what the kept runs say where that differs, as HTML; or nothing."""
    own = records.elements_of(notebook)
    found = [(f"This build ({records.profile_of(notebook)})", results_first.sentence(chapter, own))]
    folded: dict[str, list[tuple[str, str]]] = {}  # of a record that holds several runs
    for record in kept:
        runs = record["runs"]
        told = [name for name in TOLD if len({str(run["parameters"].get(name)) for run in runs}) > 1]
        for run in runs:  # what the page says of an element is today's
            joined = {key: {**own[key], **one} for key, one in run["elements"].items() if key in own}
            which = ", ".join([record["profile"], *(_told(name, run) for name in told)])
            said = (f"Kept run ({which})", results_first.sentence(chapter, joined))
            (found if len(runs) == 1 else folded.setdefault(record["profile"], [])).append(said)
    rows = [(who, text) for k, (who, text) in enumerate(found) if text and (k == 0 or text != found[0][1])]
    body = "".join(MARKDOWN.render(text) for _, text in rows) if len(rows) < 2 else _list(rows)
    for profile, several in folded.items():
        summary = f"{len(several)} kept runs ({html.escape(profile)})"
        body += f"<details><summary>{summary}</summary>{_list(several)}</details>"
    return f'<div class="rt-result"><p class="rt-result-title">In short</p>{body}</div>' if rows else ""
