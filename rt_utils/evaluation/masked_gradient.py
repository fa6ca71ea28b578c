"""An encoder whose gradient is masked, on which checks of an attack must fail."""

import torch
from torch import nn

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.models.frozen_encoder import Encoder


def quick_plan(seed: int) -> AttackPlan:
    """An attack that takes seconds and finds a mask: on 8 images, with a stronger search beside it."""
    return AttackPlan(
        representation=PGDSettings(steps=12, restarts=2, refine=12, seed=seed),
        floor=PGDSettings(steps=30, restarts=3, seed=seed + 300),
        floor_points=8,
        apgd_points=0,
    )


def rounded(encoder: Encoder) -> Encoder:
    """`encoder` behind a layer that rounds every pixel to black or white: its gradient is 0 almost everywhere."""
    rounding = nn.Conv2d(3, 3, 1)
    rounding.weight.data = 1e6 * torch.eye(3)[:, :, None, None]
    rounding.bias.data = torch.full((3,), -0.5e6)  # type: ignore[union-attr]
    return Encoder(
        f"rounded pixels, {encoder.name}",
        nn.Sequential(rounding, nn.Hardtanh(0, 1), encoder.network),
        input_size=encoder.input_size,
        width=encoder.width,
        weights_sha256=f"rounded pixels: {encoder.weights_sha256}",
        made_by=__name__,
    )
