"""How large the cache may become: $RT_CACHE_SIZE, and which of its files go when it is larger: the oldest first."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from rt_utils.runtime.errors import InputError

VARIABLE = "RT_CACHE_SIZE"
DEFAULT = "5 GB"
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
SHARES = 4  # so many processes may write at once before one of them measures again
ROOM = 0.9  # of the bound, what is left after files went, so that not every new one makes another go


def bound() -> int:
    """The largest size in bytes; $RT_CACHE_SIZE, such as 500 MB, 20 GB or 20, which is gigabytes. Raises InputError."""
    text = os.environ.get(VARIABLE) or DEFAULT
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(MB|GB|TB)?\s*", text, re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise InputError(f"{VARIABLE} {text!r} is not a size: give one such as 500 MB, 20 GB or 20 (gigabytes)")
    return int(float(found[1]) * _UNITS[(found[2] or "GB").upper()])


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each entry was last used, its size and place."""
    for path in folder.glob("*/*/*.pkl"):
        with contextlib.suppress(OSError):  # another process may remove it meanwhile
            found = path.stat()
            yield max(found.st_atime, found.st_mtime), found.st_size, path


def used(path: Path) -> None:
    """Note that the entry was used now. Its time of writing stays."""
    with contextlib.suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def trim(folder: Path) -> int:
    """Remove entries below `folder`, those unused for longest first, until it has room; returns its size in bytes."""
    most = bound()
    entries = sorted(_files(folder))
    size = sum(entry[1] for entry in entries)
    if size <= most:
        return size
    for _, its, path in entries:
        if size <= ROOM * most:
            break
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            size -= its
    return size


class Meter:
    """Looks after the bound while a process writes: it measures the folder at first, and again after some writing."""

    def __init__(self) -> None:
        self.left = 0.0  # bytes until it measures again

    def wrote(self, folder: Path, path: Path) -> None:
        """Note a new entry; where there is more than the bound allows, the oldest go."""
        with contextlib.suppress(OSError):
            self.left -= path.stat().st_size
        if self.left <= 0:
            self.left = max(bound() - trim(folder), 0.02 * bound()) / SHARES
