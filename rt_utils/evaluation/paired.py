"""The same images at two settings: what changes image by image, and how sure the change is."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.statistics import ERROR, sign_test


def two_standard_errors(differences: Float[np.ndarray, " n"]) -> float:
    """Two standard errors of the mean of paired differences, in their unit; NaN for a single one."""
    n = len(differences)
    return 2 * float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan


def paired_change(before: Measurement, after: Measurement) -> dict[str, Any]:
    """Image by image: change of the shift [feature units] and of the loss gap [nats] with two standard errors (±).

    lost, gained: images that lost or gained robust correctness; p: of a sign test between these.
    """
    old, new = table(before), table(after)
    grown = (new["shift"] - old["shift"]).to_numpy()
    change = (new.adversarial_loss - new.loss - old.adversarial_loss + old.loss).to_numpy()
    lost, gained = int((new.wrong & ~old.wrong).sum()), int((~new.wrong & old.wrong).sum())
    return {
        "AS change": grown.mean(),
        "± (AS)": two_standard_errors(grown),
        "grew": (grown > 0).mean(),
        "gap change": change.mean(),
        "± (gap)": two_standard_errors(change),
        "lost": lost,
        "gained": gained,
        "p": sign_test(lost, gained),
    }


def image_by_image(own: Mapping[str, Measurement]) -> pd.DataFrame:
    """`paired_change` of every corruption, by label; the first measurement is of the clean images."""
    clean, *_ = own.values()
    return pd.DataFrame({"images": label} | paired_change(clean, m) for label, m in own.items()).iloc[1:]


def undecided(paired: pd.DataFrame) -> dict[str, str]:
    """At which levels the AS score stays within two standard errors, and p of the sign test above its part of 5%."""
    shift = paired.images[paired["AS change"].abs() <= paired["± (AS)"]]
    return {
        "shift": ", ".join(shift) or "no level",
        "accuracy": ", ".join(paired.images[paired.p > ERROR / len(paired)]) or "no level",
    }
