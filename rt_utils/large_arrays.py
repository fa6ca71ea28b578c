"""Images beyond memory: an array in a file, which the system reads and forgets as it needs the memory."""

import math
import tempfile
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from rt_utils import cache

LARGE = 2**30  # bytes


def zeros(shape: Sequence[int]) -> UInt8[np.ndarray, "..."]:
    """Zeros of that shape: in memory, or beyond a gigabyte in a nameless file, which ends with the array."""
    if math.prod(shape) <= LARGE:
        return np.zeros(shape, np.uint8)
    cache.folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=cache.folder()) as file:
        return np.memmap(file, np.uint8, "w+", shape=tuple(shape))
