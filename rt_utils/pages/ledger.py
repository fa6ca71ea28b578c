"""The ledger: every claim that a page checks, with both sides, what it was checked on, and the verdict."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rt_utils.pages.csv_text import ENCODING, cell
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file

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
)


@dataclass(frozen=True)
class Claim:
    """lhs <= rhs, checked on n points. `tolerance` is absolute, for rounding; eps in pixels of [0, 1].

    A claim that needs no encoder, data or radius leaves them empty. `vacuous`: whether the statement excludes nothing,
    such as a bound above the largest possible value; None where that has no meaning.
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
    norm: str = ""
    eps: float | None = None
    vacuous: bool | None = None

    @property
    def verdict(self) -> str:
        """'holds', 'violated', or 'no point' where nothing could be checked."""
        if self.n == 0 or math.isnan(self.lhs) or math.isnan(self.rhs):
            return "no point"
        return "holds" if self.lhs <= self.rhs + self.tolerance else "violated"


def write(claims: Iterable[Claim], path: Path) -> None:
    """Write the claims as CSV, whole or not at all."""
    with whole_file(path) as partial, partial.open("w", newline="", **ENCODING) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for claim in claims:
            writer.writerow({name: cell(value) for name, value in asdict(claim).items()} | {"verdict": claim.verdict})


def collected(folders: Sequence[str], name: str) -> list[Path]:
    """The files of that name, one a chapter, in these folders or below. Raises InputError where there is none."""
    found = sorted({file for folder in folders for file in Path(folder).rglob(name)})
    if not found:
        raise InputError(f"no {name} in {', '.join(map(repr, folders))} or below: run chapters first")
    return found
