"""What the kept run on natural images found against expectation, for the landing page, read from its records."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rt_utils.pages import control_section, records
from rt_utils.pages.labels import labels
from rt_utils.pages.plain import frame_from
from rt_utils.pages.published import published_table
from rt_utils.pages.published_orders import RELATIVE
from rt_utils.pages.wording import enumeration
from rt_utils.runtime.errors import InputError

PROFILE = "natural"
_ORDER = (
    "- **The order of Section 6.1 did not come out: {right} of {encoders}.** By the paper's measure, the relative "
    "difference, the score orders {data} rightly for {right} of {encoders} encoders, and {same} of {pairs} pairs of "
    "data sets stand as the score has them. It is no test of the paper's rule, which speaks of scores that are much "
    "higher than on the images of the pretraining: here they are {low:.2f} to {high:.2f} times those on {first}, in "
    "the paper's Table 4 up to {printed:.0f} times ([page](../chapters/section_6_1_as_score))."
)
_CAME_OUT = _ORDER.replace("did not come out", "came out")
_FULFILLED = (
    "- **How often the criterion of Theorem 2 is fulfilled there.** With the shift found no test image fulfils it on "
    "{none} of {cases} pairs of encoder and data set; the largest share is {share:.1%} ({where}), where {robust:.1%} "
    "are robust under the attacks ([page](../chapters/theorem_2_criterion))."
)
_CONTROL = (
    "- **Some of it needs no representation.** {alone}At the largest radius heads without a representation are surely "
    "ahead of heads on the robust encoder on {control}, surely behind on {encoder}; on {undecided} neither is sure. So "
    "a robust accuracy after a transfer shows what a representation is good for only where a head without one is far "
    "below it ([page](../chapters/section_5_2_criterion))."
)
_MISSING = "- The kept run of `{chapter}` lacks what is asked of it here."


def order(elements: Mapping[str, Any]) -> str:
    """Whether the score orders the data sets of each encoder, from the record of Section 6.1, as a list item."""
    orders, scores = frame_from(elements["orders"]), frame_from(elements["as-scores"])
    pairs = orders[orders.by == RELATIVE].pairs.str.extract(r"(\d+) of (\d+)").astype(int)
    names = list(dict.fromkeys(scores["data"]))
    ratios = scores[scores["data"] != names[0]][f"over {names[0]}"]
    table_4 = published_table("table4")
    own = table_4[table_4.pretraining == table_4.downstream].set_index("pretraining").as_score
    values = {
        "right": int((pairs[0] == pairs[1]).sum()),
        "encoders": len(pairs),
        "data": enumeration(names),
        "same": int(pairs[0].sum()),
        "pairs": int(pairs[1].sum()),
        "low": ratios.min(),
        "high": ratios.max(),
        "first": names[0],
        "printed": (table_4.as_score / table_4.pretraining.map(own)).max(),
    }
    return (_CAME_OUT if values["right"] == values["encoders"] else _ORDER).format(**values)


def fulfilled(elements: Mapping[str, Any]) -> str:
    """Where the criterion is fulfilled at all, from the record of Theorem 2's page, as a list item."""
    rows: pd.DataFrame = frame_from(elements["table-3"])
    best = rows.iloc[int(rows.fulfilled.argmax())]
    values = {"none": int((rows.fulfilled == 0).sum()), "cases": len(rows), "share": best["fulfilled"]}
    where = f"{labels(rows.encoder)[best['encoder']]} encoder, {best['data']}"
    return _FULFILLED.format(**values, where=where, robust=best["robust acc."])


def control(found: pd.DataFrame) -> str:
    """What a head reaches without a representation, from the rows of the control's kept runs, as a list item."""
    _, values = control_section.reading(found)
    return _CONTROL.format(alone=values["alone"], **control_section.in_short(found))


def non_results(folder: Path) -> str:
    """The list, in Markdown, from the kept runs in `folder`.

    A record that is absent, or older than what is asked of it, gives a line that says so.
    """
    lines = []
    for chapter, item in (("section_6_1_as_score", order), ("theorem_2_criterion", fulfilled)):
        try:
            lines.append(item(records.read(chapter, PROFILE, folder)["runs"][0]["elements"]))
        except (InputError, LookupError, AttributeError, TypeError, ValueError):
            lines.append(_MISSING.format(chapter=chapter))
    found = control_section.kept(folder)
    return "\n".join(lines if found.empty else [*lines, control(found)])
