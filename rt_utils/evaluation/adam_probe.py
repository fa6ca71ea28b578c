"""The probe of factors as the released code fits it: a few epochs of Adam on the squared error (M7)."""

import numpy as np
import torch
from jaxtyping import Float

from rt_utils.models.head import Head

EPOCHS, RATE, BATCH = 10, 1e-3, 512
T_MAX = 100  # of the cosine, which gets one step an epoch: after EPOCHS the rate has hardly fallen


def adam(z: Float[np.ndarray, "n r"], y: Float[np.ndarray, "n k"], seed: int) -> Head:
    """The affine map from features to targets that Adam finds, from PyTorch's random start of that seed.

    The loss is the sum over the outputs of their mean squared errors: with Adam, which scales every coordinate by
    itself, each output then learns as if it were alone, in the same batches.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = torch.nn.Linear(z.shape[1], y.shape[1], dtype=torch.float64)
    features, targets = torch.from_numpy(z).double(), torch.from_numpy(y).double()
    optimiser = torch.optim.Adam(layer.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_MAX)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(features), generator=generator).split(BATCH):
            optimiser.zero_grad()
            (layer(features[chosen]) - targets[chosen]).square().mean(0).sum().backward()
            optimiser.step()
        schedule.step()
    return Head.of(layer)
