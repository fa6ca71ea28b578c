"""Where things lie: the package, the book that it came with, the user's data and models. Nothing else climbs from
`__file__`.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
SHIPPED = PACKAGE / "models" / "shipped"  # weights and model cards
SWEEP = PACKAGE / "pages" / "sweep"  # the Snakefile of `rt sweep`, and its profile for Slurm


def _home() -> Path:
    """The checkout that this package lies in; where it was installed elsewhere, the working directory."""
    return PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else Path.cwd()


def book() -> Path:
    """The book's folder: the one that the working directory is in, else the one that this package came with."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "_toc.yml").is_file() and (folder / "notebooks").is_dir():
            return folder
    return _home()


def notebooks() -> Path:
    """The chapters' sources."""
    return book() / "notebooks"


def reference() -> Path:
    """The kept runs."""
    return book() / "book" / "reference"


def _named(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable) or _home() / name).expanduser()


def cache() -> Path:
    """Where results are kept: $RT_CACHE, else .cache/rt in the book's folder."""
    return _named("RT_CACHE", ".cache/rt")


def data() -> Path:
    """Where downloaded data sets lie: $RT_DATA, else data."""
    return _named("RT_DATA", "data")


def models() -> Path:
    """Where downloaded checkpoints lie: $RT_MODELS, else models."""
    return _named("RT_MODELS", "models")


def existing(name: str) -> Path | None:
    """The path of that name, where something is there; none also for what cannot be one."""
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, of an unknown user, with a zero byte
        return None
