"""What a longer search finds, as a page shows it: a slider and a reading, from `evaluation.search_effort.by_effort`."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from rt_utils.pages.labels import colours, labels
from rt_utils.pages.tables import Html
from rt_utils.pages.what_if import EFFORT, what_if

_READING = (
    "After one step the criterion seems to hold at {first} of the images, after the longest search at {last}; one step "
    "finds {found} of the mean shift that the longest search finds."
)


def slider(rows: pd.DataFrame, encoders: Iterable[str], **values: object) -> Html:
    """The effort of the search, moved; `encoders`: the page's, whose colours stay. `values`: threat, data and n."""
    label, colour = labels(rows.encoder), colours([*encoders, *rows.encoder])
    own = {shown: colour[name] for name, shown in label.items()}
    return what_if(rows.assign(encoder=rows.encoder.map(label)), 0, own, EFFORT, **values)


def reading(rows: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """Both ends of the slider in a sentence."""
    by_encoder, label = rows.groupby("encoder", sort=False), labels(rows.encoder)

    def listed(of: pd.DataFrame, column: str) -> str:
        return ", ".join(f"{value:.0%} ({label[str(name)]})" for name, value in of[column].items())

    first, last = by_encoder.first(), by_encoder.last()
    values = {"first": listed(first, "fulfilled"), "last": listed(last, "fulfilled"), "found": listed(first, "found")}
    return _READING, values
