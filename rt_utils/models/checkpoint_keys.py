"""A checkpoint's keys made those of its architecture: prefixes dropped, normalisation found, and said so."""

from collections import Counter
from collections.abc import Collection

from torch import Tensor

from rt_utils.runtime.errors import InputError

State = dict[str, Tensor]
Pair = tuple[tuple[float, ...], tuple[float, ...]]  # mean and std
# What a normalising layer calls its mean and deviation.
_PAIRS = (("mean", "std"), ("new_mean", "new_std"), ("_mean", "_std"), ("mu", "sigma"), ("pixel_mean", "pixel_std"))


def _prefix(state: State, expected: Collection[str]) -> str:
    """What stands before most of the expected keys: nothing where that does as well, no average, the shortest."""
    known = set(expected)
    counts: Counter[str] = Counter({"": 0})
    for key in state:
        parts = key.split(".")
        counts.update(
            ".".join(parts[:start]) + "." * bool(start)
            for start in range(len(parts))
            if ".".join(parts[start:]) in known
        )
    return max(counts, key=lambda prefix: (counts[prefix], not prefix, "ema" not in prefix, -len(prefix)))


def _on_a_line(key: str) -> str:
    """A key comes from the file: what is no letter, as a line break, is escaped."""
    return repr(key)[1:-1]


def beginnings(keys: Collection[str]) -> str:
    """What keys begin with, and how many do: their first two parts where they have more."""
    parts = (key.split(".") for key in keys)
    counts = Counter(".".join(part[:2] if len(part) > 2 else part[:1]) for part in parts)
    return ", ".join(f"{_on_a_line(part)} ({n})" for part, n in counts.most_common(5))


def fitted(state: State, expected: Collection[str]) -> tuple[State, list[str]]:
    """The entries under the prefix of the architecture's keys, without it; in words what was dropped and left out."""
    prefix = _prefix(state, expected)
    if not prefix:
        return dict(state), []
    own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    rest = [key for key in state if not key.startswith(prefix)]
    notes = [f"dropped prefix {_on_a_line(prefix)} from {len(own)} keys"]
    return own, notes + ([f"left out {len(rest)} keys without it, beginning {beginnings(rest)}"] if rest else [])


def normalisations(state: State) -> dict[Pair, list[str]]:
    """What the file keeps as buffers of three numbers, or one for all colours: each mean and std, and their keys."""
    found: dict[Pair, list[str]] = {}
    for key in state:
        above, _, last = key.rpartition(".")
        for mean, std in _PAIRS:
            other = f"{above}.{std}" if above else std
            if last == mean and other in state and {state[key].numel(), state[other].numel()} <= {1, 3}:
                first, second = (tuple(state[k].double().flatten().expand(3).tolist()) for k in (key, other))
                found.setdefault((first, second), []).extend([key, other])
    return found


def normalisation(found: dict[Pair, list[str]], path: str) -> tuple[Pair, str]:
    """The one mean and std that was found, and in words where it lay.

    Where one is above 1.5 they are of pixels from 0 to 255, and divided by 255. Raises InputError where several differ.
    """
    if len(found) > 1:
        names = ", ".join(repr(keys[0]) for keys in found.values())
        raise InputError(f"{path!r} holds normalisations that differ, {names}: give one, as in :mean=0:std=1")
    (((mean, std), keys),) = found.items()
    note = f"mean and std are the file's {keys[0]} and {keys[1]}"
    if max(*mean, *std) <= 1.5:  # a mean of 0 with a deviation of 255 brings such pixels to [0, 1]
        return (mean, std), note
    return (tuple(v / 255 for v in mean), tuple(v / 255 for v in std)), f"{note}, divided by 255"
