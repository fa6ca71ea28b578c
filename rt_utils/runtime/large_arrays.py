"""Images beyond memory: an array in a file, which the system reads and forgets as it needs the memory."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rt_utils.runtime import paths

LARGE = 2**30  # bytes


def zeros(shape: Sequence[int]) -> UInt8[np.ndarray, "..."]:
    """Zeros of that shape: in memory, or beyond a gigabyte in a nameless file, which ends with the array."""
    if math.prod(shape) <= LARGE:
        return np.zeros(shape, np.uint8)
    folder: Path | None = paths.cache()
    try:
        paths.cache().mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:  # a cache that cannot be written: where the system keeps such files
        folder = None
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint8, "w+", shape=tuple(shape))
