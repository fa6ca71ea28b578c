"""The ledger: every claim that a page checks, with both sides, what it was checked on, and the verdict."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rt_utils.evaluation.statistics import Evidence, decided
from rt_utils.pages.csv_text import ENCODING, cell
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat

COLUMNS = (
    "chapter",
    "claim",
    "profile",
    "encoder",
    "data",
    "norm",
    "eps",
    "n",
    "seed",
    "lhs",
    "rhs",
    "tolerance",
    "vacuous",
    "verdict",
    "low",
    "high",
    "units",
)


@dataclass(frozen=True)
class Claim:
    """lhs <= rhs, checked on n points. `tolerance` is absolute, for rounding.

    A claim that needs no encoder, data or threat leaves them empty. `vacuous`: whether the statement excludes nothing,
    such as a bound above the largest possible value; None where that has no meaning.

    An inferential claim, an order that no theorem demands, has `evidence`: a function from an error to an interval for
    rhs - lhs over its `units` (images, seeds, ...). `Page.decide` enters the interval, from low to high, of its part of
    the family's error.
    """

    chapter: str
    claim: str
    profile: str
    n: int
    seed: int
    lhs: float
    rhs: float
    tolerance: float = 0.0
    encoder: str = ""
    data: str = ""
    threat: Threat | None = None
    vacuous: bool | None = None
    evidence: Evidence | None = field(default=None, repr=False, compare=False)
    low: float | None = None
    high: float | None = None
    units: str = ""

    @property
    def verdict(self) -> str:
        """'holds', 'violated', 'undecided' by the interval, or 'no point' where nothing could be checked.

        Raises ValueError for an inferential claim whose interval is not there yet.
        """
        if self.n == 0 or math.isnan(self.lhs) or math.isnan(self.rhs):
            return "no point"
        if self.low is not None and self.high is not None:
            return decided((self.low, self.high), self.tolerance)
        if self.evidence is not None:
            raise ValueError(f"{self.claim!r} has no interval yet: page.decide() gives every claim of the run its own")
        return "holds" if self.lhs <= self.rhs + self.tolerance else "violated"


def write(claims: Iterable[Claim], path: Path) -> None:
    """Write the claims as CSV, whole or not at all."""
    with whole_file(path) as partial, partial.open("w", newline="", **ENCODING) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for claim in claims:
            threat = asdict(claim.threat) if claim.threat else {"norm": "", "eps": None}
            values = {**asdict(claim), **threat, "verdict": claim.verdict}
            writer.writerow({name: cell(values[name]) for name in COLUMNS})


def collected(folders: Sequence[str], name: str) -> list[Path]:
    """The files of that name, one a chapter, in these folders or below. Raises InputError where there is none."""
    found = sorted({file for folder in folders for file in Path(folder).rglob(name)})
    if not found:
        raise InputError(f"no {name} in {', '.join(map(repr, folders))} or below: run chapters first")
    return found
