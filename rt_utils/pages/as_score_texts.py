"""What the chapter on the AS score says of its numbers, where the words depend on them: templates and their values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from rt_utils.evaluation import score_orders
from rt_utils.evaluation.lost_robustness import FACTORS, MEASURES, reversals
from rt_utils.evaluation.ranks import order
from rt_utils.pages.wording import enumeration

Text = tuple[str, dict[str, Any]]
Names = Mapping[str, str]  # from full names to shown ones

_LATER = (
    "Attacks on the loss, which need labels and a head, moved the features further than this attack at some points; "
    "over all of them they raise the score by {least:.1%} to {most:.1%}."
)
_RULE = (
    "The paper's rule is a coarse one: where the score is about as small as on the images of the pretraining, expect "
    "robustness to survive the probe; where it is much higher, do not. Here the score over that of {first} ({origin}) "
    "is: {ratios}. The rule says nothing of ratios that differ by little."
)
_GLYPHS = "the kind of image that the robust and the standard encoder were trained on, and the random one was not"


def forecast(before: pd.DataFrame, label: Names, short: Names) -> Text:
    """What the scores alone say, from `lost_robustness.score_before_a_head` over the first data set."""
    gain, first = before["all found"] / before["AS score"] - 1, next(iter(short))
    others = before[(before.data != first) & before.ratio.notna()].replace({"data": dict(short)})
    later = _LATER if gain.max() > 0 else "No later attack raised a score."
    rule = "With one data set there is nothing to compare." if others.empty else _RULE
    values = {"least": gain.min(), "most": gain.max(), "first": short[first]}
    values["origin"] = _GLYPHS if first == "glyphs" else "the first data set named"
    times = others.data + others.ratio.map(" {:.1f} times".format).astype(str)
    by_encoder = times.groupby(others.encoder, sort=False).agg(", ".join)
    values["ratios"] = "; ".join(f"{label[str(encoder)]}: {each}" for encoder, each in by_encoder.items())
    return f"**The forecast.** {later} {rule}", values


def outcome(found: pd.DataFrame, label: Names, short: Names) -> Text:
    """Score over that of the first data set, and the accuracy that the attack leaves, per encoder in a list."""
    lines = []
    for encoder, part in found.groupby("encoder", sort=False):
        base, *others = part.to_dict("records")
        own = f"on {short[base['data']]} the attack leaves {base['robustly']:.1%} of {base['right']:.1%} accuracy. "
        rest = (
            f"{short[row['data']]}, {row['score'] / base['score']:.1f} times the score: {row['robustly']:.1%} of "
            f"{row['right']:.1%}"
            for row in others
            if base["score"] > 0
        )
        lines.append(f"- {label[str(encoder)]}: {own}{'; '.join(rest)}")
    return "**Did the forecast come true?**\n\n{lines}", {"lines": "\n".join(lines)}


_NOT = (
    "For the {encoder} encoder it does **not**: by score {score}, by relative difference {order} (the orders are equal "
    "in {seeds} seeds, and in {resamples:.0%} of the resamples). "
)
# No part of these words depends on the numbers: a kept run fills them too, where other encoders may agree.
_READING = (
    "**How to read it.** An order counts as right if every pair of the {m} data sets stands as the score has it, "
    "however close two scores are. Encoders with the right order, by measure: {counts}. The first of these measures is "
    "the paper's. {wrong}The condition of the proposition above, with what was found, "
    "holds for {implied} of the {n} pairs of data sets of one encoder: no order beyond those follows from the "
    "inequality."
)


def reading(orders: pd.DataFrame, implied: int, label: Names, data: Sequence[str]) -> Text:
    """For which encoders the score orders the data sets as each measure does, from `score_orders.orders`.

    `implied`: how many pairs of data sets the proposition orders.
    """
    if len(data) < 2:
        return "**How to read it.** With one data set there is no order; name two or more.", {}
    by = {str(what): part.set_index("encoder") for what, part in orders.groupby("what")}
    relative = by["relative"].assign(score=by["score"].order)
    wrong = relative[relative.apart > 0].reset_index().replace({"encoder": dict(label)}).to_dict("records")
    values = {
        "m": len(data),
        "wrong": "".join(_NOT.format(**{str(k): v for k, v in row.items()}) for row in wrong),
        "counts": "; ".join(f"{name} {(by[w].apart == 0).sum()} of {len(relative)}" for w, name in MEASURES.items()),
        "implied": implied,
        "n": int(relative.n_pairs.sum()),
    }
    return _READING, values


_REVERSED = (
    "- {encoder}: {b} has {score:.2f} times the score of {a}, but {relative:.2f} times the relative difference. Most "
    "of that comes from {most}, {largest:.1f} times as large on {a}; the others: {others}."
)


def wrong_pairs(found: pd.DataFrame, label: Names) -> Text:
    """The pairs of data sets that the score orders wrongly, and which factor does it, in a list."""
    lines = []
    for row in reversals(found).to_dict("records"):
        most, *others = sorted(list(FACTORS)[1:], key=lambda name: -row[name])
        rest = ", ".join(f"{FACTORS[name]} {row[name]:.2f}" for name in FACTORS if name in others)
        words = {"encoder": label[row["encoder"]], "most": FACTORS[most], "largest": row[most], "others": rest}
        lines.append(_REVERSED.format(**{str(k): v for k, v in row.items()} | words))
    head = "**The pairs that the score orders wrongly**, by relative difference:\n\n{lines}"
    return head, {"lines": "\n".join(lines) or "- none"}


_FACTOR = (
    "Over these heads, which predict the same, one data set's relative difference varies by a factor of up to "
    "{factor:.0f}. "
)
_CHANGES = (
    "Encoders for which the order of the data sets changes: {changed}. Where it does the relative difference ranks, in "
    "part, how sharp each probe is."
)


def sharper_heads(sharp: pd.DataFrame, label: Names, data: Sequence[str]) -> Text:
    """How far `score_orders.sharpness` moves the relative differences, and for which encoders their order."""
    values = sharp.groupby("encoder", sort=False)[list(data)]
    largest, least = values.max().to_numpy(), values.min().to_numpy()
    factor = max(largest[least > 0] / least[least > 0], default=np.nan)
    if not np.isfinite(factor):
        return "Nothing is lost here, so there is nothing to rescale.", {}
    orders = {str(encoder): {*map(tuple, np.argsort(part.to_numpy(), axis=1))} for encoder, part in values}
    changed = [label[encoder] for encoder, different in orders.items() if len(different) > 1]
    return _FACTOR + _CHANGES, {"factor": factor, "changed": enumeration(changed) if changed else "none"}


_SLOPES = (
    "The score per unit of radius at the largest radius is {flattest:.2f} to {steepest:.2f} times that at the "
    "smallest: 1 would be a straight line. "
)
_SHORTER = (
    "This search is shorter than the page's attack: at eps = {eps}, on the same points, it finds {least:.1%} to "
    "{most:.1%} of its score."
)


def over_radii(
    curves: score_orders.Curves,
    radii: Mapping[str, float],
    eps: str,
    alone: Mapping[tuple[str, str], Float[np.ndarray, " _n"]],
    label: Names,
    short: Names,
) -> Text:
    """Whether the order of the data sets depends on the radius, and how the sweep compares with the page's attack.

    `curves`: `sweep.traced` at `radii`, by name; `alone`: what the page's attack found at the radius named `eps`.
    """
    lines, named = [], list(radii)
    orders = score_orders.by_radius(curves, named, short)
    for encoder, part in orders.groupby("encoder", sort=False):
        kinds = [f"{kind} at {enumeration(at)}" for kind, at in zip(part.order, part.radii, strict=True)]
        everywhere = f"{part.order.iloc[0]} at every radius"
        line = f"{label[str(encoder)]}: " + ("; ".join(kinds) if len(kinds) > 1 else everywhere)
        everyone = order(list(short.values()), [alone[str(encoder), name].mean() for name in short])
        here = [kind for kind, at in zip(part.order, part.radii, strict=True) if eps in at]
        if here and here != [everyone]:
            points = len(next(iter(curves.values())))
            line += f" (with all test points, at eps = {eps}: {everyone}; the scores are too close for {points} points)"
        lines.append(line)
    means = [curve.mean(0) for curve in curves.values()]
    first, *_, last = list(radii.values())[1:]
    slopes = [mean[-1] / last / (mean[1] / first) for mean in means if mean[1] > 0]
    found = [
        curve[:, named.index(eps)].mean() / alone[case][: len(curve)].mean()
        for case, curve in curves.items()
        if eps in named[1:] and alone[case].any()
    ]
    template = "**Does the order depend on the radius?** {orders}. " if len(short) > 1 else ""
    values: dict[str, Any] = {"orders": ". ".join(lines), "eps": eps}
    if slopes:
        template, values = template + _SLOPES, values | {"flattest": min(slopes), "steepest": max(slopes)}
    if found:
        template, values = template + _SHORTER, values | {"least": min(found), "most": max(found)}
    return template, values
