"""Tables as a page shows them: numbers aligned at the point, published values apart."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rt_utils.pages import csv_text


@dataclass(frozen=True)
class Html:
    """HTML for the page, and plain text for a terminal."""

    source: str
    text: str

    def _repr_html_(self) -> str:
        return self.source

    def __repr__(self) -> str:
        return self.text


def _cell(name: str, value: Any, form: str | None) -> str:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    kinds = ["num"] * (form is not None) + ["published"] * name.startswith("published ")
    if name == "verdict":
        kinds += ["verdict", str(value).replace(" ", "-")]
    shown = "–" if missing else html.escape(str(value)) if form is None else format(value, form)
    return f'<td class="{" ".join(kinds)}">{shown}</td>' if kinds else f"<td>{shown}</td>"


def show_table(frame: pd.DataFrame, formats: Mapping[str, str], *, caption: str, wide: bool = False) -> Html:
    """A table with numbers aligned at the point. `formats` gives the format of each number column; the rest is text.

    Column names are HTML (math in \\(...\\)); a column whose name begins with "published " is shown as published.
    `wide` lets the table use the free space beside the text. All digits go into an inert script in the caption, as CSV,
    which the book's build turns into a file and a link.
    """
    head = "".join(
        f'<th class="{"num " if name in formats else ""}{"published" if name.startswith("published ") else ""}">'
        f"{name.removeprefix('published ')}</th>"
        for name in frame.columns
    )
    rows = "".join(
        "<tr>" + "".join(_cell(str(name), value, formats.get(str(name))) for name, value in row.items()) + "</tr>"
        for row in frame.to_dict("records")
    )
    plain = frame.rename(columns=lambda name: html.unescape(re.sub("<[^>]*>", "", str(name))))
    csv = csv_text.text(plain).replace("<", "&lt;")
    data = f'<script type="text/csv">{csv}</script>'
    source = (
        f'<div class="rt-scroll"><table class="rt-table{" rt-wide" * wide}"><caption><div>{caption} {data}</div>'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return Html(source, frame.to_string(index=False))
