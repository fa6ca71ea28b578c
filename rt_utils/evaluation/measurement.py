"""What is measured on each test point of one data set with one encoder and one head, and its table."""

import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int64

from rt_utils.evaluation.subspace_search import SubspaceFound
from rt_utils.models.head import Head
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY

CHECKS = (
    "shift_page",
    "shift_paper",
    "shift_floor",
    "loss_page",
    "loss_floor",
    "wrong_pgd",
    "wrong_paper",
    "wrong_apgd",
)

OPTIONAL = ("shift_representation", "flipped_by_loss", "shift_upper")


@dataclass(frozen=True)
class Measurement:
    """Everything measured on the test points of one data set with one encoder and one head.

    z: clean features. z_shift, z_loss: features at the perturbation with the largest shift, and with the largest
    cross-entropy at the true label. *_page: what the page's own attacks found; *_paper: what the paper's attacks
    found alone; *_floor: what the stronger search found alone. The last two are NaN beyond the points they ran on.
    shift_representation: what the page's attack on the representation found alone, which saw neither label nor head;
    flipped_by_loss: some attack on the loss, of the page or of those that check it, changes the prediction.
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
    loss_page: Float[np.ndarray, " n"]
    loss_floor: Float[np.ndarray, " n"]
    wrong_pgd: Bool[np.ndarray, " n"]  # misclassified: clean, or what the page found on loss or margin
    wrong_paper: Bool[np.ndarray, " n"]  # the same for the paper's PGD on the loss
    wrong_apgd: Bool[np.ndarray, " n"]  # the same for APGD (cross-entropy, then DLR)
    wrong: Bool[np.ndarray, " n"]  # the same for everything found
    flipped: Bool[np.ndarray, " n"]  # some perturbation found changes the prediction
    subspace: SubspaceFound | None = None  # where the plan has an attack on the head's own subspace
    shift_upper: Float[np.ndarray, " n"] | None = None
    shift_representation: Float[np.ndarray, " n"] | None = None  # these two: None where no attack ran
    flipped_by_loss: Bool[np.ndarray, " n"] | None = None

    @property
    def shift(self) -> Float[np.ndarray, " n"]:
        """The largest shift found at each point, in float64, in feature units."""
        moved: np.ndarray = np.linalg.norm(self.z_shift.astype(np.float64) - self.z, axis=1)
        return moved

    @property
    def head(self) -> Head:
        """The head, in float64."""
        return Head(torch.from_numpy(self.weight), torch.from_numpy(self.bias))

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays, by name, for a file."""
        own = {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)}
        return own | (self.subspace.arrays() if self.subspace else {})


def above_bound(m: Measurement) -> float:
    """The largest ratio of a shift that was found to the certified bound on it; NaN where no bound is known.

    Over everything found, the aimed attack's finds included. At most 1, up to the rounding of float32 features.
    """
    if m.shift_upper is None or np.isnan(m.shift_upper).all():
        return math.nan
    found = m.shift if m.subspace is None else np.maximum(m.shift, m.subspace.shift_with_subspace)
    return float((found / np.maximum(m.shift_upper, 1e-12)).max())


def _in_subspace(m: Measurement, ratios: Float[torch.Tensor, " n"]) -> dict[str, np.ndarray]:
    """The columns on the head's own subspace; none where no attack was aimed at it."""
    if m.subspace is None:
        return {}
    columns = m.subspace.arrays()
    del columns["z_subspace"]
    fulfilled = statements.criterion(torch.from_numpy(m.subspace.shift_subspace), ratios).numpy()
    return columns | {"fulfilled_subspace": fulfilled}


def table(measurement: Measurement) -> pd.DataFrame:
    """One row per test point. Losses in nats, shifts and margin ratios in feature units.

    Args:
        measurement: What `measure` returned for one case.

    Returns:
        The columns of `points.csv`: label, predicted, loss, adversarial_loss, shift, margin_ratio, fulfilled, ...

    Example:
        >>> from rt_utils.evaluation.measure import fit_probes, measure
        >>> from rt_utils.evaluation.probe import ProbeSettings
        >>> from rt_utils.evaluation.search import AttackPlan
        >>> from rt_utils.images.catalogue import load_data_set
        >>> from rt_utils.models.catalogue import load_encoder
        >>> from rt_utils.theory.threat import Threat
        >>> encoder = load_encoder("embedded/random")
        >>> digits = load_data_set("digits", size=encoder.input_size, n_train=100, n_test=4)
        >>> (head,) = fit_probes([(encoder, digits)], ProbeSettings(epochs=2))
        >>> plan = AttackPlan(floor_points=0, apgd_points=0)
        >>> points = table(measure([(encoder, head, digits)], Threat("linf", 8 / 255), plan)[0])
        >>> bool((points.fulfilled == (points["shift"] < points.margin_ratio)).all())
        True
    """
    m = measurement
    z, z_shift, z_loss, weight = (torch.from_numpy(a).double() for a in (m.z, m.z_shift, m.z_loss, m.weight))
    head, labels = Head(weight, torch.from_numpy(m.bias)), torch.from_numpy(m.labels)
    logits = head.logits(z)
    shifts, ratios = statements.shift(z, z_shift), statements.margin_ratio(logits, weight)
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
            "fulfilled": statements.criterion(shifts, ratios).numpy(),
            "flipped": m.flipped,
            "wrong": m.wrong,
            **{name: getattr(m, name) for name in CHECKS},
            **_in_subspace(m, ratios),
            **{name: values for name in OPTIONAL if (values := getattr(m, name)) is not None},
        }
    )
