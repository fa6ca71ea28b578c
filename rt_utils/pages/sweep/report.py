"""A sweep's page: one HTML file that asks for no other, a figure for each claim, the published values beside."""

import html
from collections.abc import Sequence

import pandas as pd

from rt_utils.pages import figures
from rt_utils.pages.labels import colours, labels
from rt_utils.pages.plots.sweep import both_sides
from rt_utils.pages.sweep import published_beside
from rt_utils.pages.sweep.cells import Cell, Sweep
from rt_utils.pages.sweep.places import Places
from rt_utils.pages.tables import show_table
from rt_utils.runtime.files import whole_file

MOST = 40  # figures
_CHECKS = "Attack floor"  # these claims come last
_CAPTION = (
    "{claim}. Circles, dashed: left side; triangles, solid: right side; a mark for each cell, lines through the means "
    "over seeds. {verdicts}. An attack finds lower bounds: what it found is no certificate."
)
_PRINTED = " Hollow: published, at the radius that the text names; the released code's attack had half of it in pixels."
_ALT = "Both sides of the claim '{claim}' against eps, for {encoders} on {data}. {verdicts}."
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
.rt-scroll {{ overflow-x: auto; }} table {{ border-collapse: collapse; font-size: 0.85rem; }}
th, td {{ padding: 0.15rem 0.6rem; border-bottom: 1px solid #8884; text-align: left; }}
caption {{ text-align: left; padding: 0.4rem 0; }} .num {{ text-align: right; font-variant-numeric: tabular-nums; }}
figure {{ margin: 1.5rem 0; }} .published {{ font-style: italic; }} .verdict.violated {{ font-weight: bold; }}
</style></head><body><h1>{title}</h1>
<p>{intro}</p>
{body}
</body></html>
"""


def _verdicts(rows: pd.DataFrame) -> str:
    counts = rows.verdict.value_counts()
    return "Verdicts: " + ", ".join(f"{verdict} {counts[verdict]}" for verdict in sorted(counts.index))


def _figures(frame: pd.DataFrame) -> list[str]:
    """A figure for each claim that depends on a radius and has two finite sides somewhere."""
    drawn = frame.dropna(subset=["eps", "lhs", "rhs"])
    drawn = drawn[~drawn[["lhs", "rhs"]].isin([float("inf"), -float("inf")]).any(axis=1)]
    drawn = drawn.sort_values("claim", key=lambda claims: claims.str.startswith(_CHECKS), kind="stable")
    encoders, published, parts = list(dict.fromkeys(drawn.encoder)), published_beside.sides(frame), []
    colour = colours(encoders)
    for index, (claim, rows) in enumerate(drawn.groupby("claim", sort=False)):
        if index == MOST:
            parts.append(f"<p>Further claims are in sweep.csv: the page draws the first {MOST}.</p>")
            break
        label = {name: shown or "no encoder" for name, shown in labels(rows.encoder).items()}
        beside = published[published.claim == claim]
        figure = both_sides(rows, beside, label, colour)
        said = {"claim": str(claim), "verdicts": _verdicts(frame[frame.claim == claim])}
        alt = _ALT.format(encoders=", ".join(label.values()), data=", ".join(dict.fromkeys(rows.data)), **said)
        caption = html.escape(_CAPTION.format(**said) + _PRINTED * bool(len(beside)))
        parts.append(figures.picture(figure, f"claim-{index}", caption=caption, alt=alt)._repr_html_())
    return parts


def _tables(sweep: Sweep, frame: pd.DataFrame) -> list[str]:
    """Both sides by claim and choice, means over seeds; then the printed tables."""
    by = ["claim", "encoder", "data", "norm", "eps"]
    means = frame.groupby(by, sort=False, dropna=False).agg(
        cells=("cell", "size"), n=("n", "sum"), lhs=("lhs", "mean"), rhs=("rhs", "mean")
    )
    worst = frame.groupby(by, sort=False, dropna=False).verdict.agg(lambda v: "; ".join(sorted(set(v))))
    shown = means.join(worst.rename("verdict")).reset_index()
    beside = published_beside.sides(frame).rename(columns={"lhs": "published lhs", "rhs": "published rhs"})
    if len(beside):
        own = shown.eps.sub(published_beside.EPS).abs() < 1e-9
        shown = shown.merge(beside.drop(columns="eps"), "left", ["claim", "encoder", "data"])
        shown.loc[~own.to_numpy(), ["published lhs", "published rhs"]] = float("nan")
    formats = {"eps": ".4f", "cells": "d", "n": "d", "lhs": ".4g", "rhs": ".4g"}
    formats |= {"published lhs": ".4g", "published rhs": ".4g"} if len(beside) else {}
    shown["claim"] = shown.claim.map(html.unescape)
    parts = [show_table(shown, formats, caption="Both sides, means over the cells; n: points in all.").source]
    for title, table in published_beside.tables(sweep.chapter).items():
        numbers = {str(name): "g" for name in table.select_dtypes("number").columns}
        caption = f"{title} of Nern et al. (NeurIPS 2023), as printed, for the paper's own encoders."
        parts.append(show_table(table, numbers, caption=caption).source)
    return parts


def write(places: Places, sweep: Sweep, frame: pd.DataFrame, done: Sequence[Cell]) -> None:
    """Write sweep.html."""
    figures.use_style()
    missing = [cell.name for cell in sweep.cells if cell not in done]
    intro = f"{len(done)} of {len(sweep.cells)} cells; every row is in sweep.csv and sweep.parquet, "
    intro += "every cell's executed page in cells/."
    if missing:
        intro += f" Not there: {html.escape(', '.join(missing))}."
    body = [*_figures(frame), *_tables(sweep, frame)] if len(frame) else ["<p>No claim was entered.</p>"]
    title = f"Sweep of {sweep.chapter}"
    with whole_file(places.folder / "sweep.html") as partial:
        partial.write_text(_PAGE.format(title=title, intro=intro, body="\n".join(body)), "utf-8")
