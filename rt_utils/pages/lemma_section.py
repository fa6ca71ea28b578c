"""The steps behind Theorem 1 as its page shows them: Jensen's inequality in Lemma 3, and the constants of Lemma 2."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import torch

from rt_utils.evaluation import head_constants
from rt_utils.pages.labels import labels
from rt_utils.pages.plots import lemmas
from rt_utils.theory.jensen import jensen_step

U, OTHER, Y = (0.3, 0.0, -0.6), (-0.9, 1.2, 0.2), 0  # three logits, and where they go; the class, from 0
TWO_FEATURES = ((1.2, 0.3), (-0.4, 0.6), (-0.7, -0.5))
JENSEN = (
    "Jensen's inequality in Lemma 3, three classes. Left: the weighted mean of points on the curve lies in their "
    "triangle, so above the curve at \\(\\sum_jq_ja_j\\). Right: from \\(u\\) to \\(u'\\) the loss stays above its "
    "tangent, and at \\(u'\\) by the same length, {lost:.2f} nats. The tangent stays in the grey cone, whose slope is "
    "\\(2\\Vert u-u'\\Vert_\\infty\\): that is the constant 2."
)
JENSEN_ALT = (
    "Left, a falling convex curve with three points, their triangle, and a vertical bar of length {lost:.2f} from the "
    "curve to the weighted mean. Right, a rising convex loss, its tangent below it, and the same bar between them."
)
HEADS = (
    "Row, spectral and Frobenius constants. Left, a head with two features: the length of \\(Wv\\) in the direction of "
    "each unit vector \\(v\\). In \\(\\ell_\\infty\\) it touches the circle of the longest row, in \\(\\ell_2\\) that "
    "of the spectral norm. Nothing reaches the Frobenius norm, which is the length if all rows were parallel. Right: "
    "the constants of each head, and the fastest move of its logits found: in \\(\\ell_2\\) from {least:.0%} to "
    "{most:.0%} of the spectral norm. The Frobenius norm is {low:.1f} to {high:.1f} times the spectral one."
)
HEADS_ALT = "Left, two closed curves inside three circles. Right, three marks and two hollow ones for each head. {said}"
_SAID = "{case}: row {row:.2f}, spectral {spectral:.2f}, Frobenius {Frobenius:.2f}, found {linf:.2f} and {l2:.2f}"


def jensen(show: Callable[..., Any], key: str = "jensen") -> Any:
    """The picture of Lemma 3's step; `show` is `Page.figure`."""
    u, other = torch.tensor(U).double(), torch.tensor(OTHER).double()
    lost = jensen_step(u, other, Y).lost
    return show(key, lemmas.jensen, {"u": u, "other": other, "y": Y}, caption=JENSEN, alt=JENSEN_ALT, lost=lost)


def constants(heads: pd.DataFrame, encoders: Sequence[str], show: Callable[..., Any], key: str = "constants") -> Any:
    """The picture of Lemma 2's constants, from `evaluation.head_constants.table`; `show` is `Page.figure`."""
    label = labels(heads.encoder)
    rows = ({str(name): value for name, value in row.items()} for row in heads.to_dict("records"))
    said = "; ".join(_SAID.format(case=f"{label[row['encoder']]} on {row['data']}", **row) for row in rows)
    data = {"weight": torch.tensor(TWO_FEATURES).double(), "heads": heads, "encoders": encoders}
    used = head_constants.spread(heads)
    return show(key, lemmas.head_constants, data, caption=HEADS, alt=HEADS_ALT, said=said, **used)
