"""A file's weights in an architecture, by rules that say in words what they did: nothing is dropped in silence."""

import hashlib
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from rt_utils.models import checkpoint_keys, checkpoints, name_options, weights
from rt_utils.models.ends import Architecture, NoLinearEndError, head, refused
from rt_utils.runtime.errors import InputError

_NAMED_HASH = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # as in resnet18-f37072fd.pth, which torch.hub checks too
_REMEDY = "give safetensors or a state_dict"


def _hashed(path: str) -> tuple[str, list[str]]:
    """The file's SHA-256. Raises InputError where its name says another; digits alone may be a date or a job."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    named = _NAMED_HASH.search(path)
    if not named or digest.startswith(named[1]):
        return digest, []
    if named[1].isdecimal():
        return digest, [f"the {named[1]} in the file's name is taken for a date or a number, not for its hash"]
    raise InputError(
        f"{path!r} has SHA-256 {digest[:12]}..., its name says {named[1]}: download it again, "
        "or rename it where that is no hash"
    )


def _unlike(path: str, architecture: str, state: dict[str, Tensor], expected: dict[str, Tensor], begin: str) -> None:
    """Raises InputError for the first key that is missing, too many, or of another shape; `begin`: what it has."""
    for key in [*expected, *state]:
        shapes = [tuple(part[key].shape) if key in part else "nothing" for part in (state, expected)]
        if shapes[0] != shapes[1]:
            has = f"; its keys begin {begin}" if shapes[0] == "nothing" else ""
            raise InputError(
                f"{path!r} does not fit {architecture}: {key!r} is {shapes[0]} in the file, {shapes[1]} there{has}; "
                "name another architecture, or give python:FILE.py:FACTORY"
            )


def _check_real(path: str, state: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raises InputError for a weight that is complex or whole numbers: PyTorch would cast it, to something else."""
    for key, value in expected.items():
        if value.is_floating_point() and not state[key].is_floating_point():
            kind = str(state[key].dtype).removeprefix("torch.")
            raise InputError(f"{path!r} holds {key!r} as {kind}, whose scale is unknown: save it as float32")


def _single(state: dict[str, Tensor]) -> list[str]:
    kinds = {str(value.dtype).removeprefix("torch.") for value in state.values() if value.is_floating_point()}
    kinds -= {"float32"}
    return [f"made single precision from {', '.join(sorted(kinds))}"] if kinds else []


def _old_scalar(value: Tensor, expected: Tensor) -> bool:
    """Whether the file has one number in a row of one, as PyTorch wrote it before 0.4 and still reads it."""
    return expected.ndim == 0 and value.shape == (1,)


def _without(state: dict[str, Tensor], keys: Collection[str]) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if key not in keys}


def _last(built: Architecture) -> tuple[str, nn.Linear | None]:
    """Name and layer of the head; none where there is no single one, as timm has networks: the file fits all of it."""
    if built.headless:
        return "", None
    try:
        return head(built)
    except NoLinearEndError as error:
        if not hasattr(built.network, "reset_classifier"):
            raise refused(error) from None
        return "", None


def into(build: Callable[..., Architecture], path: str, architecture: str) -> tuple[Architecture, str, list[str]]:
    """The architecture that `build` makes, with the file's weights; the file's SHA-256; in words what was done.

    Raises InputError where the file holds no weights, or they do not fit.
    """
    options = name_options.split(architecture)[1]
    state, notes = checkpoints.state(weights.content(path), path, _REMEDY, options.key)
    digest, said = _hashed(path)
    built = build()
    last, layer = _last(built)
    buffers = checkpoint_keys.normalisations(_without(state, built.network.state_dict()))
    state, done = checkpoint_keys.fitted(
        _without(state, [key for keys in buffers.values() for key in keys]), built.network.state_dict()
    )
    notes, begin = [*notes, *said, *done], checkpoint_keys.beginnings(state)
    weights.check_finite(state, path, _REMEDY)
    own = state.get(f"{last}.weight") if layer is not None else None
    if own is not None and layer is not None:
        if own.ndim != 2 or own.shape[1] != layer.in_features:
            raise InputError(
                f"the head in {path!r} has shape {tuple(own.shape)}: {architecture} gives {layer.in_features} "
                "features; name the architecture that the file is of"
            )
        if len(own) != layer.out_features:
            notes.append(f"its head has {len(own)} classes")
            built = build(num_classes=len(own))
    expected = built.network.state_dict()
    if layer is not None and own is None:  # a file without this head: the representation needs none
        heads = {key for part in (state, expected) for key in part if key.startswith(f"{last}.")}
        left = sorted(heads & state.keys())
        notes.append(f"left out its head, {', '.join(left)}" if left else "the file has no head")
        state = _without(state, heads) | {key: expected[key] for key in heads & expected.keys()}
    counters = {key for key in expected if key.endswith(".num_batches_tracked") and key not in state}
    if counters:
        notes.append(f"{len(counters)} keys num_batches_tracked are not there, and change no feature")
        state |= {key: expected[key] for key in counters}
    state |= {key: state[key][0] for key in expected if key in state and _old_scalar(state[key], expected[key])}
    _unlike(path, architecture, state, expected, begin)
    _check_real(path, state, expected)
    notes += _single(state)
    built.network.load_state_dict(state)
    if buffers and not options.mean:
        (mean, std), note = checkpoint_keys.normalisation(buffers, path)
        return replace(built, mean=mean, std=std), digest, [*notes, note]
    if not options.mean and not architecture.startswith("robustbench/"):  # whose networks normalise themselves
        notes.append("no mean and std among its weights, so the architecture's: :mean=0:std=1 at the end gives others")
    return built, digest, notes
