"""Writing a file whole or not at all, and tidying up after a kill."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove files that match `pattern` and whose name holds the id of a process that is no more: NAME.ID.KIND."""
    for path in folder.glob(pattern):
        identity = next((part for part in path.name.split(".") if part.isdigit()), None)
        if identity is not None and not _runs(int(identity)):
            with contextlib.suppress(OSError):  # in a folder that cannot be written they stay
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; it takes the place of `path` only when the block ends well.

    A kill in the middle leaves the old file as it was. The process id keeps two writers apart.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
