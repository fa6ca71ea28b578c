"""The state_dict that a checkpoint holds, wherever it lies in it. Whatever is chosen or left out is said."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from rt_utils.runtime.errors import InputError

# Where trainings put their weights, the first that is there. Averages come after what they are averages of.
KNOWN = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "last")
AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "averaged")

State = dict[str, Tensor]


def _is_state(content: Any) -> bool:
    return (
        isinstance(content, Mapping)
        and any(isinstance(value, Tensor) for value in content.values())
        and all(isinstance(key, str) for key in content)
        and not any(_below(value) for value in content.values())
    )


def _below(content: Any) -> bool:
    """Whether a state_dict lies here or deeper."""
    if isinstance(content, list | tuple):
        return any(_below(part) for part in content)
    return _is_state(content) or (isinstance(content, Mapping) and any(map(_below, content.values())))


def _listed(keys: list[str], most: int = 6) -> str:
    return ", ".join(map(repr, keys[:most])) + (f" and {len(keys) - most} more" if len(keys) > most else "")


def _parts(content: Any) -> dict[str, Any]:
    pairs = content.items() if isinstance(content, Mapping) else enumerate(content)
    return {str(key): value for key, value in pairs}


def _choose(content: Any, path: str, where: str) -> tuple[str, str]:
    """The part of the content to look into, and what is to be said of the others. Raises InputError."""
    parts = {key: value for key, value in _parts(content).items() if _below(value)}
    if not isinstance(content, Mapping):
        return "0", f"the first of a list of {len(content)}" + (
            f", add :key={where}1 for the next" if len(parts) > 1 else ""
        )
    named = [key for key in (*KNOWN, *AVERAGES) if key in parts]
    if not named and len(parts) != 1:
        raise InputError(
            f"{path!r} holds several state_dicts, under {_listed(list(parts))}: add :key={where}KEY for one"
        )
    chosen = named[0] if named else next(iter(parts))
    left = [key for key in parts if key != chosen]
    return chosen, f"and not {_listed(left)}: add :key={where}{left[0]} for that" if left else ""


def state(content: Any, path: str, remedy: str, key: str = "") -> tuple[State, list[str]]:
    """The state_dict in what a file held, and in words what was chosen and left out.

    `key` names a place in it: `state_dict_ema`, or `state_dict.1` for the second of a list. Raises InputError where
    there is none, or several and none is known to be the weights.
    """
    notes, where = [], ""
    key = key.strip(".")
    while key:
        parts = _parts(content) if isinstance(content, Mapping | list | tuple) else {}
        named = [part for part in parts if key == part or key.startswith(f"{part}.")]
        held = [part for part in named if _below(parts[part])]
        part = max(held, key=len, default=key.partition(".")[0])  # a name may hold dots of its own
        if not held:
            raise InputError(f"{path!r} holds no weights under {where + part!r}: it has {_listed(list(parts))}")
        content, where, key = parts[part], f"{where}{part}.", key[len(part) + 1 :]
    while not _is_state(content):
        if not _below(content):
            has = f", but {_listed(list(map(str, content)))}" if isinstance(content, Mapping) and content else ""
            raise InputError(f"{path!r} holds no state_dict{has}: {remedy}")
        chosen, said = _choose(content, path, where)
        content, where = _parts(content)[chosen], f"{where}{chosen}."
        notes += [said] if said else []
    if where:
        notes = [f"took the weights under {where.removesuffix('.')!r}", *notes]
    strange = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if strange:
        notes.append(f"left out {_listed(strange)}, which are no tensors")
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}, [", ".join(notes)] * any(
        notes
    )
