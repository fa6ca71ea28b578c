"""The control's table: no representation beside encoders, from kept runs, and what it means in one sentence."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import display

from rt_utils.evaluation.control import CLEAN
from rt_utils.evaluation.statistics import plus_minus
from rt_utils.models.no_representation import SIDES
from rt_utils.pages.page import Page
from rt_utils.pages.published import as_shown, published_table
from rt_utils.runtime import paths

RECORDS = ("embedded", "photographs")
WORST = "worst case"
_CASE = ["data", "encoder", "channels", "kind"]
_TABLE = (
    "Kept runs: clean and robust accuracy, and the share that fulfils the criterion, rightly read or not, at l_inf "
    "radii of 255ths, without a representation (pixels, blocks){beside}; mean and standard deviation over {seeds} "
    "seeds. Without one exact, on all test images. Heads: trained on clean images, or for the worst case at the "
    "largest radius.{recipe}"
)
_RECIPE = (
    " {epochs} epochs at rate {lr}, batch {batch}, on at most {n_train} images; {worst_epochs} epochs for the exact "
    "worst case."
)
_ATTACKED = (
    " and with a robust encoder, where it is what attacks leave of {n} images, an upper bound, and heads for the worst "
    "case are trained under PGD on {few} images"
)
_PUBLISHED = (
    "Published: Table 3 of the paper, its robust CIFAR-100 encoder; radius 8/255 by the text, 4/255 by the code."
)
_READING = (
    "**What it means.** {beside}{alone}So a robust accuracy after a transfer shows what a representation is good for "
    "only where the control is far below it."
)
_BESIDE = (
    "By the means over seeds at {largest:g}/255, the best head without a representation is at least as robust as the "
    "best head on the encoder on {level}; the encoder is ahead on {ahead}. "
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
        for what, short in (("robust acc.", "robust"), ("fulfilled", "fulfilled")):
            for eps, its in part.groupby("eps"):
                row[f"{short}, {255 * float(str(eps)):g}"] = plus_minus(its[what].mean(), its[what].std())
        rows.append(row)
    table = pd.DataFrame(rows).rename(columns={"kind": "head"})
    table["encoder"] = [
        f"{e}, {c}" if c not in ("", "grey") else e for e, c in zip(table.encoder, table.channels, strict=True)
    ]
    return table.drop(columns="channels").fillna("–")


def reading(found: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    """Where the control is level with the encoder or ahead, by the means over seeds at the largest radius."""
    own = own_radius(found)
    largest = own.eps.max()
    means = own[own.eps == largest].groupby(["data", "encoder", "channels", "kind"], sort=False)["robust acc."].mean()
    table = means.reset_index()
    level: list[str] = []
    ahead: list[str] = []
    for data, part in table.groupby("data", sort=False):
        control = part.encoder.isin(SIDES)
        if control.all() or not control.any():
            continue
        mine, theirs = (part[which]["robust acc."].max() for which in (control, ~control))
        (level if mine >= theirs else ahead).append(f"{data} ({mine:.2f} against {theirs:.2f})")
    sides = {"level": ", ".join(level) or "none", "ahead": ", ".join(ahead) or "none"}
    beside = _BESIDE.format(largest=255 * largest, **sides) if level or ahead else ""
    return _READING, {"beside": beside, "alone": alone(own[own.eps == largest])}


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
    sizes = sorted(set(found[~found.encoder.isin(SIDES)].n))
    few = settings["adversarial"]["n_train"]
    return {
        "seeds": found.seed.nunique(),
        "beside": _ATTACKED.format(n=span(sizes), few=few) if sizes else "",
        "recipe": _RECIPE.format(**settings),
    }


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
        page.text("reading-control", *reading(found)),
    )
