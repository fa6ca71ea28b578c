"""CSV that a spreadsheet shows as it stands: what would be taken for a formula is marked, what is no text escaped.

A file's or a class's name comes from outside, and `=cmd|...` as the beginning of a cell is run by some spreadsheets.
A quote is put before such a text, as OWASP says (https://owasp.org/www-community/attacks/CSV_Injection); numbers and
intervals stay.
"""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from rt_utils.runtime.files import whole_file

ENCODING: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}
_NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?%?|inf|nan)"
_HARMLESS = re.compile(rf"{_NUMBER}(?:\s*(?:to|±)\s*{_NUMBER})?|[-+]")
_FORMULA = re.compile(r"[\s'\"]*[=+\-@]|[\t\r]")


def cell(value: Any) -> Any:
    """A cell's value, with a quote before a text that a spreadsheet might take for a formula."""
    if isinstance(value, str) and _FORMULA.match(value) and not _HARMLESS.fullmatch(value):
        return f"'{value}"
    return value


def text(frame: pd.DataFrame) -> str:
    """A frame as CSV, numbers with nine digits, without its index."""
    marked = frame.copy(deep=False)
    for place, kind in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            cells = pd.Series([cell(value) for value in frame.iloc[:, place]], frame.index, dtype=object)
            marked.isetitem(place, cells)  # type: ignore[arg-type]  # a Series is taken, with its kind
    return str(marked.to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def write(frame: pd.DataFrame, path: Path) -> None:
    """`text`, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text(frame), newline="\n", **ENCODING)
