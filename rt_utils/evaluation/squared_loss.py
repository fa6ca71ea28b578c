"""Regression on frozen features: Lemma 1 for the unsquared residual, which is 1-Lipschitz, and for its square."""

import math

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rt_utils.evaluation.attacks import PGDSettings, representation_pgd
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat


def both_losses(outputs: Float[Tensor, "k n"], y: Float[Tensor, " n"], norm: float) -> dict[str, float]:
    """Of n points the outputs at k images each, the clean one first, and their targets.

    LHS: Lemma 1's left side with C_1 = 1. rate: the largest change of the loss over the change of the output. over: the
    share of points at which some image changes the loss by more than the output.
    """
    moves, residuals = (outputs - outputs[0]).abs(), (outputs - y).abs()
    row = {"max. residual": residuals.max().item()}
    for label, losses in (("unsquared", residuals), ("squared", residuals**2)):
        change = losses - losses[0]
        row[f"LHS {label}"] = change.amax(0).mean().item() / norm
        row[f"rate {label}"] = max([0.0, *(change.abs() / moves)[moves > 1e-6].tolist()])
        row[f"over {label}"] = (change.abs() > moves + 1e-9).any(0).double().mean().item()
    return row


def squared_and_unsquared(encoder: Encoder, data: DataSet, threat: Threat, settings: PGDSettings) -> pd.DataFrame:
    """Each factor regressed by least squares on clean features, each predictor attacked to move as far as it can.

    `both_losses`; AS: the AS score over everything found. fails from: the range of the targets, here 1, from which on
    the squared left side is above it.
    """
    assert data.train.factors is not None
    assert data.test.factors is not None
    x, z_train = data.test.pixels(), encoder.features(data.train.pixels()).double()
    z, padded = encoder.features(x).double(), nn.functional.pad(z_train, (0, 1), value=1.0)
    solution = torch.linalg.lstsq(padded, data.train.factors.double(), driver="gelsd").solution
    on_features = [encoder.features(found).double() for found in representation_pgd(encoder, x, threat, settings)]
    rows = []
    for k, factor in enumerate(data.factors):
        w, b, y = solution[:-1, k], solution[-1, k], data.test.factors[:, k].double()
        scalar = nn.Sequential(encoder, Head(w[None], b[None]).module()).eval()
        on_output = [encoder.features(found).double() for found in representation_pgd(scalar, x, threat, settings)]
        found = torch.stack([z, *on_features, *on_output])
        score = (found - z).norm(dim=2).amax(0).mean().item()
        row = both_losses(found @ w + b, y, w.norm().item())
        fails = score / row["LHS squared"] if row["LHS squared"] else math.nan
        rows.append({"encoder": encoder.name, "factor": factor} | row | {"AS": score, "fails from": fails})
    return pd.DataFrame(rows)
