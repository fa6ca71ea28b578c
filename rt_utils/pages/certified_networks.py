"""What is certified of networks that others trained, as the chapter on certificates shows it, from a kept record."""

import json
from typing import Any

import numpy as np
import pandas as pd
import torch
from IPython.display import display

from rt_utils.evaluation.certified_networks import ALL_WAYS, OWN, ROUNDING
from rt_utils.evaluation.interval_bounds import LOGITS, MERGED, THEOREM_2
from rt_utils.pages.elements import Element
from rt_utils.pages.labels import short_name
from rt_utils.pages.page import Page
from rt_utils.pages.plots import certified as plots
from rt_utils.pages.plots.thumbnails import encoded
from rt_utils.runtime import paths
from rt_utils.theory.threat import Threat, format_eps

RESULT = (
    "**The result.** On {n:,} test images of CIFAR-10 (JPEG) at radius {eps} Theorem 2, with the network's own head, "
    "certifies {certified:.1%}, and **{both:.1%} are certified and right**, of {right:.1%} that are right at all. With "
    "the last layer merged it is {merged:.1%} and {merged_both:.1%}: what going through the norm costs. A certified "
    "share alone would flatter: the network says {most} {times} times and {least} {rare} times, where each class has "
    "about {each:.0f} images."
)
SHARES = (
    "A kept record: {encoder}, {n:,} of the 10,000 test images of CIFAR-10 (JPEG), drawn with seed 0, l_inf at {eps}. "
    "For the network's own head and for this book's probe: right; certified, by each of four ways; certified and "
    "right; then what attacks leave, which no certified share can pass: predictions not flipped, and right ones. "
    "“logits” bounds each logit by itself, as classifiers are often verified."
)
READING = (
    "Merging certifies every image that Theorem 2 certifies, as point 3 of the theorem above says: on none of the "
    "{n:,} images, with neither head, is it otherwise. With the own head Theorem 2 certifies {theorem_2} images and "
    "$\\bar v_P$ adds {subspace}. Bounds on the logits one by one certify {logits}; they miss {missed} of Theorem 2's. "
    "Of Theorem 2's images {still} have the bound $0$: no feature can move there, all get one and the same "
    "prediction, and {still_right} of them are right. This is the constant network of the exercise below, in part."
)
SCORE = (
    "**Both sides.** The AS score of these images lies between {found:.3f}, found, and {bound:.3f}, certified; in the "
    "head's subspace between {found_p:.3f} and {bound_p:.3f}. The bracket of no image is crossed: the largest share of "
    "a bound that an attack reached is {share:.4f}, in float64 {share64:.4f} (five attacks, {few} images), and no "
    "certified prediction was flipped. For new images of the same kind $\\E S$ lies between {low:.3f} and {high:.3f}, "
    "each with probability 95%."
)
BRACKET = (
    "Each point is one of the {n:,} images, {encoder} at {eps}: the largest shift that any attack found against its "
    "certified bound. \\(S(x)\\) lies between; no point can lie below the line."
)
CURVE = (
    "{encoder}, its own head, {n:,} images: the share that is right and whose largest certified radius, by bisection, "
    "is at least the one below. Shaded: for new images, at all radii at once, with probability 95% at least the lower "
    "edge (DKW). Dots: right under attack. The curves begin at what is right at all."
)
PICTURE = (
    "The first image that is certified by Theorem 2, right and not among those of bound 0: {kind} (CIFAR-10, "
    "Krizhevsky 2009, test image, JPEG), and the perturbation within {eps} that moves its features furthest, of those "
    "found: by {shift:.3f}. No perturbation moves them by more than {bound:.3f}, and the margin ratio is {margin:.3f}, "
    "so none changes the prediction; after this one it is still {after}."
)
BESIDE = (
    "Where it fails: all the networks of CIFAR-10 kept, with their own heads, the first {n} of the same images. The "
    "radius that each was trained for; right; mean shift found by a short PGD, mean bound, one over the other; "
    "certified by Theorem 2 and merged, all and right."
)
FAILS = (
    "**Where it fails.** Of the {others} other networks of CIFAR-10, at either radius, Theorem 2 by interval bounds "
    "certifies {most:.0%} of the images at most, and the bound is {least_ratio:,.0f} to {most_ratio:.0e} times what "
    "the attack finds. It is true there and says nothing. Those trained for a certificate at 2/255 were trained with "
    "another, tighter bound; each further layer widens the boxes again."
)
FASHION = (
    "**On Fashion-MNIST.** `fashion_mnist` was trained for a certificate at {trained}. At {least} Theorem 2 by "
    "interval bounds, with the network's own head, certifies {certified:.1%} of {n} test images, and **{both:.1%} are "
    "certified and right**, of {right:.1%} that are right at all; merged it is {merged:.1%} and {merged_both:.1%}. At "
    "the radius of its training it certifies {there:.1%}, merged {merged_there:.1%}: the training used another, "
    "tighter bound."
)
FASHION_TABLE = (
    "fashion_mnist with its own head, {n} of the 10,000 test images of Fashion-MNIST, drawn with seed 0. Columns as "
    "in the table of the networks of CIFAR-10 below."
)
NAMES = {THEOREM_2: "Theorem 2", "S_P < m": "in the head’s subspace", MERGED: "merged", LOGITS: "logits"}
FLIPPED = "Certified, kept record: certified points that an attack flipped"
SHIFT = "Certified, kept record: largest excess of a shift found over its upper bound"


def kept() -> dict[str, Any] | None:
    """What `evaluation.certified_networks` wrote; None where a book keeps none."""
    path = paths.reference() / "public" / "certified_networks.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def result(deep: dict[str, Any]) -> dict[str, Any]:
    """What RESULT says."""
    by_way = {row["way"]: row for row in deep["ways"] if row["head"] == OWN}
    of, merged, said = by_way[THEOREM_2], by_way[MERGED], deep["predicted"]
    most, least = max(said, key=said.__getitem__), min(said, key=said.__getitem__)
    return {
        **{"n": deep["n"], "right": of["right"], "certified": of["certified"], "both": of["certified and right"]},
        **{"merged": merged["certified"], "merged_both": merged["certified and right"]},
        **{"most": most, "times": said[most], "least": least, "rare": said[least], "each": deep["n"] / len(said)},
    }


def reading(deep: dict[str, Any]) -> dict[str, Any]:
    """What READING says, in images, of the own head."""
    n = deep["n"]
    count = {row["way"]: round(n * row["certified"]) for row in deep["ways"] if row["head"] == OWN}
    first, second, _, apart = (count[way] for way in ALL_WAYS)
    said = {"n": n, "theorem_2": first, "subspace": second - first, "logits": apart}
    still = {"still": deep["unmoved"]["certified"], "still_right": deep["unmoved"]["right"]}
    return said | still | {"missed": deep["missed by logits"]}


def score(deep: dict[str, Any]) -> dict[str, Any]:
    """What SCORE says."""
    its, exact = deep["score"], deep["float64"]
    return {
        **{"found": its["AS found"], "bound": its["AS bound"], "found_p": its["AS_P found"]},
        **{"bound_p": its["AS_P bound"], "low": its["from below, KL"], "high": its["from above, KL"]},
        "share": max(part["largest share of a bound"] for part in deep["checks"].values()),
        **{"share64": max(row["shift"] for row in exact), "few": exact[0]["n"]},
    }


def fails(beside: pd.DataFrame, encoder: str) -> dict[str, Any]:
    """What FAILS says: of all networks but `encoder`."""
    others = beside[beside.encoder != encoder]
    ratios = others["bound / found"]
    ends = {"least_ratio": ratios.min(), "most_ratio": ratios.max()}
    return ends | {"others": others.encoder.nunique(), "most": others[THEOREM_2].max()}


def on_fashion(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What FASHION says."""
    first, last = rows[0], rows[-1]
    return {
        **{"trained": first["trained for"], "least": first["eps"], "n": first["n"], "right": first["right"]},
        **{"certified": first[THEOREM_2], "both": first[f"{THEOREM_2}, right"], "merged": first[MERGED]},
        **{"merged_both": first[f"{MERGED}, right"], "there": last[THEOREM_2], "merged_there": last[MERGED]},
    }


def _beside(page: Page, key: str, rows: list[dict[str, Any]], caption: str) -> Element:
    """The rows of `evaluation.certified_networks.beside` as a table."""
    names = {THEOREM_2: "Theorem 2", f"{THEOREM_2}, right": "and right", f"{MERGED}, right": "merged and right"}
    table = pd.DataFrame(rows).rename(columns=names)
    formats = dict.fromkeys(table.columns[4:], ".2f") | {"n": "d", "found": ".3g", "bound": ".3g"}
    formats["bound / found"] = ".3g"
    return page.table(key, table, formats, wide=True, caption=caption, n=int(table.n.max()))


def show(page: Page) -> None:
    """The section, where the record is kept: result, shares, both sides, curve, a picture, and where it fails."""
    if (record := kept()) is None:
        return
    deep, beside = record["in depth"], pd.DataFrame(record["beside"])
    given = {"encoder": short_name(deep["encoder"]), "n": deep["n"], "eps": format_eps(deep["eps"])}
    shares = pd.DataFrame(deep["ways"]).replace({"way": NAMES})
    display(page.text("network-result", RESULT, result(deep), eps=given["eps"]))
    display(page.table("network-shares", shares, ".3f", wide=True, caption=SHARES, **given))
    display(page.text("network-reading", READING, reading(deep)))
    display(page.text("network-score", SCORE, score(deep)))
    points = pd.DataFrame(deep["points"]).assign(encoder=deep["encoder"], data=deep["data"])
    data = {"points": points, "encoders": [deep["encoder"]]}
    alt = "A cloud of points above the diagonal: bounds are {times:.2f} times what was found, in the mean."
    times = deep["score"]["AS bound"] / deep["score"]["AS found"]
    display(page.figure("network-bracket", plots.bracket, data, caption=BRACKET, alt=alt, times=times, **given))
    curves = pd.DataFrame(deep["curves"]).replace({"way": NAMES})
    data = {"curves": curves, "attacked": pd.DataFrame(deep["attacked"]), "rho": 0.05}
    alt = "Four falling curves, merged the highest, Theorem 2 and the head’s subspace the lowest; points above them."
    display(page.figure("network-radii", plots.radii, data, caption=CURVE, alt=alt, **given))
    its = deep["picture"]
    clean, moved = (encoded(torch.tensor([its[name]], dtype=torch.uint8))[0] for name in ("clean", "moved"))
    rows = [{"what": f"certified ({its['class']})", "clean": clean, "moved": moved}]
    values = {"kind": its["class"], "after": its["said after"], "margin": its["margin ratio"], "eps": given["eps"]}
    values |= {name: its[name] for name in ("shift", "bound")}
    alt = (
        "A small picture of a {kind}, the same with a faint pattern over it, and the pattern alone, five times larger."
    )
    data = {"rows": rows, "factor": 5}
    display(page.figure("network-picture", plots.worst_images, data, caption=PICTURE, alt=alt, **values))
    display(page.text("network-fashion", FASHION, on_fashion(record["fashion"])))
    display(_beside(page, "network-fashion-table", record["fashion"], FASHION_TABLE))
    display(_beside(page, "network-beside", record["beside"], BESIDE))
    display(page.text("network-fails", FAILS, fails(beside, deep["encoder"])))
    claim(page, deep)


def claim(page: Page, deep: dict[str, Any]) -> None:
    """Enter into the ledger that no certified point was flipped and no bound passed, at every image of the record."""
    flipped = sum(part["flipped"] for part in deep["checks"].values())
    above = np.max(np.array(deep["points"]["shift"]) - np.array(deep["points"]["shift_upper"]))
    where = {"encoder": deep["encoder"], "data": deep["data"], "n": deep["n"], "threat": Threat("linf", deep["eps"])}
    page.claim(FLIPPED, lhs=flipped, rhs=0, **where)
    page.claim(SHIFT, lhs=float(above), rhs=0, tolerance=ROUNDING - 1, **where)
