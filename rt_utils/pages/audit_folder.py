"""Where `rt audit` writes: a folder of its own, never over what is not an audit's."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rt_utils.runtime.errors import InputError

SUMMARY, FILES = "report.json", "files"


def default(facts: Mapping[str, Any]) -> Path:
    """results/audit_report-KEY, whose eight hex digits name what is asked for, so that audits stay apart."""
    return Path("results") / f"audit_report-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]}"


def _report(folder: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((folder / SUMMARY).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "encoders_audited" in content else None


def holds_report(folder: Path) -> bool:
    """Whether a report of `rt audit` lies in the folder."""
    return _report(folder) is not None


def check(folder: Path) -> None:
    """Raises InputError where the folder holds anything but an earlier report of `rt audit`."""
    try:
        empty = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    except OSError as error:
        raise InputError(f"-o {str(folder)!r} cannot be read: {error.strerror or error}") from None
    if not empty and not holds_report(folder):
        raise InputError(
            f"-o {str(folder)!r} is not empty, and no report of rt audit lies there: name a new or an empty folder"
        )


def outdated(folder: Path, names: list[str]) -> list[Path]:
    """Files that the report that lies there says it wrote, and that the new one, of files `names`, has not."""
    listed = (_report(folder) or {}).get(FILES, [])
    return [folder / name for name in listed if name not in names and name == Path(str(name)).name]
