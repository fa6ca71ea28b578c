"""The control beside a page's encoders: a table and a sentence, from `evaluation.control_beside`."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from IPython.display import display

from rt_utils.evaluation.control_beside import CONTROL, ENCODER, UNDECIDED, of_encoders, of_sets, sides
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.networks.no_representation import GreyMeans
from rt_utils.models.no_representation import SIDES
from rt_utils.pages.experiment import loaded_images, probe_settings
from rt_utils.pages.page import Page
from rt_utils.pages.wording import as_it_stands, enumeration

_TABLE = (
    "No representation beside the page’s encoders, profile {profile}: {threat}, linear probes on clean images. pixels: "
    "the grey pixels; blocks: means of 4 by 4 of them; both exact. Of an encoder, robust is what attacks leave, and "
    "fulfilled what the shift found allows: upper bounds. AS scores are in the feature units of each."
)
_READING = (
    "**Without a representation.** By exact intervals, 5% for all pairs together, a control is more robust than every "
    "encoder of this page on {control}, an encoder more robust than both controls on {encoder}; undecided: "
    "{undecided}. The encoders’ numbers are upper bounds, so the first is safe, and the second holds under these "
    "attacks. {score}What a control reaches, no representation needs to be praised for."
)
_SCORE = (
    "The score of a control is the same for all images that the pixel box does not cut, so between data sets it can "
    "order nothing: from {low:.4g} to {high:.4g} for pixels. "
)
_ABSENT = "No control stands here: it is exact in $\\ell_\\infty$ and on images of {side} by {side} pixels alone."


def reading(control: pd.DataFrame, encoders: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """Which side is more robust where, and the control's scores where there are several data sets."""
    found, values = sides(control, encoders), dict[str, Any]()
    for side in (CONTROL, ENCODER, UNDECIDED):
        names = [as_it_stands(name) for name, own in found.items() if own == side]
        values[side] = enumeration(names) if names else "none"
    pixels = control[control.encoder == "pixels"]["AS score"]
    score = _SCORE.format(low=pixels.min(), high=pixels.max()) if len(pixels) > 1 else ""
    return _READING, values | {"score": score}


def shown(control: pd.DataFrame, encoders: pd.DataFrame) -> pd.DataFrame:
    """Both sides, data set by data set."""
    rows = pd.concat([control, encoders], ignore_index=True)
    order = {name: k for k, name in enumerate(dict.fromkeys(control["data"]))}
    return rows.sort_values("data", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)


def show(page: Page, points: pd.DataFrame, sets: Sequence[DataSet] | None = None) -> None:
    """The table and the sentence for `sets`, images of 32x32; without them for the page's data sets.

    `points`: of the page's encoders, as of `measurement.table`; those of other data sets are left out.
    """
    side = GreyMeans.input_size
    if page.threat.norm != "linf" or (sets and sets[0].test.images.shape[-1] != side):
        display(page.text("control-here", _ABSENT, side=side))
        return
    sets = sets or [*loaded_images(page.p, page.p.data, [load_encoder("pixels")]).values()]
    own = points[points["data"].isin([data.name for data in sets]) & ~points.encoder.isin(SIDES)]
    if own.empty:
        return
    control = of_sets(sets, probe_settings(page.p), page.threat, workers=page.workers)
    encoders = of_encoders(own)
    formats = dict.fromkeys(control.columns[3:], ".3f")
    table = shown(control, encoders)
    display(
        page.table("control-here", table, formats, wide=True, caption=_TABLE),
        page.text("control-here-reading", *reading(control, encoders)),
    )
