"""Functions whose modules are imported when they are called, so that what only checks a name stays light."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazily(module: str, function: str) -> Callable[..., Any]:
    """`function` of `module`, which is imported at the first call."""

    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(import_module(module), function)(*arguments, **options)

    return call
