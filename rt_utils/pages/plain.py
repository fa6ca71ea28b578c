"""What a page shows as plain JSON, so that a kept run can be drawn again by later code: frames, arrays, numbers, texts.

Numbers keep nine digits, six in figures; NaN and missing values are None; anything else becomes text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

FRAME, ARRAY = "frame", "array"


def plain_value(value: Any, digits: int = 9) -> str | int | float | bool | None:
    """A single value as JSON has it."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.{digits}g}") if np.isfinite(value) else None if np.isnan(value) else str(value)
    return None if value is None else str(value)


def plain_frame(frame: pd.DataFrame, digits: int = 9) -> dict[str, Any]:
    """Columns and rows of a frame; its index is left out."""
    rows = [[plain_value(value, digits) for value in row] for row in frame.astype(object).to_numpy()]
    return {"columns": [str(name) for name in frame.columns], "rows": rows}


def frame_from(data: Mapping[str, Any]) -> pd.DataFrame:
    """The frame that `plain_frame` made plain: columns of numbers are numbers again, None where one is missing."""
    frame = pd.DataFrame(data["rows"], columns=data["columns"], dtype=object)
    return frame.replace({"inf": np.inf, "-inf": -np.inf}).infer_objects()


def plain(value: Any, digits: int = 9) -> Any:
    """Anything that a figure is drawn from or a text says, as JSON."""
    if isinstance(value, pd.DataFrame):
        return {FRAME: plain_frame(value, digits)}
    if isinstance(value, torch.Tensor):
        return plain(value.detach().cpu().numpy(), digits)
    if isinstance(value, np.ndarray):
        values = value.astype(object).ravel()
        return {ARRAY: [plain_value(v, digits) for v in values], "shape": list(value.shape), "dtype": str(value.dtype)}
    if isinstance(value, Mapping):
        return {str(name): plain(part, digits) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(part, digits) for part in value]
    return plain_value(value, digits)


def from_plain(value: Any) -> Any:
    """What `plain` made plain; tuples come back as lists, tensors as arrays."""
    if isinstance(value, Mapping):
        if set(value) == {FRAME}:
            return frame_from(value[FRAME])
        if set(value) == {ARRAY, "shape", "dtype"}:
            numbers = [np.nan if v is None else float(v) if isinstance(v, str) else v for v in value[ARRAY]]
            return np.array(numbers, dtype=value["dtype"]).reshape(value["shape"])
        return {name: from_plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [from_plain(part) for part in value]
    return value
