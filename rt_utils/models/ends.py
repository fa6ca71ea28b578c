"""Where a network's representation ends: preprocessing in front of it, its last linear layer found and cut off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rt_utils.runtime.errors import InputError


class NoLinearEndError(InputError):
    """The network does not end in a linear layer, so its features cannot be told from its logits."""


class Normalised(nn.Module):
    """A network that wants (x - mean) / std, behind an outside that speaks in pixels of [0, 1]."""

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n r"]:
        features: Tensor = self.network((x - self.mean) / self.std)
        return features


@dataclass(frozen=True)
class Architecture:
    """A network, and what it wants to see. `headless`: it has no head, so its output is the representation."""

    name: str
    network: nn.Module
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    headless: bool = False

    def wants(self) -> str:
        """What it gets, in words, for who must tell whether its training saw the same."""
        range_ = f"minus mean {_listed(self.mean)}, over std {_listed(self.std)}"
        plain = set(self.mean) == {0.0} and set(self.std) == {1.0}
        return f"gets {self.input_size} x {self.input_size} pixels of [0, 1]" + ("" if plain else f" {range_}")


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)


def output(built: Architecture, images: int = 1) -> Tensor:
    """What the network says to random images. Raises InputError where it does not take them, or gives no tensor."""
    size = built.input_size
    x = torch.rand(images, 3, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            given = built.network(x)
    except Exception as error:  # what a network says to a size that it was not made for is not known beforehand
        line = next(iter(str(error).splitlines()), "")
        what = line if isinstance(error, RuntimeError | ValueError | AssertionError) else type(error).__name__
        raise InputError(
            f"{built.name} takes no images of {size} pixels a side ({what}): give the size that it was made for, as "
            "NAME:SIZE, or rt_encoder['input_size'] in a factory"
        ) from None
    if not isinstance(given, Tensor):
        raise InputError(
            f"{built.name} returns a {type(given).__name__}: it must return one tensor, (n, width); a factory "
            "(python:FILE.py:FACTORY) can choose it"
        )
    return given


def head(built: Architecture) -> tuple[str, nn.Linear]:
    """The last linear layer, which gives the logits. Raises NoLinearEndError where the network does not end in one.

    That is seen from one image: what the layer returns, from features of shape (1, r), is what the network returns.
    """
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    linear = {layer: name for name, layer in built.network.named_modules() if isinstance(layer, nn.Linear)}
    hooks = [layer.register_forward_hook(lambda layer, z, out: seen.update({layer: (z[0], out)})) for layer in linear]
    try:
        logits = output(built)
    finally:
        for hook in hooks:
            hook.remove()
    for layer, name in linear.items():
        if layer in seen and seen[layer][0].ndim == 2 and torch.equal(seen[layer][1], logits):
            return name, layer
    raise NoLinearEndError(f"{built.name} does not end in a linear layer: its features cannot be told from its logits")


def refused(error: NoLinearEndError) -> NoLinearEndError:
    """The refusal, with what works."""
    return NoLinearEndError(
        f"{error}; give python:FILE.py:FACTORY, which returns the network up to its features and sets "
        "rt_encoder['output'] = 'features'"
    )


def with_timms_features(built: Architecture, error: NoLinearEndError) -> Architecture:
    """The network without its classifier as timm takes it off: two heads, or a convolution for one.

    Changes `built.network`. Raises NoLinearEndError, with what works, where the network is not timm's.
    """
    reset = getattr(built.network, "reset_classifier", None)
    if reset is None:
        raise refused(error)
    reset(0)
    return replace(built, headless=True)


def without_head(built: Architecture) -> tuple[Normalised, int, str]:
    """The network up to its representation, with its preprocessing in front; the width; in words, what was done.

    Changes `built.network`. Raises InputError where a network with a head does not end in a linear layer, and where the
    output of one without is not one vector an image.
    """
    if built.headless:
        shape = tuple(output(built, images=2).shape)
        if len(shape) != 2 or shape[0] != 2:
            raise InputError(
                f"{built.name} gives shape {shape} for 2 images: a representation is one vector an image, (2, width), "
                "which a factory (python:FILE.py:FACTORY) can pool"
            )
        return Normalised(built.network, built.mean, built.std), shape[1], "its output is the representation"
    name, layer = head(built)
    parent, _, attribute = name.rpartition(".")
    setattr(built.network.get_submodule(parent), attribute, nn.Identity())
    cut = f"cut off its last linear layer {name!r}, from {layer.in_features} to {layer.out_features}"
    return Normalised(built.network, built.mean, built.std), layer.in_features, cut
