"""From (encoder, head, data, threat) to one row per point: losses, prediction, shifts, margin, criterion."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int64
from joblib import Parallel, delayed, parallel_config
from torch import Tensor

from rt_utils import bounds
from rt_utils.datasets import DataSet
from rt_utils.encoders import Encoder
from rt_utils.losses import CROSS_ENTROPY
from rt_utils.search import AttackPlan, search
from rt_utils.threat import Threat
from rt_utils.transfer import Head, ProbeSettings, linear_probe

CHUNK = 64  # images attacked together


@dataclass(frozen=True)
class Measurement:
    """Everything measured on the test points of one data set with one encoder and one head.

    z: clean features. z_shift, z_loss: features at the perturbation with the largest shift, and with the largest
    cross-entropy at the true label. `shift_page`: the largest shift that the page's own attacks found;
    `shift_paper`: what the paper's representation attack found alone; `shift_floor`: what the stronger search found.
    The last two are NaN beyond the first plan.apgd_points and plan.floor_points points.
    """

    encoder: str
    data: str
    classes: tuple[str, ...]
    weights_sha256: str
    fingerprint: str
    labels: Int64[np.ndarray, " n"]
    z: Float[np.ndarray, "n r"]
    z_shift: Float[np.ndarray, "n r"]
    z_loss: Float[np.ndarray, "n r"]
    weight: Float[np.ndarray, "c r"]
    bias: Float[np.ndarray, " c"]
    shift_page: Float[np.ndarray, " n"]
    shift_paper: Float[np.ndarray, " n"]
    shift_floor: Float[np.ndarray, " n"]
    wrong_pgd: Bool[np.ndarray, " n"]  # misclassified: the clean input, or what PGD on the loss found
    wrong_apgd: Bool[np.ndarray, " n"]  # the same for APGD (cross-entropy, then DLR)
    wrong: Bool[np.ndarray, " n"]  # the same for everything found
    flipped: Bool[np.ndarray, " n"]  # some perturbation found changes the prediction

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays, by name, for a file."""
        return {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)}


def _chunks(data: DataSet) -> list[tuple[Tensor, Tensor, int]]:
    pixels, labels = data.test.pixels().split(CHUNK), data.test.required_labels().split(CHUNK)
    return [(x, y, CHUNK * i) for i, (x, y) in enumerate(zip(pixels, labels, strict=True))]


def _assemble(encoder: Encoder, head: Head, data: DataSet, found: Sequence[dict[str, Tensor]]) -> Measurement:
    return Measurement(
        encoder=encoder.name,
        data=data.name,
        classes=data.classes,
        weights_sha256=encoder.weights_sha256,
        fingerprint=data.fingerprint,
        labels=data.test.required_labels().numpy(),
        weight=head.weight.numpy(),
        bias=head.bias.numpy(),
        **{key: torch.cat([columns[key] for columns in found]).numpy() for key in found[0]},
    )


def measure(encoder: Encoder, head: Head, data: DataSet, threat: Threat, plan: AttackPlan) -> Measurement:
    """Attack every test point of `data` and evaluate all that was found, once, with a float64 head.

    Raises InputError where the data set has no labels.
    """
    found = [search(encoder, head, x, y, threat, plan, first) for x, y, first in _chunks(data)]
    return _assemble(encoder, head, data, found)


def fit_probe(encoder: Encoder, data: DataSet, settings: ProbeSettings) -> Head:
    """A linear probe on the frozen encoder's clean features of the training split. Raises InputError without labels."""
    labels = data.train.required_labels()
    return linear_probe(encoder.features(data.train.pixels()), labels, len(data.classes), settings)


def probe_and_measure(
    pairs: Sequence[tuple[Encoder, DataSet]], threat: Threat, plan: AttackPlan, probe: ProbeSettings, *, workers: int
) -> list[Measurement]:
    """`fit_probe`, then `measure`, for every pair, in `workers` processes of one thread each.

    That beats one process on several threads, whatever OMP_NUM_THREADS says. Threads instead of processes would not
    do: torch at times aborts at exit when autograd ran in them.
    """
    parts = [_chunks(data) for _, data in pairs]
    # The first chunks carry the attack floor and take longest: they go first.
    order = sorted(((k, i) for i, part in enumerate(parts) for k in range(len(part))))
    with parallel_config(backend="loky", inner_max_num_threads=1), Parallel(n_jobs=workers, max_nbytes=None) as pool:
        heads = list(pool(delayed(fit_probe)(*pair, probe) for pair in pairs))
        jobs = ((pairs[i][0], heads[i], *parts[i][k][:2], threat, plan, parts[i][k][2]) for k, i in order)
        found = dict(zip(order, pool(delayed(search)(*job) for job in jobs), strict=True))
    return [
        _assemble(pair[0], heads[i], pair[1], [found[k, i] for k in range(len(parts[i]))])
        for i, pair in enumerate(pairs)
    ]


def table(measurement: Measurement) -> pd.DataFrame:
    """One row per test point. Losses in nats, shifts and margin ratios in feature units."""
    m = measurement
    z, z_shift, z_loss, weight = (torch.from_numpy(a).double() for a in (m.z, m.z_shift, m.z_loss, m.weight))
    head, labels = Head(weight, torch.from_numpy(m.bias)), torch.from_numpy(m.labels)
    logits = head.logits(z)
    shifts, ratios = bounds.shift(z, z_shift), bounds.margin_ratio(logits, weight)
    return pd.DataFrame(
        {
            "encoder": m.encoder,
            "data": m.data,
            "point": np.arange(len(m.labels)),
            "label": m.labels,
            "predicted": logits.argmax(1).numpy(),
            "loss": CROSS_ENTROPY(logits, labels).numpy(),
            "adversarial_loss": CROSS_ENTROPY(head.logits(z_loss), labels).numpy(),
            "shift": shifts.numpy(),
            "margin_ratio": ratios.numpy(),
            "fulfilled": bounds.criterion(shifts, ratios).numpy(),
            "flipped": m.flipped,
            "wrong": m.wrong,
            "shift_page": m.shift_page,
            "shift_paper": m.shift_paper,
            "shift_floor": m.shift_floor,
            "wrong_pgd": m.wrong_pgd,
            "wrong_apgd": m.wrong_apgd,
        }
    )
