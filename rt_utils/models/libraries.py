"""Encoders from torchvision, timm and RobustBench: an architecture with the library's weights, random or a file's.

torchvision/NAME and timm/NAME have random weights; torchvision/NAME:WEIGHTS and timm/NAME.TAG the library's own, by its
own names for them; robustbench/DATASET/THREAT/NAME a checkpoint of RobustBench; file:PATH@torchvision/NAME (or
@timm/NAME) those of a file. Nothing is downloaded unasked.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rt_utils.models import robustbench, weights
from rt_utils.models.catalogue import split_file
from rt_utils.models.ends import Architecture, Normalised, head, without_head
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.errors import InputError, unknown

_NAMED_HASH = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # as in resnet18-f37072fd.pth, which torch.hub checks too


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
    # DINO, DINOv2, MAE, SAM and others come without a classifier.
    headless = network.num_classes == 0
    return Architecture(name, network, wants["input_size"][-1], wants["mean"], wants["std"], headless)


def _robustbench(name: str) -> Architecture:
    return Architecture(name, *robustbench.build(name), (0.0,) * 3, (1.0,) * 3)


_MAKERS: dict[str, Callable[..., Architecture]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "robustbench": _robustbench,
}


def _build(name: str, **options: Any) -> Architecture:
    """The architecture of that name, from seed 0 where its weights are random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            built = _MAKERS[name.partition("/")[0]](name, **options)
        except InputError:
            raise
        except Exception as error:  # what a download, or a library's own check, may raise is not known beforehand
            line = next(iter(str(error).splitlines()), "")
            raise InputError(f"{name} cannot be made ({type(error).__name__}: {line})") from None
    built.network.eval().requires_grad_(False)
    return built


def _from_file(name: str) -> tuple[Architecture, str]:
    """The architecture with the file's weights, and the file's SHA-256."""
    path, architecture = split_file(name)
    state = weights.read(path)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    named = _NAMED_HASH.search(path)
    if named and not digest.startswith(named[1]):
        raise InputError(f"{path!r} has SHA-256 {digest[:12]}..., its name says {named[1]}: download it again")
    built = _build(architecture)
    last, layer = (None, None) if built.headless else head(built)
    own = state.get(f"{last}.weight")
    if own is not None and layer is not None:
        if own.ndim != 2 or own.shape[1] != layer.in_features:
            raise InputError(
                f"the head in {path!r} has shape {tuple(own.shape)}: {architecture} gives {layer.in_features} features"
            )
        built = _build(architecture, num_classes=len(own))
    expected = built.network.state_dict()
    for key in [*expected, *state]:
        headless = own is None and key.startswith(f"{last}.")
        shapes = [tuple(part[key].shape) if key in part else "nothing" for part in (state, expected)]
        if shapes[0] != shapes[1] and not headless:
            raise InputError(
                f"{path!r} does not fit {architecture}: {key!r} is {shapes[0]} in the file, {shapes[1]} there"
            )
    built.network.load_state_dict(state, strict=own is not None)
    return built, digest


def _named(name: str) -> tuple[Architecture, str]:
    """The network of that name, with its head where it has one, and its weights' SHA-256."""
    if name.startswith("file:"):
        return _from_file(name)
    built = _build(name)
    return built, weights.digest(built.network)


def classifier(name: str) -> tuple[nn.Module, nn.Linear]:
    """The network with its pretrained head on, for pixels in [0, 1], and that head. Raises InputError as `load` does.

    Table 4's first rows are of pretrained heads.
    """
    built, _ = _named(name)
    return Normalised(built.network, built.mean, built.std), head(built)[1]


def pretrained_head(name: str, data: str, classes: Sequence[str]) -> Head | None:
    """The head of a RobustBench model, where `data` is the set that it was trained on, with as many classes."""
    if name.split("/")[1] != data:
        return None
    layer = classifier(name)[1]
    if layer.out_features != len(classes):
        return None
    return Head(layer.weight.detach().double(), layer.bias.detach().double())


def load(name: str, *, fold: bool = True) -> Encoder:
    """The encoder of that name: the network without its last linear layer. `fold` has no meaning here.

    Raises InputError for weights that cannot be had, do not fit or are not finite, and for a network that has a
    head but whose last layer is not linear.
    """
    built, sha256 = _named(name)
    wants = built.wants()
    network, width, cut = without_head(built)
    return Encoder(
        name,
        network,
        input_size=built.input_size,
        width=width,
        weights_sha256=sha256,
        made_by=__name__,
        notes=(wants, cut),
    )
