"""Intervals and tests for what was counted on few points."""

import math

import torch


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    z = math.sqrt(2) * float(torch.erfinv(torch.tensor(confidence, dtype=torch.float64)))
    p, z2n = successes / n, z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z2n / (4 * n))
    return max(0.0, (p + z2n / 2 - half) / (1 + z2n)), min(1.0, (p + z2n / 2 + half) / (1 + z2n))
