"""Results that several pages need, computed once and kept by everything that they depend on.

An entry's key holds the encoder's weights, the data's fingerprint, the threat and the settings, as its caller gives
them; the folder's name holds a digest of the package's code, the lock and the version of torch. So a changed line of
an attack, another torch or another weight never meets an old result. Built on joblib's Memory, whose writes are safe
against a kill and against two builds at once; a hash beside each value tells when its bytes were changed.
"""

import functools
import hashlib
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import torch
from filelock import FileLock, Timeout

Key = tuple[Any, ...]
PACKAGE = Path(__file__).resolve().parent


def folder() -> Path:
    """Where entries are kept: $RT_CACHE, else .cache/rt in the book's folder."""
    return Path(os.environ.get("RT_CACHE") or PACKAGE.parent / ".cache" / "rt")


@functools.cache
def code_digest() -> str:
    """Twelve hex digits over the package's code, the lock and the version of torch."""
    digest = hashlib.sha256(torch.__version__.encode())
    lock = PACKAGE.parent / "requirements.lock"
    code = [
        *sorted(PACKAGE.glob("*.py")),
        *sorted(PACKAGE.with_name("embedded_world").glob("*.py")),
        PACKAGE.with_name("natural_world") / "networks.py",
    ]
    for path in [*code, *([lock] if lock.exists() else [])]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _entry(key: Key, compute: Callable[[], Any]) -> tuple[str, Any]:
    value = compute()
    return joblib.hash(value), value


def _memorised(kind: str) -> Any:
    location = folder() / code_digest() / kind
    return joblib.Memory(location, verbose=0).cache(_entry, ignore=["compute"])


def holds(kind: str, key: Key) -> bool:
    """Whether there is an entry (it may yet prove damaged)."""
    return _memorised(kind).check_call_in_cache(key, None)


def claim(kind: str, key: Key) -> FileLock | None:
    """A lock for who computes the entry, held until it is released or its holder ends; None while another holds it."""
    locks = folder() / "locks"
    lock = FileLock(locks / str(joblib.hash((code_digest(), kind, key))))
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        return None
    except OSError:  # a folder that cannot be written keeps nothing either: everyone computes
        pass
    return lock


def kept(kind: str, key: Key, compute: Callable[[], Any]) -> Any:
    """The entry's value; `compute()` where there is none, or where its bytes are not those that were written.

    `kind` groups entries for `rt cache`; values are numpy arrays, numbers, texts, and containers of them.
    """
    memorised = _memorised(kind)
    with warnings.catch_warnings(record=True) as unreadable:
        warnings.simplefilter("always")
        digest, value = memorised(key, compute)
    damaged = joblib.hash(value) != digest
    if damaged:
        memorised.call_and_shelve(key, compute).clear()
        _, value = memorised(key, compute)
    if damaged or unreadable:
        print(f"the cached {kind} of {key[:2]} could not be read or kept, so it was computed anew", flush=True)
    return value


def contents() -> list[tuple[str, str, int, int]]:
    """(kind, 'current' or 'stale', number of entries, bytes) of all that is kept."""
    rows = []
    for kind in sorted(path for path in folder().glob("*/*") if path.is_dir()):
        state = "current" if kind.parent.name == code_digest() else "stale"
        entries = list(kind.rglob("output.pkl"))
        rows.append((kind.name, state, len(entries), sum(path.stat().st_size for path in entries)))
    return rows


def clear() -> None:
    """Remove everything that is kept."""
    shutil.rmtree(folder(), ignore_errors=True)
