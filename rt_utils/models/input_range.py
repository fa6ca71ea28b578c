"""The range of an encoder's inputs: an encoder that expects pixels in [0, 1] and gets [-1, 1]."""

import hashlib

from torch import nn
from torchvision.transforms import Normalize

from rt_utils.models.frozen_encoder import Encoder


def doubled(encoder: nn.Module) -> nn.Sequential:
    """x -> encoder(2 x - 1), by torchvision's Normalize with mean and deviation 1/2."""
    return nn.Sequential(Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), encoder).eval()


def of_doubled_range(encoder: Encoder) -> Encoder:
    """The encoder that gets 2 x - 1 where it expects x, in [0, 1]."""
    return Encoder(
        f"{encoder.name} of 2x - 1",
        doubled(encoder.network),
        input_size=encoder.input_size,
        width=encoder.width,
        weights_sha256=hashlib.sha256(f"{encoder.weights_sha256} of 2x - 1".encode()).hexdigest(),
        made_by=encoder.made_by,
    )
