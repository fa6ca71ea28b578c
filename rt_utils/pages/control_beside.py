"""The control beside a page's encoders: a table and a sentence, from `evaluation.control_beside`."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from IPython.display import display

from rt_utils.evaluation.control_beside import CONTROL, ENCODER, SHARES, UNDECIDED, of_encoders, of_sets, rows, sides
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.networks.no_representation import GreyMeans
from rt_utils.models.no_representation import SIDES
from rt_utils.pages.experiment import loaded_images, probe_settings
from rt_utils.pages.page import Page
from rt_utils.pages.wording import as_it_stands, enumeration

_TABLE = (
    "No representation beside the page’s encoders, profile {profile}: {threat}, linear probes trained without attacks, "
    "one seed. pixels: the grey pixels; blocks: means of 4 by 4 of them; both exact. Of an encoder, robust is what "
    "attacks leave and fulfilled what the shift found allows, upper bounds both; its AS score is what they found, a "
    "lower bound. AS scores are in the feature units of each."
)
_READING = (
    "**Without a representation.** By McNemar's test on the same images, 5% for all pairs together, a control is more "
    "robust than the linear probe on every encoder of this page on {control}, an encoder’s probe is more robust than "
    "both controls on {encoder}; undecided: {undecided}. The encoders’ numbers are upper bounds, so the first is safe; "
    "the second holds under these attacks, for this recipe and seed. Where an encoder was pretrained on the same kind "
    "of images (embedded/robust on glyphs, natural/robust on tinyimagenet100, the public networks of CIFAR-10 on "
    "CIFAR-10) nothing was transferred. {score}What a control reaches, no representation needs to be praised for."
)
_SCORE = (
    "The score of a control is the same for all images that the pixel box does not cut, so between data sets it can "
    "order nothing: from {low:.4g} to {high:.4g} for pixels. "
)
_ABSENT = "No control stands here: it is exact in $\\ell_\\infty$ and on images of {side} by {side} pixels alone."


def reading(control: pd.DataFrame, encoders: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """Which side is more robust where, and the control's scores where there are several data sets; from points."""
    found, values = sides(control, encoders), dict[str, Any]()
    for side in (CONTROL, ENCODER, UNDECIDED):
        names = [as_it_stands(name) for name, own in found.items() if own == side]
        values[side] = enumeration(names) if names else "none"
    pixels = control[control.encoder == "pixels"].groupby("data")["AS score"].mean()
    score = _SCORE.format(low=pixels.min(), high=pixels.max()) if len(pixels) > 1 else ""
    return _READING, values | {"score": score}


def shown(control: pd.DataFrame, encoders: pd.DataFrame) -> pd.DataFrame:
    """Both sides, data set by data set; from points."""
    both = rows(pd.concat([control, encoders], ignore_index=True))
    order = {name: k for k, name in enumerate(dict.fromkeys(control["data"]))}
    return both.sort_values("data", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)


def show(page: Page, points: pd.DataFrame, encoders: Iterable[Encoder], sets: Sequence[DataSet] | None = None) -> None:
    """The table and the sentence for `sets`, images of 32x32; without them for the page's data sets.

    `points`: of these encoders, as of `measurement.table`; those of other data sets are left out. So are encoders of
    larger images, on which the adversary has more pixels.
    """
    side = GreyMeans.input_size
    small = {encoder.name for encoder in encoders if encoder.input_size == side} - {*SIDES}
    own = points[points.encoder.isin(small)]
    if page.threat.norm != "linf" or own.empty:
        display(page.text("control-here", _ABSENT, side=side))
        return
    sets = sets or [*loaded_images(page.p, page.p.data, [load_encoder("pixels")]).values()]
    control = of_sets(sets, probe_settings(page.p), page.threat, workers=page.workers)
    found = of_encoders(own[own["data"].isin(control["data"])])
    formats = dict.fromkeys(("AS score", *SHARES), ".3f")
    display(
        page.table("control-here", shown(control, found), formats, wide=True, caption=_TABLE),
        page.text("control-here-reading", *reading(control, found)),
    )
