"""An audit's tables, and what its files hold: a summary, and every value of every image."""

import math
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from rt_utils.evaluation.audit import PER_IMAGE, Audit
from rt_utils.evaluation.audit_budget import Budget
from rt_utils.evaluation.audit_theorems import Theorems
from rt_utils.evaluation.statistics import shown_share
from rt_utils.pages.audit_subject import Subject
from rt_utils.pages.parameters import Parameters

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def checks(found: pd.DataFrame) -> pd.DataFrame:
    """`audit_checks.examine`'s rows as the page shows them: numbers of many sizes as text."""
    asked = [f"{value:g}" for value in found["at most"]]
    shown = found.assign(found=[f"{value:.3g}" for value in found.found]).assign(**{"at most": asked})
    return shown[["check", "n", "found", "at most", "verdict"]]


def _share(of: str, hits: Bool[np.ndarray, " n"]) -> dict[str, str]:
    value = f"{hits.mean():.3f}" if len(hits) else "–"  # no mean of nothing, which warns
    return {"": of, "value": value, "95% interval": shown_share(int(hits.sum()), len(hits))}


def theorems(audit: Audit, found: Theorems, interval: tuple[float, float], p: Parameters) -> pd.DataFrame:
    """Both theorems for the probe; `interval`: that of the AS score.

    That no fulfilled point is flipped holds by algebra with the largest shift found, so it is a count, and has no
    interval. What the attack on the representation leaves fulfilled alone, others may flip: that share has one.
    """
    assert audit.points is not None
    points, fulfilled = audit.points, audit.fulfilled
    alone = (points.shift_representation < points.margin_ratio).to_numpy()
    missed = points.flipped_by_loss[alone].to_numpy(dtype=bool)
    stayed = f"{int((~points.flipped[fulfilled]).sum())} of {int(fulfilled.sum())}"
    score = "Lemma 1: right side, the AS score"
    ends = {score: f"{interval[0]:.3g} to {interval[1]:.3g}"}
    numbers = {
        "Lemma 1: left side, in feature units": found.lemma,
        score: audit.score,
        f"mean loss gap found, losses cut at {p.loss_bound:g} nats": found.gap,
        f"Theorem 1: bound on its expectation, rho = {p.rho:g}": found.theorem_1,
        "the same for all heads at once (this book's)": found.all_heads,
    }
    rows = [
        _share("clean accuracy of the probe", (points.label == points.predicted).to_numpy()),
        _share("robust accuracy, under everything found", ~points.wrong.to_numpy()),
        _share("criterion of Theorem 2 fulfilled with the shift found", fulfilled),
        {"": "prediction unchanged where fulfilled, by algebra all: a test of the code", "value": stayed},
        _share("criterion fulfilled with what the attack on the representation found alone", alone),
        _share("of these, flipped by an attack on the loss: there that attack was too weak", missed),
        *({"": name, "value": f"{value:#.3g}", "95% interval": ends.get(name)} for name, value in numbers.items()),
    ]
    if "fulfilled_subspace" in points:
        rows.insert(3, _share("the same in the head's own subspace", points.fulfilled_subspace.to_numpy()))
    return pd.DataFrame(rows)


def per_image(audit: Audit, subject: Subject, budget: Budget) -> pd.DataFrame:
    """For audit.csv: file, shifts by kind of search, and with labels what the probe does."""
    frame = pd.DataFrame({"point": np.arange(len(audit.z)), "file": subject.relative_files(budget.size)})
    if audit.points is not None:
        own = audit.points[["label", "predicted", "margin_ratio", "flipped", "wrong"]].assign(fulfilled=audit.fulfilled)
        columns = ["label", "predicted", "margin_ratio", "fulfilled", "flipped", "wrong"]
        frame = pd.concat([frame, own[columns].reset_index(drop=True)], axis=1)
        if audit.measurement is not None:
            names = np.array(audit.measurement.classes, dtype=object)
            frame = frame.assign(**{"class": names[frame.label], "predicted_class": names[frame.predicted]})
    kinds = {f"shift_{kind}": audit.shifts[kind] for kind in PER_IMAGE}
    return frame.assign(shift=audit.found, shift_over_distance=audit.found / audit.distance, **kinds)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def summary(audit: Audit, compared: pd.DataFrame, found: Theorems | None) -> dict[str, Any]:
    """For audit.json: the score and what it is compared with (`Audit.comparison`), the checks, and both theorems."""
    content = {
        "images": len(audit.z),
        "labelled": audit.points is not None,
        "as_score": audit.score,
        "quantiles": {f"{q:g}": float(np.quantile(audit.found, q)) for q in QUANTILES},
        "distance": audit.distance,
        "as_over_distance": audit.score / audit.distance,
        "noise_over_attack": audit.noise_share,
        "blocked_pairs": _or_none(audit.blocked_share),
        "references": dict(zip(compared.data[1:], compared.ratio[1:].tolist(), strict=True)),
        "checks": {
            row["key"]: {
                "n": row["n"],
                "found": _or_none(row["found"]),
                "at_most": row["at most"],
                "verdict": row["verdict"],
            }
            for row in audit.checks.to_dict("records")
        },
    }
    if found is not None and audit.points is not None:
        content |= {
            "clean_accuracy": float((audit.points.label == audit.points.predicted).mean()),
            "robust_accuracy_found": float(1 - audit.points.wrong.mean()),
            "fulfilled": float(audit.fulfilled.mean()),
            "lemma_1_lhs": found.lemma,
            "loss_gap_found": found.gap,
            "theorem_1": found.theorem_1,
        }
    return content
