"""The live figure of the AS score against the radius: its data, and the HTML that the script `sweep.js` drives."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from rt_utils.pages.labels import colours, labels
from rt_utils.pages.tables import Html

QUANTILES = (10, 25, 50, 75, 90)
CAPTION = (
    "Move the radius. For each data set: AS score found (diamond and number), the middle half of the points (thick) "
    "and the middle 80% (thin), in feature units of the encoder. The scale stays while the radius moves, and changes "
    "with the encoder."
)
_FIGURE = """<figure class="rt-sweep">
<div class="controls"><label for="sweep-eps">radius ε</label><input id="sweep-eps" data-part="eps" type="range" min="0" max="{last}" step="1" value="{start}"><span data-part="eps-value"></span>
<fieldset><legend class="visually-hidden">encoder</legend>{choices}</fieldset></div>
<div data-part="rows"></div>
<output data-part="output" aria-live="polite">This figure needs the book's script. The curves below show the same numbers.</output>
<figcaption>{caption}</figcaption>
<script type="application/json">{content}</script>
</figure>"""  # noqa: E501
_CHOICE = '<label><input type="radio" name="sweep-encoder" value="{index}"{checked}> {name}</label>'


def _four_digits(values: Float[np.ndarray, " k"]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def content(
    radii: Sequence[str],
    curves: Mapping[tuple[str, str], Float[np.ndarray, "n k"]],
    encoders: Sequence[str],
    data: Mapping[str, str],
) -> dict[str, Any]:
    """What the script reads: radii as text, and per encoder and data set the score and QUANTILES at each radius.

    `curves`: shift of each of n points at each of k radii, by full names; `data`: full names to shown names.
    """
    shown, colour = labels(encoders), colours(encoders)

    def rows(encoder: str) -> list[dict[str, Any]]:
        return [
            {
                "name": label,
                "score": _four_digits(curves[encoder, name].mean(0)),
                "quantiles": [_four_digits(np.percentile(column, QUANTILES)) for column in curves[encoder, name].T],
            }
            for name, label in data.items()
        ]

    parts = [{"name": shown[encoder], "colour": colour[encoder], "data": rows(encoder)} for encoder in encoders]
    return {"radii": list(radii), "encoders": parts}


def live_sweep(content: Mapping[str, Any], start: int) -> Html:
    """The figure, which begins at the radius number `start` and with the first encoder."""
    choices = [
        _CHOICE.format(index=index, checked="" if index else " checked", name=html.escape(encoder["name"]))
        for index, encoder in enumerate(content["encoders"])
    ]
    source = _FIGURE.format(
        last=len(content["radii"]) - 1,
        start=start,
        choices="".join(choices),
        caption=CAPTION,
        content=json.dumps(content).replace("<", "\\u003c"),
    )
    return Html(source, "live figure: AS score against the radius")
