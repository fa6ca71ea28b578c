"""A linear probe that regresses factors of images: fitted by least squares, and what attacks on it found."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rt_utils.evaluation.finds import Find
from rt_utils.evaluation.probe import clean_features
from rt_utils.images.data_set import DataSet, Split
from rt_utils.images.drawn.sprites import FACTORS
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.runtime import cache, processes
from rt_utils.theory import statements

Fit = Callable[[np.ndarray, np.ndarray], Head]  # from features and targets to a probe of all factors


@dataclass(frozen=True)
class Probed:
    """An encoder, images, their clean features and factors, and a probe of the factors."""

    encoder: Encoder
    data: DataSet
    z_train: Float[np.ndarray, "m r"]
    z_test: Float[np.ndarray, "n r"]
    y_train: Float[np.ndarray, "m k"]
    y_test: Float[np.ndarray, "n k"]
    head: Head

    @property
    def norms(self) -> Float[np.ndarray, " k"]:
        """||w|| of each factor's probe."""
        return self.head.weight.norm(dim=1).numpy()


@dataclass(frozen=True)
class Found:
    """The strongest of what attacks found per point: |residual| of each output, shifts, and the features there."""

    clean: Float[np.ndarray, "n k"]
    worst: Float[np.ndarray, "n k"]
    shift: Float[np.ndarray, " n"]
    z_shift: Float[np.ndarray, "n r"]
    z_worst: Float[np.ndarray, "n k r"]


def factors(split: Split) -> Float[np.ndarray, "n k"]:
    """The targets in float64; of the data sets that have any."""
    assert split.factors is not None
    return split.factors.double().numpy()


def takes_grey(encoder: Encoder) -> bool:
    """Whether the encoder is the network of Table 6, which takes one channel."""
    return isinstance(encoder.network, RegressionNetwork)


def as_taken(encoder: Encoder, images: UInt8[Tensor, "n 3 h w"]) -> UInt8[Tensor, "n c h w"]:
    """Grey images with one channel where the network takes them: then the norms are those of 64 x 64 values."""
    return images[:, :1] if takes_grey(encoder) else images


def features(encoder: Encoder, images: UInt8[Tensor, "n c h w"], what: str) -> Float[np.ndarray, "n r"]:
    """Clean features in float64, kept; `what` names the images and changes with them."""
    key = (encoder.name, what, encoder.weights_sha256, tuple(images.shape))
    entry = cache.Entry("features", key, encoder.code | {clean_features.__module__})
    # In one thread: the same sums, in the same order, as where the attacks run.
    found = cache.kept(entry, lambda: processes.alone(clean_features, encoder, images))
    return np.asarray(found, np.float64)


def least_squares(z: Float[np.ndarray, "n r"], y: Float[np.ndarray, "n k"]) -> Head:
    """The affine map from features to targets with the least squared error."""
    solution = np.linalg.lstsq(np.c_[z, np.ones(len(z))], y, rcond=None)[0]
    return Head(torch.from_numpy(solution[:-1].T.copy()), torch.from_numpy(solution[-1].copy()))


def probe(encoder: Encoder, data: DataSet, fit: Fit = least_squares) -> Probed:
    """Fit one probe for all factors on the training images, by least squares or as `fit` does."""
    z_train, z_test = (
        features(encoder, as_taken(encoder, split.images), f"{data.name} {which} {data.fingerprint}")
        for which, split in (("train", data.train), ("test", data.test))
    )
    y_train, y_test = factors(data.train), factors(data.test)
    return Probed(encoder, data, z_train, z_test, y_train, y_test, fit(z_train, y_train))


def residuals(head: Head, z: Float[np.ndarray, "n r"], y: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """|f(x) - y| of each output."""
    return np.abs(head.logits(torch.from_numpy(z)).numpy() - y)


def first(finds: Iterable[Find], n: int) -> list[Find]:
    """The finds at the first n points alone."""
    return [replace(find, index=find.index[find.index < n], z=find.z[find.index < n]) for find in finds]


def strongest(
    head: Head,
    z: Float[np.ndarray, "n r"],
    y: Float[np.ndarray, "n k"],
    finds: Iterable[Find],
    attacks: Collection[str],
) -> Found:
    """The largest shift and the largest |residual| of each output over all finds of these attacks, whatever they seek.

    A find of the attack "page" has the kind "page", or "page 2" where it sought the residual of output 2.
    """
    clean = residuals(head, z, y)
    shift, worst = np.zeros(len(z)), clean.copy()
    z_shift, z_worst = z.copy(), np.repeat(z[:, None], y.shape[1], axis=1)
    for find in finds:
        if find.kind.split()[0] in attacks:
            i, there = find.index, find.z.astype(np.float64)
            shifts, losses = np.linalg.norm(there - z[i], axis=1), residuals(head, there, y[i])
            further, worse = shifts > shift[i], losses > worst[i]
            z_shift[i[further]] = there[further]
            for j in range(y.shape[1]):
                z_worst[i[worse[:, j]], j] = there[worse[:, j]]
            shift[i], worst[i] = np.maximum(shift[i], shifts), np.maximum(worst[i], losses)
    return Found(clean, worst, shift, z_shift, z_worst)


def left_sides(
    clean: Float[np.ndarray, " n"],
    worst: Float[np.ndarray, " n"],
    norm: float,
) -> dict[str, float]:
    """The left-hand side of Lemma 1 for one output, from |residuals| and ||w||, with three losses.

    |xi|: the residual's size, C_1 = 1. xi^2: its square, C_1 = 2 R with the largest |xi| found, R. code: its square
    with C_1 = 1, as the released code has it.
    """
    before, after, bound = torch.from_numpy(clean), torch.from_numpy(worst), float(worst.max())
    code = statements.loss_gap_lhs(before.square(), after.square(), 1.0, norm)
    return {
        "|xi|": statements.loss_gap_lhs(before, after, 1.0, norm),
        "R": bound,
        "xi^2": code / (2 * bound) if bound else 0.0,
        "code": code,
    }


def both_sides(probed: Probed, norm: str, found: Found) -> pd.DataFrame:
    """`left_sides` and the AS score, one row a factor, in feature units."""
    return pd.DataFrame(
        {"encoder": probed.encoder.name, "norm": norm, "factor": factor}
        | left_sides(found.clean[:, k], found.worst[:, k], probed.norms[k])
        | {"AS": found.shift.mean()}
        for k, factor in enumerate(FACTORS)
    )
