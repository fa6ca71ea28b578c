"""Theorem 2's criterion with its ingredients crossed: whose shift, under which attack, against which class."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from rt_utils.evaluation.measurement import Measurement
from rt_utils.theory import statements

BATCH = 32  # over which released code averages the shift
VARIANT = ["shift", "under", "class"]
VARIANTS = list(product(("own", "batch mean"), ("largest", "CE"), ("predicted", "true")))
AS_STATED, AS_RELEASED, TRUE_LABEL = VARIANTS[0], VARIANTS[-1], ("own", "largest", "true")


def batch_mean(shifts: Float[np.ndarray, " n"], batch: int = BATCH) -> Float[np.ndarray, " n"]:
    """For each point the mean over its batch."""
    parts = np.split(shifts, range(batch, len(shifts), batch))
    return np.concatenate([np.full(len(part), part.mean()) for part in parts])


def crossed(m: Measurement, batch: int = BATCH) -> pd.DataFrame:
    """Per variant: how many points pass, and how many of these a perturbation found flips.

    shift: the point's own, or its batch's mean, over batches of `batch` test points in their order. under: the largest
    shift found, or the shift where the cross-entropy found is largest. class: the predicted one, or the label.
    """
    z, z_shift, z_loss, weight = (torch.from_numpy(a).double() for a in (m.z, m.z_shift, m.z_loss, m.weight))
    logits = z @ weight.T + torch.from_numpy(m.bias)
    shifts = {"largest": statements.shift(z, z_shift).numpy(), "CE": statements.shift(z, z_loss).numpy()}
    margins = {
        "predicted": statements.margin_ratio(logits, weight).numpy(),
        "true": statements.margin_ratio(logits, weight, torch.from_numpy(m.labels)).numpy(),
    }
    rows = []
    for whose, under, label in VARIANTS:
        left = shifts[under] if whose == "own" else batch_mean(shifts[under], batch)
        passes = left < margins[label]
        counts = {"pass": int(passes.sum()), "flip": int((passes & m.flipped).sum()), "n": len(passes)}
        rows.append(dict(zip(VARIANT, (whose, under, label), strict=True)) | counts)
    return pd.DataFrame(rows)


def counted(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """`crossed` over all data sets: columns encoder (full name), VARIANT, pass, flip, n; indexed by the first four."""
    rows = pd.concat([crossed(m).assign(encoder=m.encoder) for m in measurements])
    return rows.groupby(["encoder", *VARIANT], sort=False)[["pass", "flip", "n"]].sum()


def beside(measurements: Iterable[Measurement], batch: int = BATCH) -> pd.DataFrame:
    """Theorem 2's criterion and the released code's test side by side, one row for each encoder and data set.

    AS under CE: the mean shift where the cross-entropy found is largest, in feature units. stated, released: how many
    of the n points pass; flip: how many of the latter a perturbation found flips.
    """
    rows: list[dict[str, object]] = []
    for m in measurements:
        own: dict[tuple[str, ...], dict[str, int]] = crossed(m, batch).set_index(VARIANT).to_dict("index")  # type: ignore[assignment]
        stated, released = own[AS_STATED], own[AS_RELEASED]
        score = np.linalg.norm(m.z_loss.astype(np.float64) - m.z, axis=1).mean()
        row = {"encoder": m.encoder, "data": m.data, "n": released["n"], "AS under CE": float(score)}
        rows.append(row | {"stated": stated["pass"], "released": released["pass"], "flip": released["flip"]})
    return pd.DataFrame(rows)
