"""A linear probe on an encoder in train mode: no weight moves, but BatchNorm's running statistics do."""

from copy import deepcopy

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from rt_utils.evaluation.probe import ProbeSettings, fit, linear_probe
from rt_utils.images.data_set import Split
from rt_utils.models.catalogue import ENCODERS, load_encoder
from rt_utils.models.frozen_encoder import Encoder, frozen
from rt_utils.models.head import Head


def with_batch_norm(encoder: Encoder) -> nn.Module | None:
    """The encoder's network with its BatchNorm layers, which those of the book have folded away; None without any."""
    shipped = encoder.name in ENCODERS
    network = load_encoder(encoder.name, fold=False).network if shipped else deepcopy(encoder.network)
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    network.requires_grad_(False).to(memory_format=torch.channels_last)
    return network if norms else None


def probe_on_images(
    network: nn.Module, split: Split, n_classes: int, settings: ProbeSettings, *, train_mode: bool
) -> Head:
    """`linear_probe`, with features computed batch by batch: in train mode they are those of the batch's statistics.

    Only the mode differs: without `train_mode` it fits the same head.
    """
    with torch.no_grad():
        width = deepcopy(network).eval()(split.images[:1].float() / 255).shape[1]

    @torch.no_grad()
    def features_of(chosen: Int64[Tensor, " k"]) -> Float[Tensor, "k r"]:
        x = (split.images[chosen].float() / 255).contiguous(memory_format=torch.channels_last)
        features: Tensor = network.train(train_mode)(x)
        return features

    return fit(features_of, width, split.required_labels(), n_classes, settings)


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
    size = encoder.input_size
    return before, frozen(f"{encoder.name} after the probe", network, input_size=size, width=encoder.width), after


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
