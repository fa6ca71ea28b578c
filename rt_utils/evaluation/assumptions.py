"""What breaks in the theorems without one of their assumptions, on measured points and on drawn ones."""

from collections.abc import Iterable, Mapping

import pandas as pd
import torch

from rt_utils.evaluation.loss_gap import LossGap
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory import perturbations, statements
from rt_utils.theory.threat import Threat

AS_STATED = "as stated"
# What a reader may drop, and the condition that then stands for the criterion.
DROPPED = {
    "own shift": "mean shift for every point",
    "predicted label": "true label, absolute margin",
    "largest shift": "half the shift (a very weak attack)",
}


def stop(dropped: str, altered: pd.DataFrame, fooled: int, draws: int) -> None:
    """Raise an AssertionError that says what broke without the assumption `dropped`; nothing where it is empty.

    `altered` as from `altered_criteria`; `fooled` of `draws` random points contradict the condition with a wrong label.
    """
    counts = altered.set_index("condition")
    if dropped == "predicted label":
        said = f"at {fooled} of {draws} random points the prediction changes although the altered condition holds"
    elif dropped:
        condition = counts.loc[DROPPED[dropped]].astype(int)
        fulfilled, flipped = condition["fulfilled"], condition["flipped all the same"]
        outcome = "were flipped" if flipped else "none was flipped here, though nothing forbids it"
        said = f"{flipped} of {fulfilled} points fulfil the altered condition and {outcome}"
    else:
        return
    raise AssertionError(f"the assumption '{dropped}' was dropped: {said}")


def altered_criteria(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Per condition, over all points: how many fulfil it, and how many of these a perturbation found flips."""
    rows = []
    for m in measurements:
        points, weight = table(m), torch.from_numpy(m.weight)
        logits = torch.from_numpy(m.z).double() @ weight.T + torch.from_numpy(m.bias)
        true_label = statements.margin_ratio(logits, weight, torch.from_numpy(m.labels)).numpy()
        conditions = {
            AS_STATED: points["shift"] < points.margin_ratio,
            DROPPED["own shift"]: points["shift"].mean() < points.margin_ratio,
            DROPPED["predicted label"]: points["shift"] < true_label,
            DROPPED["largest shift"]: points["shift"] / 2 < points.margin_ratio,
        }
        for condition, holds in conditions.items():
            counts = {"fulfilled": int(holds.sum()), "flipped all the same": int((holds & points.flipped).sum())}
            rows.append({"condition": condition} | counts)
    return pd.DataFrame(rows).groupby("condition", sort=False).sum().reset_index()


def noise_for_an_attack(
    gaps: Iterable[LossGap],
    encoders: Iterable[Encoder],
    images: Mapping[tuple[str, int], DataSet],
    threat: Threat,
    points: int,
    seed: int,
) -> pd.DataFrame:
    """Lemma 1 with random noise on the right-hand side: the mean shift under one random corner of the ball.

    On the first `points` test images of each gap's data set, with its encoder; `images` by name and size. In feature
    units.
    """
    generator, rows = torch.Generator().manual_seed(seed), []
    for gap, encoder in zip(gaps, encoders, strict=True):
        x = images[gap.data, encoder.input_size].test.pixels()[:points]
        noisy = perturbations.random_start(threat, x, generator).clamp(0, 1)
        shifts = statements.shift(encoder.features(x).double(), encoder.features(noisy).double())
        noise, lhs = statements.as_score(shifts), gap.lhs["linf"]
        rows.append(
            {
                "encoder": gap.encoder,
                "data": gap.data,
                "AS score": statements.as_score(gap.shifts[: len(x)]),
                "AS of noise": noise,
                "LHS": lhs,
                "LHS ≤ noise": "yes" if lhs <= noise else "no",
            }
        )
    return pd.DataFrame(rows)


def missed_with_an_observed_bound(rho: float, n: int = 50, samples: int = 2000) -> float:
    """How often the bound on the mean fails where C_2 is the largest value observed: T is 10 with probability 0.01."""
    generator = torch.Generator().manual_seed(0)
    rare = (torch.rand(samples, n, generator=generator, dtype=torch.float64) < 0.01) * 10.0
    claimed = rare.mean(1) + rare.amax(1) * statements.hoeffding(1.0, n, rho)
    return (claimed < 0.1).double().mean().item()
