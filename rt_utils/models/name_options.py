"""What may follow an encoder's name: `:96` its input size, `:mean=A/B/C:std=A/B/C` its normalisation, `:key=...`."""

import re
from dataclasses import dataclass
from typing import Any

from rt_utils.runtime.errors import InputError

_OPTION = re.compile(r":(\d+|mean=[^:@]*|std=[^:@]*|key=[^:@]*)$")


@dataclass(frozen=True)
class Options:
    """As given with a name; None or empty where it was not. `key`: where in a file the weights lie."""

    size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    key: str = ""


def _colours(name: str, what: str, text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split("/"))
    except ValueError:
        values = ()
    values = values * 3 if len(values) == 1 else values
    if len(values) != 3 or (what == "std" and min(values) <= 0):
        raise InputError(f"{name!r} has {what}={text}: give one number, or three as in {what}=0.5/0.4/0.3")
    return values


def split(name: str) -> tuple[str, Options]:
    """The name without its options, and those. Raises InputError for one that cannot be, and for mean or std alone."""
    given: dict[str, Any] = {}
    bare = name
    while found := _OPTION.search(bare):
        bare, option = bare[: found.start()], found[1]
        what, _, text = option.rpartition("=")
        if (what or "size") in given:
            raise InputError(f"{name!r} gives its {what or 'size'} twice")
        if not what:
            if not 8 <= int(text) <= 1024:
                raise InputError(f"{name!r} ends in no image size: give a whole number from 8 to 1024, as in {bare}:96")
            given["size"] = int(text)
        else:
            given[what] = text if what == "key" else _colours(name, what, text)
    if ("mean" in given) != ("std" in given):
        raise InputError(f"{name!r} gives mean or std alone: give both, as in {bare}:mean=0:std=1")
    return bare, Options(**given)
