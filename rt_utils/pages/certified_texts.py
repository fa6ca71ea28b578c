"""Words and columns of the chapter on certificates: templates, and the values that fill them."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from rt_utils.evaluation.certified_shares import M_PROBE, RATIO, T_PROBE
from rt_utils.evaluation.interval_bounds import IN_SUBSPACE, MERGED, THEOREM_2
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import NO_REPRESENTATION
from rt_utils.pages.certified_record import over_radii
from rt_utils.pages.labels import short_name
from rt_utils.pages.plots.thumbnails import encoded

RESULT = (
    "**The result.** At radius {eps}, with {encoder}, {shares} of the test points{new} are proved to be classified "
    "correctly, whatever the perturbation. The proof holds up to "
    "rounding. Attacks can find more than they did; nothing can pass a bound."
)
RESULTS = (
    "Shares of test points at radius {eps}: right with the book's probe; the largest share that is certified and "
    "right, of three ways; which way that is, and how much its own probe has right without an adversary. "
    "embedded/certified was pretrained on other images of the classes of letters, and on nothing else."
)
PRETRAINED_ON = {"embedded/certified": ["letters"]}
SHARES = (
    "{encoder}, up to {n} test images of each data set; shares. Clean accuracy, and what a short PGD leaves "
    "right ({steps} steps from {starts} starts on the loss, as many on the representation, on the first {few}: an "
    "upper bound on what can be certified of them), with the book's probe. Then certified and right with it: by "
    "Theorem 2, by \\(\\bar v_P\\) in place of \\(\\norm{{\\bar v}}_2\\), merged. Then a probe trained on the worst "
    "merged margins at that radius (M), clean and certified; one trained on Theorem 2's (T). Last, on the images "
    "attacked: the mean bound over the mean shift found."
)
COLUMNS = {
    THEOREM_2: "\\(\\norm{\\bar v}\\lt m\\)",
    IN_SUBSPACE: "\\(\\bar v_P\\lt m\\)",
    MERGED: "\\(M\\gt0\\)",
    f"{M_PROBE} clean": "M clean",
    M_PROBE: "M cert.",
    f"{T_PROBE} clean": "T clean",
    T_PROBE: "T cert.",
    RATIO: "ratio",
}
FORMATS = {RATIO: ".2f"}
SEEDS = (
    "A kept record, at radius 2/255, with more steps of attack and longer training of the probes than above: the same "
    "recipe from three seeds. The one that ships was chosen by {by}. Shares as above."
)
OVER_RADII = "The seed that ships, from the same record, at every radius; of textures there are 200 test images in all."
BOUND_RATIOS = (
    "The mean bound over the mean shift found on digits at {eps} is {page:.2f} under all attacks of this page (AS "
    "bound over AS found above, {n} images), {few:.2f} under the short attack of the tables of shares ({some} images), "
    "and {record:.2f} in the record ({kept} images, a shorter attack). The weaker the attack, the less it finds."
)
READING = (
    "**How to read it.** The three certificates of the book's probe grow stronger from left to right; on the attacked "
    "images, what lies between merged and PGD is open. At radius {eps} merging adds {merged:.1f} points to Theorem 2 "
    "on average, $\\bar v_P$ adds {subspace:.1f}: Theorem 2 looks at a length, merging at every entry. A probe "
    "trained on the worst margins adds {probe:.1f} further points, and gives up {lost:.1f} points of clean accuracy."
)
BOUNDS = (
    "On {vacuous} the bound is {times:,.0f} times what the attack finds at the smaller radius: it is true, and says "
    "nothing. On these digits it is at most {most:.2f} times as large for the encoders of this page."
)
COST = "**Clean accuracy**, by data set: {rows}. All with the book's probe."
CONTROL = (
    "**The control.** At radius {eps} the largest share that is certified and right with {control} is above that with "
    "{trained} on {more}; on {fewer} it is not. Where it is above, the data set does not show that pretraining helps."
)


def shown(part: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """One encoder's rows as its table shows them, and the columns' formats."""
    part = part.drop(columns=["encoder", "n", "flipped", "bound", "found"])
    formats = dict.fromkeys(part.columns[2:], ".3f") | FORMATS
    return part.rename(columns=COLUMNS), {COLUMNS.get(name, name): given for name, given in formats.items()}


def of_seeds(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of the kept record as their table shows them, and the columns' formats."""
    formats = dict.fromkeys(map(str, rows.select_dtypes("number")), ".3f") | {"seed": "d", "n": "d", RATIO: ".2f"}
    return rows.rename(columns=COLUMNS), {COLUMNS.get(name, name): given for name, given in formats.items()}


def best(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The largest certified share of a row, which way it was proved, and that probe's clean accuracy."""
    ways = {
        "book's probe, merged": (row[MERGED], row["clean"]),
        "M-probe, merged": (row[M_PROBE], row[f"{M_PROBE} clean"]),
        "T-probe, Theorem 2": (row[T_PROBE], row[f"{T_PROBE} clean"]),
    }
    way = max(ways, key=lambda name: ways[name][0])
    return {"best": ways[way][0], "way": way, "its clean": ways[way][1]}


def at_radius(shares: pd.DataFrame, eps: str) -> pd.DataFrame:
    """The rows at one radius, as it is shown, with `best`."""
    rows = shares[shares.eps == eps]
    return rows.assign(**pd.DataFrame([best(row) for row in rows.to_dict("records")], index=rows.index))


def result(rows: pd.DataFrame, encoder: str, label: Mapping[str, str]) -> dict[str, Any]:
    """What RESULT says of one encoder, over the rows of one radius."""
    its = rows[rows.encoder == encoder].set_index("data")["best"]
    unseen = its.drop(PRETRAINED_ON.get(encoder, []), errors="ignore")
    new = " of classes that its pretraining did not show" if 0 < len(unseen) < len(its) else ""
    its = unseen if len(unseen) else its
    worst, best = f"{its.min():.1%} ({its.idxmin()})", f"{its.max():.1%} ({its.idxmax()})"
    shares = worst if len(its) == 1 else f"between {worst} and {best}"
    return {"shares": shares, "encoder": label[encoder], "new": new}


def bound_ratios(rows: pd.DataFrame, both: pd.DataFrame, record: Mapping[str, Any], encoder: str) -> dict[str, Any]:
    """What BOUND_RATIOS says; empty where this run or the record has no digits at the same radius.

    `rows`: one radius of `over_radii`; `both`: rows of `score_bracket.bracket`; `record`: `certified_record.kept`.
    """
    here = rows[(rows.encoder == encoder) & (rows["data"] == "digits")].to_dict("records")
    ours = both[(both.encoder == encoder) & (both["data"] == "digits")].to_dict("records")
    kept = over_radii(dict(record))
    kept = kept[(kept["data"] == "digits") & (kept.eps == (here[0]["eps"] if here else ""))]
    if not (here and ours and len(kept)):
        return {}
    ratios = {
        "page": ours[0]["AS bound"] / ours[0]["AS found"],
        "few": here[0][RATIO],
        "record": kept[RATIO].iloc[0],
        "kept": kept.n.iloc[0],
    }
    return ratios | {"n": ours[0]["n"], "eps": here[0]["eps"]}


def results(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one radius as the page's first table shows them."""
    names = {"best": "certified and right", "way": "by", "its clean": "right with that probe"}
    return rows[["encoder", "data", "clean", *names]].rename(columns=names | {"clean": "right"})


def reading(rows: pd.DataFrame) -> dict[str, float]:
    """What READING says, in points, over rows of one radius."""

    def points(one: str, other: str) -> float:
        return float(100 * (rows[one] - rows[other]).mean())

    return {
        "merged": points(MERGED, THEOREM_2),
        "subspace": points(IN_SUBSPACE, THEOREM_2),
        "probe": points(M_PROBE, MERGED),
        "lost": points("clean", f"{M_PROBE} clean"),
    }


def bounds(ratios: pd.DataFrame, vacuous: str, label: Mapping[str, str]) -> dict[str, object]:
    """What BOUNDS says: of the encoder `vacuous`, and of all others."""
    useless = ratios.encoder == vacuous
    values = {"times": ratios[useless][RATIO].iloc[0], "most": ratios[~useless][RATIO].max()}
    return values | {"vacuous": label.get(vacuous, short_name(vacuous))}


def cost(shares: pd.DataFrame, clean: pd.DataFrame, label: Mapping[str, str]) -> dict[str, str]:
    """What COST says: clean accuracies of the page's encoders, and of one that was trained otherwise, `clean`."""
    rows = []
    for name, part in shares.groupby("data", sort=False):
        own = [f"{label[row['encoder']]} {row['clean']:.1%}" for row in part.to_dict("records")]
        others = [
            f"{short_name(row['encoder'])} {row['clean']:.1%}"
            for row in clean[clean["data"] == name].to_dict("records")
        ]
        rows.append(f"{name}: {', '.join(own + others)}")
    return {"rows": "; ".join(rows)}


def control(shares: pd.DataFrame, label: Mapping[str, str]) -> list[dict[str, str]]:
    """What CONTROL says, for each pair of an encoder without training and a trained one of the page."""
    best_of = shares.set_index(["encoder", "data"])["best"]
    names = list(dict.fromkeys(shares.encoder))
    found = []
    for without, trained in product(
        [n for n in names if n in NO_REPRESENTATION], [n for n in names if n not in NO_REPRESENTATION]
    ):
        above = best_of[without] > best_of[trained]
        listed = {side: ", ".join(above.index[above == side]) or "no data set" for side in (True, False)}
        found.append(
            {"control": label[without], "trained": label[trained], "more": listed[True], "fewer": listed[False]}
        )
    return found


def pictures(chosen: Mapping[str, int], data: DataSet, moved: Tensor) -> Sequence[dict[str, str]]:
    """The rows of `plots.worst_images`: each chosen test image, and its `moved` pixels as a screen shows them."""
    clean = encoded(data.test.images[list(chosen.values())])
    after = encoded((moved * 255).round().to(torch.uint8))
    labels = data.test.required_labels()
    return [
        {"what": f"{what} ({data.classes[labels[i]]})", "clean": image, "moved": its}
        for (what, i), image, its in zip(chosen.items(), clean, after, strict=True)
    ]
