"""A slider over what a page has computed already, without a kernel: its data, and the HTML that `what_if.js` drives."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rt_utils.pages.plots.both_sides import ALONG_PATH
from rt_utils.pages.tables import Html


@dataclass(frozen=True)
class Sweep:
    """What a slider moves: the column `by` of a frame; `measures` (columns to shown names) of each `group` follow."""

    key: str
    by: str
    group: str
    measures: Mapping[str, str]
    label: str
    caption: str  # a template for what `what_if` is given
    instead: str = "The figure above shows the same numbers."


DECAY = Sweep(
    "decay",
    "λ",
    "data",
    ALONG_PATH,
    "weight decay λ",
    "Move the weight decay. Each bar is one data set, for the encoder of the figure above; the scale of a quantity "
    "stays while λ moves.",
)
SEVERITY = Sweep(
    "severity",
    "step",
    "to",
    {
        "AS": "AS score",
        "LHS": "LHS of Lemma 1",
        "acc.": "accuracy",
        "robust acc.": "robust accuracy",
        "fulfilled": "share that fulfils the criterion",
    },
    "strength of the corruption (0: clean)",
    "Move the strength, step by step from the clean images to the strongest corruption, for the encoder whose levels "
    "are all measured. The scale of a quantity stays.",
)
EFFORT = Sweep(
    "effort",
    "effort",
    "encoder",
    {
        "found": "shift found, over that of the longest search",
        "fulfilled": "share with shift found below m",
    },
    "effort of the search",
    "Move the effort: steps of one start, then more starts. This build, {threat}, the first {n} images of {data}. Each "
    "effort keeps what the smaller ones found, so the shift never falls and the share never rises.",
    "The sentence below has both ends.",
)
CLASSES = Sweep(
    "classes",
    "classes",
    "data",
    {"share": "shift found in the span, as a share of the whole shift", "fulfilled": "share with that shift below m"},
    "nearest classes that count",
    "Move the number of nearest classes whose differences span the subspace; “all”: every class of the data set. This "
    "build, {encoder} encoder, {threat}, with two perturbations a point, those with the largest shift and the largest "
    "loss found. A larger span holds the smaller one, so the shift never falls and the share never rises.",
    "The sentence below has both ends.",
)
_FIGURE = """<figure class="rt-what-if" id="what-if-{key}">
<div class="controls"><label for="what-if-{key}-at">{label}</label><input id="what-if-{key}-at" type="range" min="0" max="{last}" step="1" value="{start}"><span data-part="at"></span></div>
<div data-part="rows"></div>
<output aria-live="polite">This figure needs the book's script. {instead}</output>
<figcaption>{caption}</figcaption>
<script type="application/json">{content}</script>
</figure>"""  # noqa: E501


def content(rows: pd.DataFrame, colour: str | Mapping[str, str], sweep: Sweep) -> dict[str, Any]:
    """What the script reads: the settings in order, and each group's value of each measure at each of them.

    `rows` has one row for each setting and group, in the order that is shown. `colour`: of all groups, or by their
    names. A missing number is null. Raises ValueError where a group lacks a setting.
    """
    settings = list(dict.fromkeys(rows[sweep.by]))
    groups = []
    for name, part in rows.groupby(sweep.group, sort=False):
        own = part.set_index(sweep.by)
        if list(own.index) != settings:
            raise ValueError(f"{name} has {list(own.index)}, not {settings}")
        values = {
            shown: [None if pd.isna(value) else float(f"{value:.4g}") for value in own[column]]
            for column, shown in sweep.measures.items()
        }
        own_colour = colour if isinstance(colour, str) else colour[str(name)]
        groups.append({"name": str(name), "colour": own_colour, "values": values})
    shown = [f"{at:g}" if isinstance(at, float) else str(at) for at in settings]
    return {"label": sweep.label, "settings": shown, "groups": groups}


def what_if(rows: pd.DataFrame, start: int, colour: str | Mapping[str, str], sweep: Sweep, **values: object) -> Html:
    """The figure, which begins at the setting number `start`. For `rows` and `colour` see `content`.

    `values` fill the caption.
    """
    held = content(rows, colour, sweep)
    source = _FIGURE.format(
        key=sweep.key,
        label=html.escape(sweep.label),
        last=len(held["settings"]) - 1,
        start=start,
        caption=sweep.caption.format(**values),
        instead=sweep.instead,
        content=json.dumps(held).replace("<", "\\u003c"),
    )
    return Html(source, f"live figure: {sweep.label}")
