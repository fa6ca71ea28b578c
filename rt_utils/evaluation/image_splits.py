"""Which images fit and test a regression: a random split, all of them, or the listed ones cut without shuffling."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64

from rt_utils.evaluation.finds import Find
from rt_utils.evaluation.regression import (
    Fit,
    Found,
    Probed,
    as_taken,
    first,
    least_squares,
    left_sides,
    residuals,
    strongest,
)
from rt_utils.evaluation.regression_search import Attack, Case, search
from rt_utils.images.drawn.sprites import CLASSES, FACTORS
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat

RANDOM, ALL, ORDERED = "random", "all", "ordered"


def cut_in_order(
    shapes: Int64[np.ndarray, " n"], y: Float[np.ndarray, "n k"]
) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " t"]]:
    """The images listed by shape, then by each factor in turn, cut at 80%: what comes first, and the last fifth."""
    order = np.lexsort((*y.T[::-1], shapes))
    return order[: 4 * len(order) // 5], order[4 * len(order) // 5 :]


def everything(probed: Probed) -> tuple[Int64[np.ndarray, " n"], Float[np.ndarray, "n k"], Float[np.ndarray, "n r"]]:
    """Shapes, factors and features of the training images, then the test images."""
    shapes = torch.cat([split.required_labels() for split in (probed.data.train, probed.data.test)]).numpy()
    return shapes, np.concatenate([probed.y_train, probed.y_test]), np.concatenate([probed.z_train, probed.z_test])


def _sides(head: Head, found: Found) -> dict[str, float]:
    """The largest LHS of the factors, and the AS score."""
    norms = head.weight.norm(dim=1).tolist()
    lhs = [left_sides(found.clean[:, k], found.worst[:, k], norm)["|xi|"] for k, norm in enumerate(norms)]
    return {"LHS": max(lhs), "AS": float(found.shift.mean())}


def compared(
    probed: Mapping[str, Probed],
    finds: Mapping[str, Sequence[Find]],
    threat: Threat,
    attack: Attack,
    *,
    n: int,
    seed: int,
    workers: int,
    fit: Fit = least_squares,
) -> pd.DataFrame:
    """By encoder and split the mean |f(x) - y| of each factor on clean images, and on n images LHS and AS score.

    `finds`: what the attack found on the random split's first test images, by encoder. The random split is the one that
    `probed` has; "all" tests its probe on all images; "ordered" fits on what comes first in their order, by `fit`.
    """
    heads, images, cases = {}, {}, {}
    for name, its in probed.items():
        shapes, y, z = everything(its)
        start, last = cut_in_order(shapes, y)
        picked = np.random.default_rng(seed).choice(last, min(n, len(last)), replace=False)
        heads[name], images[name] = fit(z[start], y[start]), (last, picked)
        pixels = as_taken(its.encoder, torch.cat([its.data.train.images, its.data.test.images])[picked])
        targets = torch.from_numpy(y[picked].astype(np.float32))
        cases[name] = Case(its.encoder, heads[name], pixels, targets, its.data.name, threat, {"page": attack})
    ordered = search(cases, workers)
    rows = []
    for name, its in probed.items():
        (_, y, z), (last, picked) = everything(its), images[name]
        shown = {
            RANDOM: (residuals(its.head, its.z_test, its.y_test), its.head, (its.z_test[:n], its.y_test[:n])),
            ALL: (residuals(its.head, z, y), None, None),
            ORDERED: (residuals(heads[name], z[last], y[last]), heads[name], (z[picked], y[picked])),
        }
        attacked = {RANDOM: first(finds[name], n), ORDERED: ordered[name]}
        for split_name, (errors, head, points) in shown.items():
            row = {"encoder": name, "split": split_name} | dict(zip(FACTORS, errors.mean(0), strict=True))
            if head is not None and points is not None:
                row |= _sides(head, strongest(head, points[0], points[1], attacked[split_name], ("page",)))
            rows.append(row)
    return pd.DataFrame(rows)


def error_ratios(rows: pd.DataFrame, encoder: str, split: str) -> dict[str, float]:
    """By factor the error of one encoder's probe on a split over that on the random one; rows of `compared`."""
    own = rows[rows.encoder == encoder].set_index("split")[list(FACTORS)]
    ratios = own.loc[split].to_numpy() / own.loc[RANDOM].to_numpy()
    return dict(zip(FACTORS, ratios.tolist(), strict=True))


def reading(rows: pd.DataFrame, probed: Mapping[str, Probed], label: Mapping[str, str]) -> dict[str, Any]:
    """Which images the ordered test part holds, and how much the probes' errors differ from those of a random split.

    seen: the largest relative change when all images test them. `label`: the encoders' shown names.
    """
    shapes, y, _ = everything(next(iter(probed.values())))
    _, last = cut_in_order(shapes, y)
    ordered = {label[e]: list(error_ratios(rows, e, ORDERED).values()) for e in probed}
    return {
        "held": ", ".join(sorted(CLASSES[k] for k in np.unique(shapes[last]))),
        "least": y[last, 0].min(),
        "most": y[last, 0].max(),
        "changed": "; ".join(f"{min(r):.2f} to {max(r):.2f} on the {name} encoder" for name, r in ordered.items()),
        "seen": max(abs(ratio - 1) for e in probed for ratio in error_ratios(rows, e, ALL).values()),
    }
