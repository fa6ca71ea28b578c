"""Encoders from torchvision and timm: an architecture with the library's own weights, random ones, or a file's.

torchvision/NAME and timm/NAME have random weights; torchvision/NAME:WEIGHTS and timm/NAME.TAG the library's own, by its
own names for them; file:PATH@torchvision/NAME (or @timm/NAME) those of a file. Nothing is downloaded unasked.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rt_utils.errors import InputError, unknown
from rt_utils.names import split_file

_NAMED_HASH = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # as in resnet18-f37072fd.pth, which torch.hub checks too


class Normalised(nn.Module):
    """A network that wants (x - mean) / std, behind an outside that speaks in pixels of [0, 1]."""

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
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
    """A classifier with its head still on, and what it wants to see."""

    name: str
    network: nn.Module
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def _torchvision(name: str, **options: Any) -> Architecture:
    import torchvision

    arch, _, weights = name.removeprefix("torchvision/").partition(":")
    known = torchvision.models.get_model_weights(arch)
    if weights and weights not in ("DEFAULT", *known.__members__):
        raise unknown(f"weights of torchvision/{arch}", weights, ("DEFAULT", *known.__members__))
    network = torchvision.models.get_model(arch, weights=weights or None, **options)
    transforms = (known[weights] if weights not in ("", "DEFAULT") else known.DEFAULT).transforms()
    return Architecture(name, network, transforms.crop_size[0], tuple(transforms.mean), tuple(transforms.std))


def _timm(name: str, **options: Any) -> Architecture:
    import timm

    arch = name.removeprefix("timm/")
    network = timm.create_model(arch, pretrained="." in arch, **options)
    wants = network.pretrained_cfg
    return Architecture(name, network, wants["input_size"][-1], wants["mean"], wants["std"])


def _build(name: str, **options: Any) -> Architecture:
    """The architecture of that name, from seed 0 where its weights are random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            built = (_torchvision if name.startswith("torchvision/") else _timm)(name, **options)
        except InputError:
            raise
        except Exception as error:  # what a download, or a library's own check, may raise is not known beforehand
            line = next(iter(str(error).splitlines()), "")
            raise InputError(f"{name} cannot be made ({type(error).__name__}: {line})") from None
    built.network.eval().requires_grad_(False)
    return built


def _head(built: Architecture) -> tuple[str, nn.Linear]:
    """The last linear layer, which gives the logits. Raises InputError where the network does not end in one."""
    linear = [(name, layer) for name, layer in built.network.named_modules() if isinstance(layer, nn.Linear)]
    refusal = InputError(f"{built.name} does not end in a linear layer: its features cannot be told from its logits")
    if not linear:
        raise refusal
    with torch.no_grad():
        logits = built.network(torch.zeros(1, 3, built.input_size, built.input_size))
    name, layer = linear[-1]
    if logits.shape != (1, layer.out_features):
        raise refusal
    return name, layer


def _read(path: str) -> dict[str, Tensor]:
    """A state_dict from safetensors, or from a file that torch.save wrote, read with weights_only=True."""
    try:
        if path.endswith(".safetensors"):
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        line = next(iter(str(error).splitlines()), "")
        raise InputError(f"{path!r} cannot be read as weights ({line}): give safetensors or a state_dict") from None
    except Exception as error:  # pickle's UnpicklingError names what is not allowed, over many lines
        raise InputError(f"{path!r} holds more than a state_dict ({type(error).__name__}): save one") from None
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path!r} holds no state_dict: save model.state_dict(), or safetensors")
    return {name.removeprefix("module."): value for name, value in content.items()}


def _from_file(name: str) -> tuple[Architecture, str, str]:
    """The architecture with the file's weights, the name of its head, and the file's SHA-256."""
    path, architecture = split_file(name)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    named = _NAMED_HASH.search(path)
    if named and not digest.startswith(named[1]):
        raise InputError(f"{path!r} has SHA-256 {digest[:12]}..., its name says {named[1]}: download it again")
    weights = _read(path)
    for key, value in weights.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{path!r} holds NaN or infinity in {key!r}")
    built = _build(architecture)
    head, layer = _head(built)
    own = weights.get(f"{head}.weight")
    if own is not None:
        if own.ndim != 2 or own.shape[1] != layer.in_features:
            raise InputError(
                f"the head in {path!r} has shape {tuple(own.shape)}: {architecture} gives {layer.in_features} features"
            )
        built = _build(architecture, num_classes=len(own))
    expected = built.network.state_dict()
    for key in [*expected, *weights]:
        headless = own is None and key.startswith(f"{head}.")
        shapes = [tuple(part[key].shape) if key in part else "nothing" for part in (weights, expected)]
        if shapes[0] != shapes[1] and not headless:
            raise InputError(
                f"{path!r} does not fit {architecture}: {key!r} is {shapes[0]} in the file, {shapes[1]} there"
            )
    built.network.load_state_dict(weights, strict=own is not None)
    return built, head, digest


def weights_digest(network: nn.Module) -> str:
    """The SHA-256 over the names and values of all parameters and buffers."""
    sha256 = hashlib.sha256()
    for key, value in network.state_dict().items():
        sha256.update(key.encode() + value.contiguous().numpy().tobytes())
    return sha256.hexdigest()


def load(name: str) -> tuple[nn.Module, int, int, str]:
    """The network without its head, its input size, its number of features, and its weights' SHA-256.

    Raises InputError for weights that cannot be had, do not fit or are not finite, and for a network whose last layer
    is not linear.
    """
    if name.startswith("file:"):
        built, head, digest = _from_file(name)
    else:
        built = _build(name)
        head, _ = _head(built)
        digest = weights_digest(built.network)
    _, layer = _head(built)
    parent, _, attribute = head.rpartition(".")
    setattr(built.network.get_submodule(parent), attribute, nn.Identity())
    return Normalised(built.network, built.mean, built.std), built.input_size, layer.in_features, digest
