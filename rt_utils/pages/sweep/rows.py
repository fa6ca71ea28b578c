"""What a sweep's cells found, in one table: a row for each cell and claim."""

from collections.abc import Sequence

import pandas as pd

from rt_utils.pages import ledger
from rt_utils.pages.sweep.cells import Cell
from rt_utils.pages.sweep.places import Places
from rt_utils.runtime.files import whole_file

_TEXTS = ("chapter", "claim", "profile", "encoder", "data", "norm", "verdict", "units")
_NUMBERS = ("eps", "lhs", "rhs", "tolerance", "low", "high")


def _of_cell(places: Places, cell: Cell) -> pd.DataFrame:
    """The cell's ledger. An empty text stays one; an empty number is missing."""
    path = places.cells / cell.name / "ledger.csv"
    missing = {name: [""] for name in ("eps", "low", "high")}
    frame = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False, na_values=missing)
    for name in _NUMBERS:
        frame[name] = frame[name].astype(float)
    known = {"True": True, "False": False}
    frame["vacuous"] = frame.vacuous.astype(str).map(lambda text: known.get(text, pd.NA)).astype("boolean")
    chosen = {"cell": cell.name} | {
        f"cell_{name.replace('encoders', 'encoder')}": str(value) for name, value in cell.swept.items()
    }
    return frame.assign(**chosen)[[*chosen, *frame.columns]]


def collected(places: Places, cells: Sequence[Cell]) -> pd.DataFrame:
    """One row for each cell and claim, in the order of the cells.

    The ledger's columns, before them `cell`, its name, and what the sweep chose for it: `cell_eps`, `cell_encoder`,
    `cell_data`, `cell_seed`, where these are swept. Floats are those of the ledgers, exactly.
    """
    frames = [_of_cell(places, cell) for cell in cells]
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["cell", *ledger.COLUMNS])


def write(places: Places, cells: Sequence[Cell]) -> pd.DataFrame:
    """Write them to sweep.csv and sweep.parquet, each whole or not at all; returns them."""
    frame = collected(places, cells)
    with whole_file(places.folder / "sweep.csv") as partial:
        frame.to_csv(partial, index=False, lineterminator="\n")
    with whole_file(places.folder / "sweep.parquet") as partial:
        frame.to_parquet(partial, index=False)
    return frame
