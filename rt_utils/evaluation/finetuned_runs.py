"""Finetuned encoders beside the one they started from: one row a run, and which runs a study of the start needs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.theory import statements

STARTS = ("RanLI", "RoLI")  # a random head, the adversarial linear probe's
ROBUST = "robust acc."


class Setting(NamedTuple):
    """What runs have in common that differ in their seed alone; of a linear probe: no start, rate 0, 0 epochs."""

    encoder: str
    method: str
    start: str
    rate: float
    epochs: int


SETTING = list(Setting._fields)


def linear(encoder: str) -> Setting:
    """The adversarial linear probe, which every run of the encoder is compared with."""
    return Setting(encoder, "linear", "", 0.0, 0)


@dataclass(frozen=True)
class Grid:
    """Two starts at two rates from each encoder, for so many epochs, and the random start for longer from the first."""

    encoders: Sequence[str]
    high: float
    low: float
    epochs: int
    longer: int

    @property
    def rates(self) -> dict[str, float]:
        """The two rates, by name."""
        return {"high": self.high, "low": self.low}

    def full(self, encoder: str, start: str, rate: float) -> Setting:
        """Full finetuning."""
        return Setting(encoder, "full", start, rate, self.epochs)

    def square(self, encoder: str) -> list[Setting]:
        """Full finetuning from both starts at both rates."""
        return [self.full(encoder, start, rate) for rate, start in product((self.high, self.low), STARTS)]

    def control(self, rate: float) -> Setting:
        """The first encoder and the random start, with as much computation as probe and finetuning together."""
        return Setting(self.encoders[0], "full", "RanLI", rate, self.longer)

    def cases(self, seeds: int) -> Iterator[tuple[Setting, int]]:
        """All of these with every seed, after the linear probes."""
        yield from ((linear(encoder), seed) for seed, encoder in product(range(seeds), self.encoders))
        for encoder, seed, start, rate in product(self.encoders, range(seeds), STARTS, (self.high, self.low)):
            yield self.full(encoder, start, rate), seed
        yield from ((self.control(rate), seed) for seed, rate in product(range(seeds), (self.high, self.low)))


def spacing(z: Float[Tensor, "n r"]) -> float:
    """The mean distance between the features of two images, of at most 300; NaN for a single one."""
    return float(torch.pdist(z[:300]).mean()) if len(z) > 1 else float("nan")


def numbers(m: Measurement, before: Measurement) -> dict[str, float]:
    """Of a finetuned encoder on the images on which `before` measured the one it started from.

    drift: the mean distance of an image's features from what they were, over the spacing then. AS / distance: the AS
    score over the spacing now. loss gap: in nats; bound: Theorem 1's first term. broken: how many points fulfil the
    criterion and were flipped.
    """
    points, weight = table(m), torch.from_numpy(m.weight)
    z, old = torch.from_numpy(m.z).double(), torch.from_numpy(before.z).double()
    norm, score = statements.head_norm(weight), points["shift"].mean()
    return {
        "clean acc.": (points.label == points.predicted).mean(),
        ROBUST: 1 - points.wrong.mean(),
        "drift": statements.shift(old, z).mean().item() / spacing(old),
        "AS score": score,
        "AS / distance": score / spacing(z),
        HEAD_NORM: norm,
        "loss gap": (points.adversarial_loss - points["loss"]).mean(),
        "bound": 2 * norm * score,
        "broken": int((points.fulfilled & points.flipped).sum()),
    }


def table_of_runs(measured: Mapping[tuple[Setting, int], Measurement]) -> pd.DataFrame:
    """One row a run: its setting, its seed, and `numbers`."""
    return pd.DataFrame(
        setting._asdict() | {"seed": seed} | numbers(m, measured[linear(setting.encoder), seed])
        for (setting, seed), m in measured.items()
    )


def of(runs: pd.DataFrame, settings: Iterable[Setting]) -> pd.DataFrame:
    """The runs of these settings, by setting, then by seed."""
    return pd.concat([runs[(runs[SETTING] == list(setting)).all(axis=1)].sort_values("seed") for setting in settings])
