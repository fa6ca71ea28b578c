"""Where the files of public networks lie, and what to fetch. Imports nothing heavy."""

import json
from pathlib import Path
from typing import Any

from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError

NAMES = tuple(f"public/{path.stem}" for path in sorted((paths.SHIPPED / "public").glob("*.json")))


def card(name: str) -> dict[str, Any]:
    """The card of 'public/NAME': repository, path, licence, data, radius, network, accuracies, SHA-256."""
    found: dict[str, Any] = json.loads((paths.SHIPPED / f"{name}.json").read_text("utf-8"))
    return found


def place(name: str) -> Path:
    """Where the file of that network lies: $RT_MODELS/public, else models/public."""
    return paths.models() / "public" / str(card(name)["file"])


def remedy(name: str) -> str:
    """What a user does to have the right file, in words."""
    its = card(name)
    return f"download {its['path']} of {its['repository']} ({its['licence']}) and put it at {str(place(name))!r}"


def check(name: str) -> None:
    """Raises InputError, with what to fetch, where the file of a network is not there."""
    if not place(name).is_file():
        raise InputError(f"no weights of {name}: {remedy(name)}, or set RT_MODELS")
