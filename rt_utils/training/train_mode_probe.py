"""A linear probe on an encoder in train mode: no weight moves, but BatchNorm's running statistics do."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings, fit_head, linear_probe
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.catalogue import ENCODERS, load_encoder
from rt_utils.models.frozen_encoder import Encoder, frozen
from rt_utils.models.head import Head
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.devices import device
from rt_utils.runtime.processes import Task, compute

Left = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]  # a head's weight and bias; buffers by name


def _unfolded(encoder: Encoder) -> Encoder:
    """The encoder with its BatchNorm layers, which those of the book have folded away."""
    return load_encoder(encoder.name, fold=False) if encoder.name in ENCODERS else encoder


def with_batch_norm(encoder: Encoder) -> nn.Module | None:
    """A copy of the encoder's network with its BatchNorm layers; None without any."""
    network = deepcopy(_unfolded(encoder).network)
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    network.requires_grad_(False).to(memory_format=torch.channels_last)
    return network if norms else None


def _left_behind(encoder: Encoder, name: str, network: nn.Module) -> Encoder:
    """The network, whose statistics have moved, as an encoder of that name, made as `encoder` was."""
    after = frozen(name, network, input_size=encoder.input_size, width=encoder.width)
    after.made_by = encoder.made_by
    return after


def probe_on_images(
    network: nn.Module, split: Split, n_classes: int, settings: ProbeSettings, *, train_mode: bool
) -> Head:
    """`linear_probe`, with features computed batch by batch: in train mode they are those of the batch's statistics.

    Only the mode differs: without `train_mode` it fits the same head. The network is where attacks run, or moved there.
    """
    place = device()
    network.to(place)
    with torch.no_grad():
        width = deepcopy(network).eval()(split.images[:1].to(place).float() / 255).shape[1]

    labels = split.required_labels()

    def loss(layer: nn.Linear, chosen: Int64[Tensor, " b"]) -> Float[Tensor, ""]:
        x = (split.images[chosen].to(place).float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            features: Tensor = network.train(train_mode)(x).cpu()
        return nn.functional.cross_entropy(layer(features), labels[chosen])

    head = fit_head(nn.Linear(width, n_classes), len(labels), settings, loss)
    network.cpu()
    return head


def probed_in_both_modes(
    encoder: Encoder, split: Split, n_classes: int, settings: ProbeSettings
) -> tuple[Head, Encoder, Head] | None:
    """The probe on the frozen encoder; the encoder that a probe in train mode leaves behind, and its head.

    None for an encoder without BatchNorm.
    """
    network = with_batch_norm(encoder)
    if network is None:
        return None
    before = linear_probe(encoder.features(split.pixels()), split.required_labels(), n_classes, settings)
    after = probe_on_images(network, split, n_classes, settings, train_mode=True)
    return before, _left_behind(encoder, f"{encoder.name} after the probe", network), after


def _moved(
    encoder: Encoder,
    images: UInt8[Tensor, "n _ h w"],
    labels: Int64[Tensor, " n"],
    n_classes: int,
    settings: ProbeSettings,
) -> Left:
    """The probe in train mode on an encoder with BatchNorm, and the buffers that it leaves in it, as they are kept."""
    network = with_batch_norm(encoder)
    assert network is not None
    head = probe_on_images(network, Split(images, labels), n_classes, settings, train_mode=True)
    buffers = {name: value.numpy() for name, value in network.named_buffers()}
    return head.weight.numpy(), head.bias.numpy(), buffers


def _with_buffers(encoder: Encoder, data: DataSet, buffers: Mapping[str, np.ndarray]) -> Encoder:
    """The encoder with these buffers in its BatchNorm layers, under its own name, with a note on whence they are."""
    network = with_batch_norm(encoder)
    assert network is not None
    for name, buffer in network.named_buffers():
        buffer.copy_(torch.from_numpy(buffers[name]))
    after = _left_behind(encoder, encoder.name, network)
    after.notes = (*encoder.notes, f"BatchNorm statistics as the probe on {data.name} left them")
    return after


def probes_in_train_mode(
    pairs: Sequence[tuple[Encoder, DataSet]], settings: ProbeSettings, *, workers: int = 0
) -> list[tuple[Encoder, Head]]:
    """For every pair the encoder that a linear probe in train mode leaves behind, and the probe: the released code's.

    No weight moves, but each BatchNorm layer normalises by the batch at hand and updates its running statistics, which
    is what the encoder has afterwards. It keeps its name; its weights' hash is its own. An encoder without BatchNorm
    stays itself, with the probe of `fit_probes`. What was computed before is taken from the cache.

    Raises:
        InputError: where `fit_probes` does.
    """
    moving = [with_batch_norm(encoder) is not None for encoder, _ in pairs]
    tasks: list[Task] = []
    for (encoder, data), moves in zip(pairs, moving, strict=True):
        if moves:
            data.check_trainable()
            key = (encoder.name, data.name, encoder.weights_sha256, data.fingerprint, repr(settings))
            entry = Entry("train-mode probes", key, encoder.code | {__name__})
            split = data.train.images, data.train.required_labels()
            tasks.append((entry, _moved, (encoder, *split, len(data.classes), settings)))
    left: list[Left] = compute(tasks, workers)
    still = fit_probes(
        [pair for pair, moves in zip(pairs, moving, strict=True) if not moves], settings, workers=workers
    )
    found, unmoved, probed = iter(left), iter(still), []
    for (encoder, data), moves in zip(pairs, moving, strict=True):
        if not moves:
            probed.append((encoder, next(unmoved)))
            continue
        weight, bias, buffers = next(found)
        head = Head(torch.from_numpy(weight), torch.from_numpy(bias))
        probed.append((_with_buffers(encoder, data, buffers), head))
    return probed


def difference_in_eval_mode(encoder: Encoder, split: Split, n_classes: int, settings: ProbeSettings) -> float:
    """The largest difference between the weights of `probe_on_images` in eval mode and of `linear_probe`: rounding.

    0 for an encoder without BatchNorm, where there is nothing to compare.
    """
    network = with_batch_norm(encoder)
    if network is None:
        return 0.0
    expected = linear_probe(encoder.features(split.pixels()), split.required_labels(), n_classes, settings)
    found = probe_on_images(network, split, n_classes, settings, train_mode=False)
    return float((found.weight - expected.weight).abs().max())
