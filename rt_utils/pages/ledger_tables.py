"""The ledger as its page shows it: how many claims of which verdict, and a table for each claim."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rt_utils.pages.labels import labels
from rt_utils.pages.tables import Html, show_table
from rt_utils.theory.threat import format_eps

COLUMNS = ["encoder", "data", "norm", "eps", "n", "lhs", "rhs", "slack", "vacuous", "verdict"]
VACUOUS = {"True": "yes", "False": "no", "": "–"}


def read(files: Sequence[Path]) -> pd.DataFrame:
    """The rows of several ledger.csv, in order; `vacuous` stays the text that the files hold."""
    missing = {column: ["", "nan"] for column in ("lhs", "rhs", "eps", "low", "high")}
    parts = [pd.read_csv(file, dtype={"vacuous": str}, keep_default_na=False, na_values=missing) for file in files]
    return pd.concat(parts, ignore_index=True)


def counted(claims: pd.DataFrame) -> Html:
    """How many claims there are, of which verdict, and how many are vacuous."""
    counts = claims.verdict.value_counts()
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    return Html(
        f"<p><strong>{len(claims)}</strong> claims from {claims.chapter.nunique()} chapter(s): {verdicts}; "
        f"{(claims.vacuous == 'True').sum()} vacuous. "
        'The whole table: <a href="../ledger.csv" download>ledger.csv</a>.</p>',
        str(counts),
    )


def tables(claims: pd.DataFrame) -> Html:
    """One table for each claim of a chapter, profile and seed. Within a table no two encoders have one name."""
    shown = claims.assign(
        eps=[format_eps(eps, norm) if eps == eps else "–" for eps, norm in zip(claims.eps, claims.norm, strict=True)],
        slack=claims.rhs - claims.lhs,
        vacuous=claims.vacuous.map(VACUOUS),
    )
    found = [
        show_table(
            part.assign(encoder=part.encoder.replace(labels(part.encoder)))[COLUMNS],
            {"n": "d", "lhs": ".4g", "rhs": ".4g", "slack": ".4g"},
            wide=True,
            caption=f'<strong>{claim}</strong> (<a href="{chapter}.html">{chapter}</a>, '
            f"profile {profile}, seed {seed})",
        )
        for (chapter, profile, seed, claim), part in shown.groupby(["chapter", "profile", "seed", "claim"], sort=False)
    ]
    return Html("".join(table.source for table in found), "\n\n".join(table.text for table in found))
