"""Encoders from torchvision, timm, open_clip and RobustBench: with the library's weights, random or a file's.

torchvision/NAME and timm/NAME have random weights; torchvision/NAME:WEIGHTS and timm/NAME.TAG the library's own, by its
own names for them; open_clip/NAME is an image tower, open_clip/NAME/PRETRAINED with weights;
robustbench/DATASET/THREAT/NAME a checkpoint of RobustBench; file:PATH@torchvision/NAME (or @ any other of these names)
those of a file (`file_weights`). Nothing is downloaded unasked. `name_options` may follow a name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from rt_utils.models import file_weights, name_options, open_clip_names, robustbench, weights
from rt_utils.models.catalogue import split_file
from rt_utils.models.ends import Architecture, NoLinearEndError, Normalised, head, with_timms_features, without_head
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.name_options import Options
from rt_utils.runtime.errors import InputError, unknown


def _made(make: Callable[..., nn.Module], size: Mapping[str, int], **options: Any) -> nn.Module:
    """The network, told its input size where its architecture takes one."""
    try:
        return make(**options, **size)
    except TypeError:
        return make(**options)  # a convolutional network, which takes any


def _torchvision(name: str, given: Options, *, pretrained: bool, **options: Any) -> Architecture:
    import torchvision

    arch, _, weights = name.removeprefix("torchvision/").partition(":")
    known = torchvision.models.get_model_weights(arch)
    if weights and weights not in ("DEFAULT", *known.__members__):
        raise unknown(f"weights of torchvision/{arch}", weights, ("DEFAULT", *known.__members__))
    size = {"image_size": given.size} if given.size else {}
    make = partial(torchvision.models.get_model, arch)
    network = _made(make, size, weights=(weights or None) if pretrained else None, **options)
    transforms = (known[weights] if weights not in ("", "DEFAULT") else known.DEFAULT).transforms()
    return Architecture(name, network, transforms.crop_size[0], tuple(transforms.mean), tuple(transforms.std))


def _timm(name: str, given: Options, *, pretrained: bool, **options: Any) -> Architecture:
    import timm

    arch = name.removeprefix("timm/")
    size = {"img_size": given.size} if given.size else {}
    network = _made(partial(timm.create_model, arch), size, pretrained=pretrained and "." in arch, **options)
    wants: Any = network.pretrained_cfg
    # DINO, DINOv2, MAE, SAM and others come without a classifier.
    headless = bool(network.num_classes == 0)
    return Architecture(name, network, wants["input_size"][-1], wants["mean"], wants["std"], headless)


def _open_clip(name: str, given: Options, *, pretrained: bool) -> Architecture:
    import open_clip

    arch, tag = open_clip_names.parse(name)
    size = {"force_image_size": given.size} if given.size else {}
    loaded = {"pretrained": tag, "require_pretrained": True} if pretrained and tag else {}
    tower: Any = open_clip.create_model(arch, **loaded, **size).visual
    if getattr(tower, "output_tokens", False):  # CoCa's towers give their tokens too
        tower.output_tokens = False
    side = tower.image_size[0] if isinstance(tower.image_size, tuple | list) else tower.image_size
    return Architecture(name, tower, side, tuple(tower.image_mean), tuple(tower.image_std), headless=True)


def _robustbench(name: str, given: Options, *, pretrained: bool, num_classes: int = 0) -> Architecture:
    if num_classes:
        raise InputError(
            f"the file has {num_classes} classes, {name} has others: give python:FILE.py:FACTORY, which returns the "
            "network with as many"
        )
    build = robustbench.build if pretrained else robustbench.architecture
    mean, std = (0.5, 0.5) if name.endswith(robustbench.DOUBLED) else (0.0, 1.0)
    return Architecture(name, *build(name), (mean,) * 3, (std,) * 3)


_MAKERS: dict[str, Callable[..., Architecture]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "open_clip": _open_clip,
    "robustbench": _robustbench,
}


def _build(name: str, *, pretrained: bool = True, **options: Any) -> Architecture:
    """The architecture of that name, from seed 0 where its weights are random, with what its name gives besides."""
    library = name.partition("/")[0]
    bare, given = (name, Options()) if library == "robustbench" else name_options.split(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            built = _MAKERS[library](bare, given, pretrained=pretrained, **options)
        except InputError:
            raise
        except Exception as error:  # what a download, or a library's own check, may raise is not known beforehand
            line = next(iter(str(error).splitlines()), "")
            own = f"; weights that you have: file:PATH@{name}" if pretrained else ""
            own += (
                f"; random ones: {bare.partition('.')[0]}" if pretrained and library == "timm" and "." in bare else ""
            )
            raise InputError(f"{name} cannot be made ({type(error).__name__}: {line}){own}") from None
    built.network.eval().requires_grad_(False)
    mean, std = given.mean or built.mean, given.std or built.std
    return replace(built, name=name, input_size=given.size or built.input_size, mean=mean, std=std)


def _named(name: str) -> tuple[Architecture, str, list[str]]:
    """The network of that name, with its head where it has one, its weights' SHA-256, and in words what was done."""
    if name.startswith("file:"):
        path, architecture = split_file(name)
        return file_weights.into(partial(_build, architecture, pretrained=False), path, architecture)
    built = _build(name)
    return built, weights.digest(built.network), []


def classifier(name: str) -> tuple[nn.Module, nn.Linear]:
    """The network with its pretrained head on, for pixels in [0, 1], and that head. Raises InputError as `load` does.

    Table 4's first rows are of pretrained heads.
    """
    built, *_ = _named(name)
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

    Of timm's that do not end in one linear layer the features are timm's. Raises InputError for weights that cannot be
    had, do not fit or are not finite, and for another network that has a head but whose last layer is not linear.
    """
    built, sha256, notes = _named(name)
    wants = built.wants()
    try:
        network, width, cut = without_head(built)
    except NoLinearEndError as error:
        network, width, cut = without_head(with_timms_features(built, error))
        cut = f"took off its classifier, which is not one linear layer, as timm does (num_classes=0): {cut}"
    return Encoder(
        name,
        network,
        input_size=built.input_size,
        width=width,
        weights_sha256=sha256,
        made_by=__name__,
        notes=(*notes, wants, cut),
    )
