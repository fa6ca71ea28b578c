"""Measurements made by hand, without an encoder or an attack."""

from collections.abc import Sequence

import numpy as np

from rt_utils.evaluation.measurement import Measurement


def measurement(
    z: Sequence[Sequence[float]],
    weight: Sequence[Sequence[float]],
    labels: Sequence[int],
    *,
    z_shift: Sequence[Sequence[float]] | None = None,
    z_loss: Sequence[Sequence[float]] | None = None,
    encoder: str = "embedded/robust",
    data: str = "digits",
    bias: Sequence[float] | None = None,
    flipped: Sequence[bool] | None = None,
) -> Measurement:
    """A measurement with these features and this head; what is not given is as if nothing had been found."""
    n, clean = len(labels), np.array(z, dtype=np.float64)
    nothing, nowhere = np.full(n, np.nan), np.zeros(n, dtype=bool)
    shift_page = np.linalg.norm(np.array(z_shift or z) - clean, axis=1)
    return Measurement(
        encoder=encoder,
        data=data,
        classes=tuple("abcdefgh"[: len(weight)]),
        weights_sha256="0" * 64,
        fingerprint="0" * 16,
        labels=np.array(labels, dtype=np.int64),
        z=clean,
        z_shift=np.array(z_shift or z, dtype=np.float64),
        z_loss=np.array(z_loss or z_shift or z, dtype=np.float64),
        weight=np.array(weight, dtype=np.float64),
        bias=np.zeros(len(weight)) if bias is None else np.array(bias, dtype=np.float64),
        shift_page=shift_page,
        shift_paper=nothing,
        shift_floor=nothing,
        loss_page=nothing,
        loss_floor=nothing,
        wrong_pgd=nowhere,
        wrong_paper=nowhere,
        wrong_apgd=nowhere,
        wrong=nowhere,
        flipped=nowhere if flipped is None else np.array(flipped, dtype=bool),
    )
