"""The results of the chapters on experiments in plain words: counts, shares and extremes of what their tables hold."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rt_utils.pages.labels import labels
from rt_utils.pages.plain import frame_from
from rt_utils.pages.published_orders import RELATIVE
from rt_utils.pages.wording import BY_MEANS, as_it_stands, enumeration

Elements = Mapping[str, Any]


def where(rows: pd.DataFrame, i: int) -> str:
    """Row i in words: its encoder and its data set, which may be a user's."""
    encoder, data = rows.iloc[i][["encoder", "data"]]
    return as_it_stands(f"{labels(rows.encoder)[encoder]} encoder, {data}")


def _of(column: pd.Series) -> pd.DataFrame:
    """Entries such as "136 of 140", as two columns of numbers."""
    return column.str.extract(r"(\d+) of (\d+)").astype(int)


def loss_gap(elements: Elements) -> str:
    """Lemma 1, from a table with its left side and the AS score of every case."""
    rows = frame_from(elements["table-1"])
    factor = rows["AS score"] / rows["LHS"]
    holds, loosest = int((factor >= 1).sum()), where(rows, int(factor.argmax()))
    return (
        f"Lemma 1 bounds the loss gap found, divided by its constants, by the AS score. It holds in {holds} of "
        f"{len(rows)} pairs of encoder and data set. The score is {factor.min():.1f} to {factor.max():.1f} times the "
        f"left side: the bound is loosest for the {loosest}."
    )


def criterion(elements: Elements) -> str:
    """Theorem 2, from a table with what fulfils its criterion."""
    rows = frame_from(elements["table-3"])
    kept, most = _of(rows["unchanged where fulfilled"]), int(rows.fulfilled.argmax())
    total, fulfilled = int(rows.n.sum()), int(kept[1].sum())
    if not fulfilled:
        return f"None of {total:,} test points, counted for each encoder, fulfils the criterion with the shift found."
    return (
        f"Of {total:,} test points, counted for each encoder, {fulfilled:,} fulfil the criterion with the shift found "
        f"({fulfilled / total:.1%}), and {int(kept[0].sum()):,} of these keep their prediction under all that was "
        f"found. The largest share is {rows.fulfilled.iloc[most]:.1%} ({where(rows, most)}), where "
        f"{rows['robust acc.'].iloc[most]:.1%} stay right under attack."
    )


def score_orders(elements: Elements) -> str:
    """Section 6.1: whether the AS score orders the data sets as the relative difference of the losses does."""
    rows = frame_from(elements["orders"])
    rows = rows[rows.by == RELATIVE]
    pairs = _of(rows.pairs)
    right = rows[pairs[0] == pairs[1]].encoder.map(labels(rows.encoder))
    for_whom = f" ({enumeration([as_it_stands(name) for name in right])})" if len(right) else ""
    return (
        "The AS score, known before any label, orders the data sets as the loss of robustness afterwards does for "
        f"{len(right)} of {len(rows)} encoders{for_whom}, and {pairs[0].sum()} of {pairs[1].sum()} pairs of data sets. "
        "With so few data sets even a perfect order is weak evidence."
    )


def transfer_methods(elements: Elements) -> str:
    """Section 6.2: what finetuning does to robust accuracy and AS score, against the linear probe."""
    rows = frame_from(elements["table-5"])
    wide = rows.pivot_table(index=["encoder", "data"], columns="method", values="robust acc.", sort=False)
    score = rows.pivot_table(index=["encoder", "data"], columns="method", values="AS score", sort=False)
    said = [
        f"{method} is more robust than the linear probe on {(wide[method] > wide['LP']).sum()} of {len(wide)} pairs of "
        f"encoder and data set, and takes the AS score to {(score[method] / score['LP']).min():.2g} to "
        f"{(score[method] / score['LP']).max():.2g} times its value"
        for method in ("FT", "LP-FT")
    ]
    return f"A linear probe leaves encoder and AS score as they are. Full finetuning (FT) does not: {'; '.join(said)}."


def regression(elements: Elements) -> str:
    """Appendix B.2: the loss gap found over the head's norm as a share of the AS score."""
    rows = frame_from(elements["table-7"])
    targets = rows[["scale", "orientation", "posX", "posY"]]
    used = targets.div(rows["AS"], axis=0).to_numpy()
    return (
        f"Lemma 1 needs no classes: on {int((used <= 1).sum())} of {used.size} combinations of attack, encoder and "
        f"target the loss gap found over the head's norm is at most the AS score. It is {used.min():.1%} to "
        f"{used.max():.1%} of it."
    )


def distribution_shift(elements: Elements) -> str:
    """Appendix B.5: on how many corrupted sets the AS score grows and the robust accuracy falls."""
    rows = frame_from(elements["corrupted"])
    clean = rows[rows.images == "clean"].set_index("encoder")
    shifted = rows[rows.images != "clean"]
    score, accuracy = (shifted[name] - shifted.encoder.map(clean[name]) for name in ("AS", "robust acc."))
    worst = shifted.iloc[int(accuracy.argmin())]
    return (
        f"Against the clean images, the AS score is larger on {(score > 0).sum()} of {len(shifted)} corrupted sets, "
        f"and the robust accuracy of a probe fitted there lower on {(accuracy < 0).sum()}. The largest loss is "
        f"{-100 * accuracy.min():.0f} percentage points ({as_it_stands(str(worst['images']))}, "
        f"{as_it_stands(labels(rows.encoder)[str(worst['encoder'])])} encoder)."
    )


def paper_and_code(elements: Elements) -> str:
    """How many printed numbers follow from others that are printed."""
    rows = frame_from(elements["relations"])
    first = rows.iloc[0]
    return (
        f"{first.consistent} of {first.cells} printed left sides follow from the printed gaps and norms within "
        f"rounding, and {rows.consistent.sum()} of {rows.cells.sum()} numbers over all {len(rows)} relations."
    )


def model_cards(elements: Elements) -> str:
    """Clean and attacked accuracy of the robust and the standard encoders."""
    rows = frame_from(elements["accuracies"]).set_index("name")
    said = [
        f"{name}: {row['clean acc.']:.1%} right on clean images, {row['and APGD']:.1%} under PGD and APGD"
        for name, row in rows.iterrows()
        if str(name).endswith(("/robust", "/standard"))
    ]
    return f"On the images of its own pretraining, {'; '.join(said)}."


def starts(elements: Elements) -> str:
    """How many of the claims about starts of adversarial finetuning come out, do not, or are undecided."""
    rows = frame_from(elements["claims"])
    out, against, undecided = (int((rows.verdict == verdict).sum()) for verdict in ("holds", "violated", "undecided"))
    counts = enumeration([f"{out} come out on this task", f"{against} do not", f"{undecided} are undecided"])
    how = elements["claims"].get("values", {}).get("decision", BY_MEANS)  # an older record holds no intervals
    return f"Of {len(rows)} claims about where adversarial finetuning should start, {counts}. {how}"
