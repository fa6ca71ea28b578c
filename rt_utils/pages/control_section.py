"""The control's table: no representation beside encoders, from kept runs, and what it means in one sentence."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import display

from rt_utils.evaluation.control import CLEAN
from rt_utils.evaluation.statistics import ERROR, of_groups, plus_minus
from rt_utils.models.no_representation import SIDES
from rt_utils.pages.page import Page
from rt_utils.pages.published import as_shown, published_table
from rt_utils.pages.wording import enumeration
from rt_utils.runtime import paths

RECORDS = ("embedded", "photographs")
WORST, PGD = "worst case", "PGD-trained"
SAID = ("control", "encoder", "undecided")
OWN = {"embedded/robust": "glyphs", "natural/robust": "tinyimagenet100"}  # what an encoder was pretrained on
_CASE = ["data", "encoder", "channels", "kind"]
_TABLE = (
    "Kept runs: clean and robust accuracy, and the share that fulfils the criterion and is rightly read, at l_inf "
    "radii of 255ths, without a representation (pixels, blocks){beside}; mean and standard deviation over {seeds} "
    "seeds. Without one exact, on all test images. Heads: trained on clean images, {epochs} epochs at rate {lr}, batch "
    "{batch}, on at most {n_train} images; or for the exact worst case at the largest radius, {worst_epochs} epochs. "
    "A head that is right on little more than one class’s share is a constant: robust, and worth nothing."
)
_ATTACKED = (
    " and with a robust encoder, where it is what attacks leave of {n} images, an upper bound, and the second head is "
    "PGD-trained instead: {steps} steps, {epochs} epochs, {n_train} images"
)
_PUBLISHED = (
    "Published: Table 3 of the paper, its robust CIFAR-100 encoder; radius 8/255 by the text, 4/255 by the code."
)
_READING = (
    "**What it means.** {beside}{alone}So a robust accuracy after a transfer shows what a representation is good for "
    "only where the control is far below it."
)
_BESIDE = (
    "At {largest:g}/255, first seed, exact intervals (5% for all together): {kinds}. The encoder’s numbers are what "
    "attacks leave: that the control is ahead is safe, that the encoder is holds under these attacks. "
)
_SIDES = (
    "among heads {kind} the better control is ahead of the encoder on {control}, the encoder on {encoder}; "
    "undecided: {undecided}"
)
_ALONE = (
    "On Fashion-MNIST the clean-trained head on grey pixels has clean accuracy {clean:.3f} and is exactly robust on "
    "{robust:.3f} ({three:.3f} in three equal channels, whose rate acts threefold), the head for the worst case on "
    "{worst:.3f}; the paper's robust encoder has {paper_clean:.3f} and {paper:.3f} under PGD. "
)


def _records(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    files = {kind: (folder or paths.reference()) / "control" / f"{kind}.json" for kind in RECORDS}
    return {kind: json.loads(file.read_text("utf-8")) for kind, file in files.items() if file.is_file()}


def kept(folder: Path | None = None) -> pd.DataFrame:
    """The rows of the kept runs, in `folder` or the book's: encoder, data, channels, head, eps, seed, n and shares.

    world: one of RECORDS. Empty where none is kept.
    """
    rows = [row | {"world": kind} for kind, record in _records(folder).items() for row in record["rows"]]
    found = pd.DataFrame(rows)
    return found.assign(kind=np.where(found["head"] == CLEAN, CLEAN, WORST)) if rows else found


def span(sizes: Sequence[int]) -> str:
    """The smallest and the largest of sizes in order.

    >>> span([200, 256, 500]), span([500])
    ('200 to 500', '500')
    """
    return f"{sizes[0]}" if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"


def own_radius(found: pd.DataFrame) -> pd.DataFrame:
    """The rows whose head was trained on clean images, or for the largest radius at which it is measured."""
    trained = found["head"].str.extract(r"at ([\d.]+)/255")[0].astype(float)
    return found[trained.isna() | np.isclose(trained, 255 * found.eps.max())]


def shown(found: pd.DataFrame) -> pd.DataFrame:
    """One row for each data set, encoder and kind of head; a column for each radius and share."""
    rows = []
    for case, part in own_radius(found).groupby(_CASE, sort=False):
        row: dict[str, Any] = dict(zip(_CASE, case, strict=True))
        last = part[part.eps == part.eps.max()]
        row["clean acc."] = plus_minus(last["clean acc."].mean(), last["clean acc."].std())
        for what, short in (("robust acc.", "robust"), ("fulfilled and right", "fulfilled, right")):
            for eps, its in part.groupby("eps"):
                row[f"{short}, {255 * float(str(eps)):g}"] = plus_minus(its[what].mean(), its[what].std())
        rows.append(row)
    table = pd.DataFrame(rows).rename(columns={"kind": "head"})
    table["head"] = table["head"].mask((table["head"] == WORST) & ~table.encoder.isin(SIDES), PGD)
    table["encoder"] = [
        f"{e}, {c}" if c not in ("", "grey") else e for e, c in zip(table.encoder, table.channels, strict=True)
    ]
    return table.drop(columns="channels").fillna("–")


def ahead(rows: pd.DataFrame, error: float) -> str:
    """Which side is surely more robust, one of SAID; `rows`: of one data set and kind of head.

    Each share has its exact interval at `error`. The encoder is ahead where it is above both controls.
    """
    shares = [(round(row["robust acc."] * row["n"]), row["n"]) for row in rows.to_dict("records")]
    controls = [share for share, name in zip(shares, rows.encoder, strict=True) if name in SIDES]
    (encoder,) = (share for share, name in zip(shares, rows.encoder, strict=True) if name not in SIDES)
    ends = [of_groups(control, encoder)(2 * error) for control in controls]
    if any(high < 0 for _, high in ends):
        return "control"
    return "encoder" if all(low > 0 for low, _ in ends) else "undecided"


def compared(own: pd.DataFrame) -> pd.DataFrame:
    """Columns data, kind, side, text: for each data set with both sides, at the largest radius, by the first seed."""
    first = own[(own.eps == own.eps.max()) & (own.seed == own.seed.min()) & own.channels.isin(("", "grey"))]
    cases = first.groupby(["kind", "data"], sort=False)
    groups = [(case, part) for case, part in cases if part.encoder.isin(SIDES).nunique() == 2]
    shares = sum(len(part) for _, part in groups)
    rows = []
    for (kind, data), part in groups:
        controls = part.encoder.isin(SIDES)
        mine, theirs = (part[which]["robust acc."].max() for which in (controls, ~controls))
        pretrained = OWN.get(part[~controls].encoder.iloc[0]) == data
        text = f"{data}{', images of its pretraining' if pretrained else ''} ({mine:.2f} against {theirs:.2f})"
        rows.append({"kind": kind, "data": data, "side": ahead(part, ERROR / shares), "text": text})
    return pd.DataFrame(rows, columns=["kind", "data", "side", "text"])


def in_short(found: pd.DataFrame) -> dict[str, str]:
    """The data sets on which one side is ahead by both kinds of heads, and the others, by SAID."""
    kinds = compared(own_radius(found)).groupby("data", sort=False).side
    sides = kinds.agg(lambda of: of.iloc[0] if of.nunique() == 1 else SAID[2])
    return {side: enumeration([str(name) for name, of in sides.items() if of == side]) or "none" for side in SAID}


def reading(found: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """Where the control is ahead of the encoder, where the encoder, where neither surely, like beside like."""
    own = own_radius(found)
    sides, kinds = compared(own), []
    for kind, part in sides.groupby("kind", sort=False):
        texts = {side: ", ".join(part[part.side == side].text) or "none" for side in SAID}
        how = "trained on clean images" if kind == CLEAN else "trained for the worst case or under PGD"
        kinds.append(_SIDES.format(kind=how, **texts))
    beside = _BESIDE.format(largest=255 * own.eps.max(), kinds="; ".join(kinds)) if kinds else ""
    return _READING, {"beside": beside, "alone": alone(own[own.eps == own.eps.max()])}


def alone(own: pd.DataFrame) -> str:
    """The sentence on Fashion-MNIST; empty where no run of it is kept."""
    part = own[(own["data"] == "fashion-mnist") & (own.encoder == "pixels")]
    if part.empty:
        return ""
    mean = part.groupby(["channels", "kind"])[["clean acc.", "robust acc."]].mean()
    (paper,) = (
        published_table("table3").query("pretraining == 'cifar100' and downstream == 'fashionmnist'").to_dict("records")
    )
    robust = mean["robust acc."]
    return _ALONE.format(
        clean=mean["clean acc."]["grey", CLEAN],
        robust=robust["grey", CLEAN],
        three=robust["three equal channels", CLEAN],
        worst=robust["grey", WORST],
        paper_clean=paper["clean_acc"],
        paper=paper["robust_acc"],
    )


def values(found: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a table's caption says of the rows and the settings of one world."""
    sizes, said = sorted(set(found[~found.encoder.isin(SIDES)].n)), {**settings}
    adversarial = said.pop("adversarial")
    beside = _ATTACKED.format(n=span(sizes), **adversarial) if sizes else ""
    return {"seeds": found.seed.nunique(), "beside": beside, **said}


def show(page: Page) -> None:
    """A table for each world, the published rows and the sentence; nothing where no run is kept."""
    if (found := kept()).empty:
        return
    settings = {kind: record["settings"] for kind, record in _records().items()}
    published = published_table("table3").query("pretraining == 'cifar100'")
    for kind, part in found.groupby("world", sort=False):
        said = values(part, settings[str(kind)])
        display(page.table(f"control-{kind}", shown(part), {}, wide=True, caption=_TABLE, **said))
    display(
        page.table("published-control", as_shown(published), ".3f", caption=_PUBLISHED),
        page.text("control-reading", *reading(found)),
    )
