"""Records of an older format, which hold drawings and tables by a cell's place, until each is made anew.

The n-th table, figure or text of such a record stands for the n-th of the page; where there are more of a kind in one
than in the other, none of that kind is shown.
"""

import base64
import gzip
import re
from typing import Any

import pandas as pd

from rt_utils.pages.figures import Picture
from rt_utils.pages.tables import show_table


def in_order(record: dict[str, Any], own: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """For each element of the page the kept one, or None."""
    kept = [part for cell in record["cells"] for part in cell["shown"]]
    of_kind = {kind: [part for part in kept if part["kind"] == kind] for kind in ("table", "figure", "text")}
    for kind, parts in of_kind.items():
        if len(parts) != sum(element["kind"] == kind for element in own):
            parts.clear()
    return [parts.pop(0) if (parts := of_kind[element["kind"]]) else None for element in own]


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
