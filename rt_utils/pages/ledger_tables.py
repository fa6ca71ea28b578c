"""The ledger as its page shows it: how many claims of which kind and verdict, and one table of all of them."""

import html
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rt_utils.pages.claim_kinds import KINDS, VERDICTS, checked_labels, kind, why_violated
from rt_utils.pages.labels import labels
from rt_utils.pages.tables import Html
from rt_utils.runtime import paths
from rt_utils.theory.threat import format_eps

HEADS = ("encoder", "data", "radius", "n", "left", "right", "vacuous", "verdict")
VACUOUS = {"True": "yes", "False": "no", "": "–"}
GROUP = ["chapter", "profile", "seed", "claim"]


def in_book_order(claims: pd.DataFrame) -> pd.DataFrame:
    """The rows as the table of contents has their chapters; what is not in it comes last."""
    contents = paths.book() / "_toc.yml"
    named = re.findall(r"\bfile: chapters/(\w+)", contents.read_text("utf-8")) if contents.is_file() else []
    place = {name: k for k, name in enumerate(named)}
    return claims.sort_values("chapter", key=lambda names: names.map(place).fillna(len(place)), kind="stable")


def read(files: Sequence[Path], checked: set[str] | None = None) -> pd.DataFrame:
    """The rows of several ledger.csv in the book's order, with their `kind`; `vacuous` stays the text of the files.

    `checked`: the labels of machine-checked statements; those of proofs/ where none are given.
    """
    missing = {column: ["", "nan"] for column in ("lhs", "rhs", "eps", "low", "high")}
    parts = [pd.read_csv(file, dtype={"vacuous": str}, keep_default_na=False, na_values=missing) for file in files]
    claims = in_book_order(pd.concat(parts, ignore_index=True))
    known = checked_labels() if checked is None else checked
    return claims.assign(kind=[kind(claim, known) for claim in claims.claim])


def tally(claims: pd.DataFrame) -> pd.DataFrame:
    """How many claims of each kind hold, are contradicted, and are undecided."""
    counts = pd.crosstab(claims.kind, claims.verdict).reindex(index=list(KINDS), columns=list(VERDICTS), fill_value=0)
    return counts.rename_axis(index=None, columns=None)


def counted(claims: pd.DataFrame) -> Html:
    """How many claims there are, of which kind and verdict, what that means, and how many are vacuous."""
    counts = tally(claims)
    by_kind, rows = counts.to_dict("index"), ""
    for name, meaning in KINDS.items():
        numbers = "".join(f'<td class="num">{number}</td>' for number in by_kind[name].values())
        rows += f'<tr><th scope="row">{name}</th>{numbers}<td>{meaning}</td></tr>'
    heads = "".join(f'<th scope="col" class="num">{verdict}</th>' for verdict in VERDICTS)
    return Html(
        f"<p><strong>{len(claims)}</strong> cases of claims from {claims.chapter.nunique()} chapter(s); "
        f"{(claims.vacuous == 'True').sum()} vacuous. "
        'The whole table: <a href="../ledger.csv" download>ledger.csv</a>.</p>'
        f'<table class="table"><thead><tr><th scope="col">kind</th>{heads}<th scope="col">what it is</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>",
        str(counts),
    )


def _case(row: pd.Series) -> str:
    verdict = str(row["verdict"])
    radius = format_eps(row["eps"], row["norm"]) if row["eps"] == row["eps"] else "–"
    norm = str(row["norm"]).replace("l", "l_", 1)
    texts = (str(row["encoder"]), str(row["data"]), f"{norm} {radius}".strip())
    cells = "".join(f"<td>{html.escape(text)}</td>" for text in texts)
    cells += f'<td class="num">{row["n"]}</td>'
    cells += "".join(
        f'<td class="num">{"–" if row[s] != row[s] else format(row[s], ".4g")}</td>' for s in ("lhs", "rhs")
    )
    cells += f"<td>{VACUOUS[str(row['vacuous'])]}</td>"
    cells += f'<td class="verdict {verdict.replace(" ", "-")}">{verdict}</td>'
    shown = f'<tr class="rt-case" data-verdict="{verdict}">{cells}</tr>'
    if verdict == "violated":
        why = html.escape(why_violated(str(row["claim"]), float(row["lhs"]), float(row["rhs"]), str(row["kind"])))
        link = f'<a href="{row["chapter"]}.html">its page</a>'
        said = f'<td colspan="{len(HEADS)}"><div>{why} See {link}.</div></td>'
        shown += f'<tr class="rt-why" data-verdict="violated">{said}</tr>'
    return shown


def table(claims: pd.DataFrame) -> Html:
    """One table: for each claim of a page a line with its kind and counts, below it every case with both sides.

    ledger.js adds the filters, and folds the cases; without it all rows are shown. Within a claim no two encoders have
    one name.
    """
    bodies = ""
    for (chapter, profile, seed, claim), part in claims.groupby(GROUP, sort=False):
        part = part.assign(encoder=part.encoder.replace(labels(part.encoder)))
        verdicts = part.verdict.value_counts()
        said = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS if verdict in verdicts)
        kind_, link = part.kind.iloc[0], f'<a href="{chapter}.html">{chapter}</a>'
        name = html.escape(str(claim), quote=False)
        bodies += (
            f'<tbody data-kind="{kind_}" data-page="{chapter}" data-verdicts="{"|".join(verdicts.index)}">'
            f'<tr class="rt-claim"><th scope="rowgroup" colspan="{len(HEADS)}"><div>{name} '
            f"<small>({link}, {profile}, seed {seed}; {kind_}: {said})</small>"
            f"</div></th></tr>{''.join(_case(row) for _, row in part.iterrows())}</tbody>"
        )
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    return Html(
        f'<div class="rt-scroll"><table class="table rt-wide rt-ledger"><thead><tr>{heads}</tr></thead>{bodies}</table>'
        "</div>"
        '<script src="../_static/ledger.js"></script>',
        claims[[*GROUP, "encoder", "data", "lhs", "rhs", "verdict"]].to_string(index=False),
    )
