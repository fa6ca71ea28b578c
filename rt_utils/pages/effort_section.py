"""What a longer search finds, as a page shows it: a slider and a reading, from `evaluation.search_effort.by_effort`."""

from typing import Any

import pandas as pd

from rt_utils.pages.labels import labels
from rt_utils.pages.tables import Html
from rt_utils.pages.what_if import EFFORT, what_if

_READING = (
    "After one step the criterion seems to hold at {first} of the images, after the longest search at {last}; one step "
    "finds {found} of the mean shift that the longest search finds."
)


def slider(rows: pd.DataFrame, colour: str, **values: object) -> Html:
    """The effort of the search, moved; `values`: threat, data and n of the caption."""
    return what_if(rows.assign(encoder=rows.encoder.map(labels(rows.encoder))), 0, colour, EFFORT, **values)


def reading(rows: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """Both ends of the slider in a sentence."""
    by_encoder, label = rows.groupby("encoder", sort=False), labels(rows.encoder)

    def listed(of: pd.DataFrame, column: str) -> str:
        return ", ".join(f"{value:.0%} ({label[str(name)]})" for name, value in of[column].items())

    first, last = by_encoder.first(), by_encoder.last()
    values = {"first": listed(first, "fulfilled"), "last": listed(last, "fulfilled"), "found": listed(first, "found")}
    return _READING, values
