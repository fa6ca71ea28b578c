"""Records of an older format, which hold drawings and tables by a cell's place, until each is made anew.

A table of such a record stands for the page's next one with the same columns, a figure for the one of its name. Texts
are taken in their order where the page has as many; what has no partner is not shown.
"""

import base64
import gzip
import re
from typing import Any

import pandas as pd

from rt_utils.pages.figures import Picture
from rt_utils.pages.tables import show_table


def _what(element: dict[str, Any]) -> str:
    """What tells elements of a page apart, in a record of the older format and in a page of today."""
    if element["kind"] == "table":
        return f"table {element['columns']}"
    return f"figure {element.get('name', element.get('key'))}" if element["kind"] == "figure" else "text"


def partners(record: dict[str, Any], own: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """For each element of the page the kept one, or None."""
    kept: dict[str, list[dict[str, Any]]] = {}
    for part in (part for cell in record["cells"] for part in cell["shown"]):
        kept.setdefault(_what(part), []).append(part)
    if len(kept.get("text", [])) != sum(element["kind"] == "text" for element in own):
        kept.pop("text", None)
    return [parts.pop(0) if (parts := kept.get(_what(element))) else None for element in own]


def drawn(shown: dict[str, Any], profile: str, markdown: Any) -> str:
    """A kept element as HTML."""
    if shown["kind"] == "table":
        frame = pd.DataFrame(shown["rows"], columns=shown["columns"], dtype=object)
        return show_table(frame, shown["formats"], caption=shown["caption"], wide=shown["wide"]).source
    if shown["kind"] == "figure":
        svg = gzip.decompress(base64.b64decode(shown["svg"])).decode()
        svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{profile}-", svg)
        return Picture(f"{profile}-{shown['name']}", svg, shown["caption"], shown["alt"])._repr_html_()
    return str(markdown.render(shown["markdown"]))
