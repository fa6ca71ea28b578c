"""Pairs of images that no linear head can keep apart by the criterion of Theorem 2.

If S(x_1) + S(x_2) >= ||z_1 - z_2||_2, no linear head that predicts different classes at x_1 and x_2 fulfils the
criterion at both: such a pair is blocked. With shifts that an attack found, lower bounds on S, it is blocked all the
same.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, Shaped


@dataclass(frozen=True)
class Pairs:
    """All pairs i < j of n images: their numbers, and the distance of their features, in feature units."""

    i: Int64[np.ndarray, " k"]
    j: Int64[np.ndarray, " k"]
    apart: Float[np.ndarray, " k"]

    @classmethod
    def of(cls, z: Float[np.ndarray, "n r"]) -> "Pairs":
        """The pairs of images with these features. Distances from differences: 0 where two images' are equal."""
        i, j = np.triu_indices(len(z), 1)
        features = torch.from_numpy(z).double()
        apart = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").numpy()
        return cls(i, j, apart[i, j])

    @property
    def mean_distance(self) -> float:
        """D, the mean distance between the features of two images."""
        return float(self.apart.mean())

    def blocked(self, shifts: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " k"]:
        """Whether the shifts of both images together reach from one to the other."""
        return np.asarray(shifts[self.i] + shifts[self.j] >= self.apart)

    def differ(self, labels: Shaped[np.ndarray, " n"]) -> Bool[np.ndarray, " k"]:
        """Whether the two images have different labels, or different predictions."""
        return np.asarray(labels[self.i] != labels[self.j])

    def both(self, holds: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " k"]:
        """Whether something holds at both images."""
        return np.asarray(holds[self.i] & holds[self.j])

    def sums_over_distance(self, margins: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(m(x_1) + m(x_2)) / ||z_1 - z_2||: at most 1 for a pair that a linear head predicts apart.

        Infinite where the features of both images are equal, which no head predicts apart.
        """
        sums = margins[self.i] + margins[self.j]
        return np.divide(sums, self.apart, out=np.full_like(sums, np.inf), where=self.apart > 0)
