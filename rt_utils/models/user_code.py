"""Encoders that a user's own code makes, python:FILE.py:FACTORY: this runs that code.

The factory takes no arguments and returns an nn.Module with its weights loaded, and an attribute that describes it:

    network.rt_encoder = {"input_size": 32, "mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2), "output": "features"}

`input_size` is needed. Without `mean` and `std` the network gets pixels in [0, 1] as they are. `output` is "features"
where the output is the representation already; else the last linear layer is cut off.
"""

import copy
import functools
import hashlib
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from rt_utils.models.ends import Architecture, NoLinearEndError, without_head
from rt_utils.models.factory_names import Factory, parse
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.user_modules import importing, module
from rt_utils.models.weights import digest, digest_of
from rt_utils.runtime.errors import InputError, unknown

DESCRIBES = ("input_size", "mean", "std", "output")
OUTPUTS = ("features", "logits")
_EXAMPLE = 'network.rt_encoder = {"input_size": 32}'


class UserNetwork(nn.Module):
    """A network whose class other processes may not know: they get its name, and run the user's code again.

    What was trained since goes with it. Its buffer is the digest by which it is known, of weights and code.
    """

    def __init__(self, network: nn.Module, name: str, folder: Path, sha256: str) -> None:
        super().__init__()
        self.network = network
        self.origin = name, folder, sha256
        self.sha256: Tensor
        self.register_buffer("sha256", torch.tensor(list(bytes.fromhex(sha256)), dtype=torch.uint8))
        self.loaded = digest(network)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n r"]:
        features: Tensor = self.network(x)
        return features

    def __deepcopy__(self, memo: dict[int, Any]) -> "UserNetwork":
        copied = UserNetwork(copy.deepcopy(self.network, memo), *self.origin)
        copied.loaded, copied.training = self.loaded, self.training
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        changed = digest(self.network) != self.loaded
        return _again, (*self.origin, self.network.state_dict() if changed else None)


@functools.lru_cache(maxsize=4)  # a process gets the network anew with each of its tasks
def _same(name: str, folder: Path, sha256: str) -> UserNetwork:
    network = load(name, folder=folder, twice=False).network
    assert isinstance(network, UserNetwork)
    if network.origin[2] != sha256:
        raise InputError(
            f"{name} loaded other weights or code in a second process: the factory must load the same weights every "
            "time, and its files must not change while a page runs"
        )
    return network


def _again(name: str, folder: Path, sha256: str, state: dict[str, Tensor] | None) -> UserNetwork:
    """The network loaded by its name in another process. Raises InputError where it is not the same one."""
    network = _same(name, folder, sha256)
    if state is not None:
        network = copy.deepcopy(network)
        network.network.load_state_dict(state, assign=True)
    return network


def _state_digest(network: nn.Module) -> str:
    """The SHA-256 over all parameters and buffers, those that no state_dict holds too."""
    return digest_of((*network.named_parameters(), *network.named_buffers()))


def _called(name: str, factory: Factory, seed: int) -> nn.Module:
    """What the factory returns after this seed. Raises InputError for what it raises, and for what is no network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            made = getattr(module(factory), factory.name)()
        except (Exception, SystemExit) as error:  # a user's code may raise anything
            line = next(iter(str(error).splitlines()), "")
            raise InputError(f"{name} failed ({type(error).__name__}: {line})") from None
    if not isinstance(made, nn.Module):
        raise InputError(f"{name} returned a {type(made).__name__}: it must return a torch.nn.Module")
    if any(
        isinstance(value, UninitializedParameter | UninitializedBuffer)
        for value in (*made.parameters(), *made.buffers())
    ):
        raise InputError(f"{name} returned lazy layers that have no weights yet: load them before the factory returns")
    return made


def _colours(name: str, key: str, value: Any) -> tuple[float, ...]:
    try:
        values = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        values = ()
    if len(values) != 3 or (key == "std" and min(values) <= 0):
        raise InputError(f"{name} has rt_encoder[{key!r}] = {value!r}: give three numbers, one a colour")
    return values


def _described(name: str, network: nn.Module) -> Architecture:
    """What the network wants to see, by its `rt_encoder`. Raises InputError where it does not say so."""
    given = getattr(network, "rt_encoder", None)
    if not isinstance(given, dict) or "input_size" not in given:
        raise InputError(f"{name} does not say its input size: before the factory returns, set {_EXAMPLE}")
    for key in given:
        if key not in DESCRIBES:
            raise unknown("key of rt_encoder", key, DESCRIBES)
    size, ends = given["input_size"], given.get("output", "logits")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 1024:
        raise InputError(f"{name} has rt_encoder['input_size'] = {size!r}: give a whole number from 1 to 1024")
    if ends not in OUTPUTS:
        raise unknown("output of rt_encoder", ends, OUTPUTS)
    if ("mean" in given) != ("std" in given):
        raise InputError(f"{name} has mean or std alone in rt_encoder: give both, or neither")
    mean, std = (
        _colours(name, key, given.get(key, default)) for key, default in (("mean", (0,) * 3), ("std", (1,) * 3))
    )
    return Architecture(name, network, size, mean, std, headless=ends == "features")


def _check_values(name: str, network: nn.Module) -> None:
    for key, value in network.state_dict().items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{name} has NaN or infinity in {key!r}: take weights from before the training diverged")


def _own(name: str, network: nn.Module) -> nn.Module:
    """A copy to be cut and frozen, since the user's code may hold, and return again, what it returned."""
    try:
        return copy.deepcopy(network).cpu().float().eval().requires_grad_(False)
    except Exception as error:
        line = next(iter(str(error).splitlines()), "")
        raise InputError(f"{name} cannot be copied by copy.deepcopy ({type(error).__name__}: {line})") from None


def load(name: str, *, fold: bool = True, folder: Path | None = None, twice: bool = True) -> Encoder:
    """The encoder that the factory of that name makes, from `folder`, else from where the process runs.

    The factory is called twice, after two seeds: one that leaves weights random is refused. Raises InputError for that,
    for whatever the code raises, and for a network that does not say what it is, or is no encoder.
    """
    folder = folder or Path.cwd()
    factory = parse(name, folder)
    with importing(factory) as sources:
        network = _called(name, factory, 1)
        state = _state_digest(network)
        if twice and _state_digest(_called(name, factory, 2)) != state:
            raise InputError(f"{name} made other weights at its second call: load them from a file, or set a seed")
        _check_values(name, network)
        single = {value.dtype for value in network.parameters()} <= {torch.float32}
        network = _own(name, network)
        built = _described(name, network)
        wants = built.wants()
        try:
            network, width, cut = without_head(built)
        except NoLinearEndError as error:
            remedy = "where its output is the representation, set rt_encoder['output'] = 'features'"
            raise InputError(f"{error}; {remedy}") from None
    known = hashlib.sha256(repr((state, sorted(sources.items()))).encode()).hexdigest()
    ran = ", ".join(f"{module.removeprefix('python_file_')} {code[:12]}" for module, code in sorted(sources.items()))
    notes = [f"ran the user's code ({ran or 'an installed module'})", wants, cut]
    notes += [] if single else ["made single precision"]
    return Encoder(
        name,
        UserNetwork(network, name, folder, known),
        input_size=built.input_size,
        width=width,
        weights_sha256=known,
        made_by=__name__,
        notes=notes,
    )
