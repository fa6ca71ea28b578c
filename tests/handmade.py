"""Measurements made by hand: features, shifts and flips that a test chooses."""

from typing import Any

import numpy as np

from rt_utils.evaluation.measurement import CHECKS, Measurement

SAME_SHORT_NAME = ("embedded/robust", "natural/robust")


def measurement(encoder: str, n: int = 4, *, data: str = "digits", shift: float = 1.0, **given: Any) -> Measurement:
    """Two classes, two features, the identity as head: point i has the features (i + 1, 0) and the label 0.

    Its margin ratio is (i + 1) / sqrt(2). The perturbation found adds `shift` to the second feature.
    """
    z = np.stack([np.arange(1.0, n + 1), np.zeros(n)], axis=1)
    moved = z + np.array([0.0, shift])
    columns: dict[str, Any] = {name: np.zeros(n, bool if name.startswith("wrong") else float) for name in CHECKS} | {
        "labels": np.zeros(n, np.int64),
        "z": z,
        "z_shift": moved,
        "z_loss": moved,
        "weight": np.eye(2),
        "bias": np.zeros(2),
        "wrong": moved[:, 1] > moved[:, 0],
        "flipped": moved[:, 1] > moved[:, 0],
    }
    return Measurement(encoder, data, ("a", "b"), "weights", "print", **(columns | given))
