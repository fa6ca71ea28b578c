"""What the landing page counts and quotes: one result of Theorem 2's page, and how many claims rest on what."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rt_utils.pages import ledger, ledger_tables
from rt_utils.pages.claim_kinds import KINDS, VERDICTS, checked_labels
from rt_utils.pages.plain import frame_from
from rt_utils.pages.wording import as_it_stands
from rt_utils.runtime.errors import InputError

DATA = "textures"  # the images of this build that are shown: without a representation little is robust on them
ENCODERS = 2  # with the first so many encoders; of a kept run its first row
NO_RESULT = "This book was built without running {doc}`../chapters/theorem_2_criterion`, so its result is missing here."
_STATEMENT = re.compile(r"^`{3,}\{prf:(?:theorem|lemma|proposition|corollary|criterion)\}[^\n]*\n:label: (\S+)", re.M)
Elements = Mapping[str, Any]


def _line(row: Mapping[Any, Any], note: str = "") -> str:
    name = as_it_stands(f"{row['data']}, {row['encoder']}{note}")
    shares = (f"{row[column]:.1%}" for column in ("clean acc.", "robust acc.", "fulfilled"))
    return f"| {name} | {row['n']} | {' | '.join(shares)} |"


def live_result(own: Elements, kept: Elements, threat: str) -> str:
    """A Markdown table: accuracies, and the share that fulfils Theorem 2's criterion; empty where `own` lacks it."""
    if "table-3" not in own:
        return ""
    rows = frame_from(own["table-3"])
    rows = rows[rows["data"] == DATA] if (rows["data"] == DATA).any() else rows
    shown = [_line(row) for row in rows.head(ENCODERS).to_dict("records")]
    if "table-3" in kept:
        shown += [_line(row, " (kept run)") for row in frame_from(kept["table-3"]).head(1).to_dict("records")]
    head = (
        f"| under attack, {threat} | images | right | right under attack | criterion fulfilled |\n|---|--:|--:|--:|--:|"
    )
    return "\n".join([head, *shown])


def statements(notebooks: Path) -> list[str]:
    """The labels of the book's theorems, lemmas, propositions and corollaries."""
    return [label for path in sorted(notebooks.glob("*.md")) for label in _STATEMENT.findall(path.read_text("utf-8"))]


def tally(root: Path) -> str:
    """In Markdown: how many statements a machine has checked, and the ledger's claims by kind and verdict."""
    checked = checked_labels(root / "proofs")
    labels = statements(root / "notebooks")
    machine = sum(label in checked for label in labels)
    said = (
        f"Of {len(labels)} statements of this book, {machine} are [checked by a machine](machine_checked), some in "
        f"part; {len(labels) - machine} are proved on the page alone."
    )
    try:
        claims = ledger_tables.read(ledger.collected([str(root / "results" / "book")], "ledger.csv"), checked)
    except InputError:
        return f"{said} No page of this book has been run, so the ledger is empty."
    counts: pd.DataFrame = ledger_tables.tally(claims)
    rows = [f"| {name} | {' | '.join(map(str, counts.loc[name]))} | {meaning} |" for name, meaning in KINDS.items()]
    verdicts = (meaning.partition(":")[0] for meaning in VERDICTS.values())
    head = f"| claims that are | {' | '.join(verdicts)} | which is |\n|---|{'--:|' * len(VERDICTS)}---|"
    ledger_said = (
        f"The pages checked {len(claims):,} inequalities; the [ledger](../chapters/ledger) explains each violated one. "
        "Kept runs are not counted here; the line of each at its page's top counts its own."
    )
    return "\n".join([said, ledger_said, "", head, *rows])
