"""Parsers of parameters that are numbers: each checks kind and range, with one line for what is wrong."""

import contextlib
from collections.abc import Callable
from typing import Any

from rt_utils.runtime.errors import InputError


def _as_number(value: Any) -> Any:
    """A number written as a text, which YAML makes of 1e-3, as that number; whole ones, as 1e1, as whole numbers."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def whole(low: int, high: int) -> Callable[[str, Any], int]:
    """Of a whole number in a range. Raises InputError."""

    def parse(name: str, given: Any) -> int:
        value = _as_number(given)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{name} {given!r} is not a whole number: give one from {low} to {high}")
        if not low <= value <= high:
            raise InputError(f"{name} {given!r} is out of range: give a whole number from {low} to {high}")
        return value

    return parse


def number(low: float, high: float) -> Callable[[str, Any], float]:
    """Of a number above `low`, at most `high`. Raises InputError."""

    def parse(name: str, given: Any) -> float:
        value = _as_number(given)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{name} {given!r} is not a number: give one above {low:g}, at most {high:g}")
        if not low < value <= high:
            raise InputError(f"{name} {given!r} is out of range: give a number above {low:g}, at most {high:g}")
        return float(value)

    return parse
