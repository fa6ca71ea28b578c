"""Pictures of the chapter on purification: a sparse code under attack, and filters of real encoders' first layers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rt_utils.evaluation import first_layer
from rt_utils.evaluation.code_search import ascend, falling
from rt_utils.evaluation.four_cases import Case, cases
from rt_utils.evaluation.sparse_codes import HIGH, D, codes
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages.elements import Element
from rt_utils.pages.image_groups import magnified
from rt_utils.pages.plots import strips
from rt_utils.pages.plots.thumbnails import encoded

if TYPE_CHECKING:
    from rt_utils.pages.page import Page

COLUMNS, TALL = 8, 2  # entries of a code beside each other, and pixels that each is tall: a square of 32 entries
STEPS, STARTS = 60, 8
USED = 0.02  # of the largest entry of a perturbation: smaller ones are not counted

_CODES = (
    "The table’s first code under attack, \\(\\ell_2\\) with \\(\\epsilon={radius:.2f}\\), in all four cases. Each "
    "of its {d} entries is a field: grey is 0, lighter positive, darker negative; \\(\\delta\\) is magnified as often "
    "as said. Seen: what was found moves {used}. The code itself has {few} entries that are not 0."
)
_FILTERS = (
    "Filters of the first layer, 3 × 3 pixels of three colours, around grey, each scaled to fill the range: of each "
    "encoder the {k} filters of largest relative reach, and the {k} of smallest. Below each: its relative reach, in "
    "standard deviations per unit of pixels."
)


def as_image(levels: Float[Tensor, " 32"]) -> UInt8[Tensor, "3 8 8"]:
    """Entries in [0, 1] as fields from black to white."""
    fields = levels.clamp(0, 1).reshape(-1, COLUMNS).repeat_interleave(TALL, dim=0)
    return (255 * fields).round().byte().expand(3, -1, -1)


def furthest(case: Case, s: Float[Tensor, "1 32"], eps: float, seed: int) -> Float[Tensor, "1 32"]:
    """The perturbation in l_2 that moved the case's output furthest.

    The search starts at the ends of the axes of the ball, and at small random perturbations.
    """
    draw = torch.Generator().manual_seed(seed)
    clean = (case.nodes(s) @ case.a).detach()

    def gain(x: Tensor, _: int) -> Tensor:
        return (case.nodes(x) @ case.a - clean).abs()

    corners = eps * torch.cat([torch.eye(D), -torch.eye(D)]).double()
    near = 1e-3 * eps * torch.randn(STARTS, D, generator=draw).double()
    starts = torch.cat([corners, near])[:, None]
    found = ascend(gain, s, starts, "l2", eps, falling(1.0, STEPS))
    return found[gain(s + found, 0).squeeze(-1).argmax()]


def _group(case: Case, s: Float[Tensor, "1 32"], delta: Float[Tensor, "1 32"]) -> tuple[dict[str, Any], int]:
    """As `strips.tiles` takes it, and how many entries the perturbation moves."""
    fields, times = magnified(delta[None])
    shown = fields[0]
    moved = int((delta.abs() > USED * delta.abs().max()).sum()) if times else 0
    before, after = (float(case.nodes(x) @ case.a) for x in (s, s + delta))
    words = (
        f"<i>s</i><br><i>f</i> = {before:.2f}",
        f"<i>δ</i> × {times}<br>{moved} entries" if times else "<i>δ</i> = 0",
        f"<i>s</i> + <i>δ</i><br><i>f</i> = {after:.2f}",
    )
    alts = ("A sparse code", f"The perturbation, magnified {times} times around grey", "The code, perturbed")
    levels = (0.5 + s / (2 * HIGH), shown, 0.5 + (s + delta) / (2 * HIGH))
    pngs = encoded(torch.stack([as_image(each[0]) for each in levels]))
    pictures = [{"png": png, "alt": alt, "words": word} for png, alt, word in zip(pngs, alts, words, strict=True)]
    heading = f"<b>{case.name}</b> nodes, {case.threshold} a threshold"
    return {"heading": heading, "pictures": pictures, "below": f"output moved by {abs(after - before):.2f}"}, moved


def attacked(page: "Page", eps: float, t: float, n: int, key: str = "attacked-codes") -> Element:
    """The first code of `four_cases.table` with the four representations: s, delta, s + delta, and the output."""
    draw = torch.Generator().manual_seed(page.p.seed)
    beta = torch.randn(D, generator=draw).double()
    s, groups, used = codes(n, draw).double(), [], []
    for case in cases(beta, s, t, page.p.seed):
        delta = furthest(case, s[:1], eps, page.p.seed)
        own, moved = _group(case, s[:1], delta)
        groups.append(own)
        used.append(f"{moved} with {case.name} nodes {case.threshold} a threshold")
    return page.figure(
        key,
        strips.tiles,
        {"groups": groups},
        caption=_CODES,
        alt="A code, the perturbation found, and their sum, with four representations: {used}.",
        used="; ".join(used).replace(" with", " entries with", 1),
        few=int((s[0] != 0).sum()),
        d=D,
        radius=eps,
    )


def filters(
    page: "Page",
    encoders: Sequence[Encoder],
    found: pd.DataFrame,
    names: Mapping[str, str],
    key: str = "filters",
    *,
    k: int = 4,
) -> Element:
    """The filters with the largest and the smallest relative reach of each encoder; `found` as of `first_layer`.

    `names` are the encoders' shown ones.
    """
    groups: list[dict[str, Any]] = []
    for encoder in encoders:
        weight = first_layer.live_filters(first_layer.first_convolution(encoder))  # the rows of `found`, in this order
        rows = (
            found[found.encoder == encoder.name]
            .reset_index(drop=True)
            .sort_values("reach", ascending=False, kind="stable")
        )
        few = min(k, len(rows) // 2)
        for which, part in (("largest", rows.head(few)), ("smallest", rows.tail(few).iloc[::-1])):
            chosen = weight[part.index.tolist()]
            levels = 0.5 + chosen / (2 * chosen.abs().amax((1, 2, 3), keepdim=True))
            alt = f"A filter of the {names[encoder.name]} encoder"
            pictures = [
                {"png": png, "alt": alt, "words": f"{reach:.1f}"}
                for png, reach in zip(encoded((255 * levels).round().byte()), part.reach, strict=True)
            ]
            heading = f"<b>{names[encoder.name]}</b> encoder, {which} reach"
            groups.append({"heading": heading, "pictures": pictures, "below": ""})
    return page.figure(
        key,
        strips.tiles,
        {"groups": groups},
        caption=_FILTERS,
        alt="Filters of the first layers as small images of three by three pixels.",
        k=few,
    )
