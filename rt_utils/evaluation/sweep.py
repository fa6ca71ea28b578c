"""One encoder and the same images at growing radii."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.attacks import PGDSettings, representation_pgd
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory import statements
from rt_utils.theory.threat import MAX_EPS, Norm, Threat


def largest_shifts(
    encoder: Encoder, x: Float[Tensor, "n 3 h w"], norm: Norm, radii: Sequence[float], settings: PGDSettings
) -> Float[np.ndarray, "n k"]:
    """The largest shift found at each image with each of the k radii, in feature units; pixels in [0, 1].

    A larger ball contains the smaller one, so what a smaller one allowed counts for it too. Radii beyond the norm's
    largest count as that.
    """
    clean = encoder.features(x).double()
    largest, columns = torch.zeros(len(x), dtype=torch.float64), []
    for radius in radii:
        threat = Threat(norm, min(radius, MAX_EPS[norm]))
        for found in representation_pgd(encoder, x, threat, settings):
            largest = torch.maximum(largest, statements.shift(clean, encoder.features(found).double()))
        columns.append(largest)
    return torch.stack(columns, dim=1).numpy()
