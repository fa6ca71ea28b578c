"""One encoder at other input sizes, or behind a layer that enlarges its images."""

import torch
from torch import nn

from rt_utils.models.frozen_encoder import Encoder


def _renamed(encoder: Encoder, name: str, network: nn.Module, size: int) -> Encoder:
    return Encoder(
        name,
        network,
        input_size=size,
        width=encoder.width,
        weights_sha256=encoder.weights_sha256,
        made_by=encoder.made_by,
    )


def at_size(encoder: Encoder, size: int) -> Encoder:
    """The same network for images of `size` x `size` pixels."""
    return _renamed(encoder, f"{encoder.name}@{size}", encoder.network, size)


def takes(encoder: Encoder, size: int) -> bool:
    """Whether the encoder gives one representation for each image of that size."""
    try:
        return at_size(encoder, size).features(torch.zeros(2, 3, size, size)).shape == (2, encoder.width)
    except Exception:  # what a network says to a size that it was not made for is not known beforehand
        return False


def before_enlarging(encoder: Encoder, small: int, size: int) -> Encoder:
    """The encoder at `size` for images of `small` x `small` pixels, which it enlarges itself, bilinear.

    Who attacks it must act on the small image.
    """
    network = nn.Sequential(nn.Upsample(size=(size, size), mode="bilinear"), encoder.network)
    return _renamed(encoder, f"{encoder.name}@{small} to {size}", network, small)
