"""Writing a file whole or not at all, and tidying up after a kill."""

import contextlib
import os
import platform
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_DAY = 24 * 3600


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", platform.node())


def writer() -> str:
    """A name, without dots, for who writes: no other thread, process or machine on the same disk has it."""
    return f"{os.getpid()}-{threading.get_native_id()}-{_host()}"


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove files that match `pattern`, are named NAME.WRITER.KIND, and whose writer is no more.

    That of another machine is taken for no more when its file was not written to for a day.
    """
    for path in folder.glob(pattern):
        found = next((m for part in path.name.split(".") if (m := re.fullmatch(r"(\d+)-\d+-(.*)", part))), None)
        with contextlib.suppress(OSError):  # in a folder that cannot be written they stay
            if found and (
                not _runs(int(found[1])) if found[2] == _host() else time.time() - path.lstat().st_mtime > _DAY
            ):
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; it takes the place of `path` only when the block ends well.

    A kill in the middle leaves the old file as it was. The writer's name keeps two of them apart.
    """
    partial = path.with_name(f".{path.name}.{writer()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
