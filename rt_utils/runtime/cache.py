"""Results that several pages need, computed once and kept by everything that they depend on.

An entry's key holds the encoder's weights, the data's fingerprint, the threat and the settings, as its caller gives
them; its folder is named by the digest of the code that computes it (`code_digest`). So a changed line of an attack,
another torch or another weight never meets an old result. A hash beside each value tells when its bytes were changed.
What was unused for longest goes where there is more than `cache_size` allows.
"""

import contextlib
import json
import os
import pickle
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
from filelock import FileLock, Timeout

from rt_utils.runtime import cache_size, code_digest, paths
from rt_utils.runtime.files import remove_leftovers, whole_file

Key = tuple[Any, ...]
_meter = cache_size.Meter()


@dataclass(frozen=True)
class Entry:
    """The place of one result. `kind` groups entries for `rt cache`; `code`: the modules whose code computes it."""

    kind: str
    key: Key
    code: frozenset[str]

    @property
    def folder(self) -> Path:
        """Where it is kept, with what was computed by the same code."""
        code = code_digest.digest(self.code)
        return paths.cache() / self.kind / code

    @property
    def path(self) -> Path:
        """Its file, which need not be there."""
        return self.folder / f"{joblib.hash(self.key)}.pkl"


def holds(entry: Entry) -> bool:
    """Whether the entry is there (it may yet prove damaged). False where the folder cannot be looked into."""
    return os.path.exists(entry.path)


def claim(entry: Entry) -> FileLock | None:
    """A lock for who computes the entry, held until it is released or its holder ends; None while another holds it."""
    locks = paths.cache() / "locks"
    lock = FileLock(locks / str(joblib.hash((entry.kind, entry.folder.name, entry.key))))
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        return None
    except (OSError, NotImplementedError):  # a folder that cannot be written, or has no locks: everyone computes
        pass
    return lock


def _read(path: Path) -> tuple[bool, Any]:
    """Whether the file could be read and holds what was written, and its value."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib takes some damaged files for those of an old version, and says so
            digest, value = joblib.load(path)
        return joblib.hash(value) == digest, value
    except Exception:  # a damaged pickle raises whatever its bytes happen to say
        return False, None


def _digest(value: Any) -> str:
    """The hash of the value as it will be read: an array's strides may change on the way, and its hash with them."""
    return str(joblib.hash(pickle.loads(pickle.dumps(value))))


def _write(entry: Entry, value: Any) -> None:
    with contextlib.suppress(OSError):  # a disk that cannot be written, or is full, keeps nothing
        entry.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(entry.folder / "code.json") as partial:
            partial.write_text(json.dumps(sorted(entry.code)), "utf-8")
        with whole_file(entry.path) as partial:
            joblib.dump((_digest(value), value), partial)
        _meter.wrote(paths.cache(), entry.path)


def kept(entry: Entry, compute: Callable[[], Any]) -> Any:
    """The entry's value; `compute()` where there is none, or where its bytes are not those that were written.

    Values are numpy arrays, numbers, texts, and containers of them. Where nothing can be written, nothing is kept.
    """
    if holds(entry):
        whole, value = _read(entry.path)
        if whole:
            cache_size.used(entry.path)
            return value
        if holds(entry):  # else it made room for another
            print(f"the cached {entry.kind} of {entry.key[:2]} could not be read, so it was computed anew", flush=True)
    value = compute()
    _write(entry, value)
    return value


def _state(folder: Path) -> str:
    """'current' where today's code is that which computed the folder's entries, else 'stale'."""
    with contextlib.suppress(OSError, ValueError):
        code = frozenset(json.loads((folder / "code.json").read_text("utf-8")))
        return "current" if folder.name == code_digest.digest(code) else "stale"
    return "stale"


def contents() -> list[tuple[str, str, int, int]]:
    """(kind, 'current' or 'stale', number of entries, bytes) of all that is kept and can be looked at."""
    sizes: dict[tuple[str, str], list[int]] = {}
    found: list[Path] = []
    with contextlib.suppress(OSError):
        found = sorted(path.parent for path in paths.cache().glob("*/*/code.json"))
    for folder in found:
        remove_leftovers(folder, ".*.partial")
        files = [path.stat().st_size for path in folder.glob("*.pkl")]
        sizes.setdefault((folder.parent.name, _state(folder)), []).extend(files)
    return [(kind, state, len(files), sum(files)) for (kind, state), files in sorted(sizes.items())]


def clear() -> None:
    """Remove everything that is kept."""
    shutil.rmtree(paths.cache(), ignore_errors=True)
