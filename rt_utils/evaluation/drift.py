"""How far a finetuning moved the features, and what one perturbation does to the encoder before it and after."""

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.attacks import PGDSettings, representation_pgd
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory import statements
from rt_utils.theory.threat import Threat


def drifts(
    before: Encoder, after: Encoder, x: Float[Tensor, "n 3 h w"], threat: Threat, settings: PGDSettings
) -> pd.DataFrame:
    """Per image, in feature units: the drift ||f_after - f_before||_2 at the clean image and at the perturbation that
    moves `after` furthest, the image's mean distance to the others before, and the shift that this perturbation
    causes in each encoder. Pixels in [0, 1].
    """
    old, new = before.features(x).double(), after.features(x).double()
    shifts, furthest = torch.zeros(len(x), dtype=torch.float64), x.clone()
    for found in representation_pgd(after, x, threat, settings):
        size = statements.shift(new, after.features(found).double())
        furthest[size > shifts] = found[size > shifts]
        shifts = torch.maximum(shifts, size)
    moved_old, moved_new = before.features(furthest).double(), after.features(furthest).double()
    columns = {
        "drift, clean": statements.shift(old, new),
        "drift, attacked": statements.shift(moved_old, moved_new),
        "distance": statements.row_distances(old).sum(1) / (len(x) - 1),
        "old shift": statements.shift(old, moved_old),
        "new shift": shifts,
    }
    return pd.DataFrame({name: values.numpy() for name, values in columns.items()})
