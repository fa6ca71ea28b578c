"""Linear probing, full finetuning (FT), and finetuning from the probe (LP-FT), measured on the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.drift import drifts
from rt_utils.evaluation.measure import measure
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.statistics import of_predictors
from rt_utils.evaluation.summary import CASE, lemma_1, scale_free
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime.processes import alone
from rt_utils.theory.threat import Threat
from rt_utils.training.finetuning import finetune

PROBE, FINETUNED = "LP", ("FT", "LP-FT")
METHODS = (PROBE, *FINETUNED)
Images = Mapping[tuple[str, int], DataSet]  # by name and size


@dataclass(frozen=True)
class Transfer:
    """One encoder, known by its name before the transfer, on one data set; `after`: the encoder after it."""

    method: str
    encoder: str
    after: Encoder
    measurement: Measurement


def epochs(method: str, of_finetuning: int) -> int:
    """FT's epochs; LP-FT has half as many, as in the paper."""
    return of_finetuning if method == "FT" else max(1, of_finetuning // 2)


def transferred(
    trainable: Mapping[str, Encoder],
    probed: Sequence[Measurement],
    images: Images,
    settings: ProbeSettings,
    threat: Threat,
    plan: AttackPlan,
    *,
    workers: int = 0,
) -> list[Transfer]:
    """The probed cases as they are, then after FT with these `settings`, then after LP-FT from the probes, attacked.

    `trainable`: the encoders by name, with their BatchNorm layers, as `finetune` needs them.
    """
    pairs = [(trainable[m.encoder], images[m.data, trainable[m.encoder].input_size]) for m in probed]
    done = [Transfer(PROBE, m.encoder, encoder, m) for m, (encoder, _) in zip(probed, pairs, strict=True)]
    for method in FINETUNED:
        heads = [m.head if method == "LP-FT" else None for m in probed]
        starts = [(*pair, head) for pair, head in zip(pairs, heads, strict=True)]
        tuned = finetune(starts, replace(settings, epochs=epochs(method, settings.epochs)), workers=workers)
        cases = [(encoder, head, data) for (encoder, head), (_, data) in zip(tuned, pairs, strict=True)]
        found = measure(cases, threat, plan, workers=workers)
        for before, (after, _), m in zip(probed, tuned, found, strict=True):
            done.append(Transfer(method, before.encoder, after, m))
    return done


def rows(transfers: Sequence[Transfer], first: int) -> pd.DataFrame:
    """Tables 5 and 9: accuracies, both sides of Lemma 1 and what does not depend on scale, on the first test points."""
    return pd.DataFrame(
        lemma_1(t.measurement, first) | {"encoder": t.encoder, "method": t.method} | scale_free(t.measurement, first)
        for t in transfers
    )


def by_method(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row for each encoder and data set, in the order of `rows`, with the `column` under each of METHODS."""
    wide = rows.pivot_table(index=CASE, columns="method", values=column, sort=False, dropna=False)
    return wide[list(METHODS)].reset_index()


def points(transfers: Sequence[Transfer], first: int) -> pd.DataFrame:
    """The tables of the first test points, under the encoder's name, with its method where that is not the probe."""
    names = [t.encoder if t.method == PROBE else f"{t.encoder}+{t.method}" for t in transfers]
    tables = [table(t.measurement)[:first].assign(encoder=name) for t, name in zip(transfers, names, strict=True)]
    return pd.concat(tables, ignore_index=True)


def against_probe(rows: pd.DataFrame, columns: Sequence[str], by: Sequence[str] = CASE) -> pd.DataFrame:
    """The rows of FT and LP-FT, beside each the probe's `columns`, as "COLUMN, LP", of the row that agrees in `by`."""
    probe = rows[rows.method == PROBE].set_index(list(by))[list(columns)].add_suffix(f", {PROBE}")
    return rows[rows.method != PROBE].join(probe, on=list(by))


def compared(rows: pd.DataFrame, by: Sequence[str] = CASE) -> pd.DataFrame:
    """`against_probe` for `rows`, with what finetuning `lost` of robust accuracy and `gained` of clean accuracy."""
    beside = against_probe(rows, ["clean acc.", "robust acc.", "margin / shift"], by)
    lost = beside["robust acc., LP"] - beside["robust acc."]
    return beside.assign(lost=lost, gained=beside["clean acc."] - beside["clean acc., LP"])


def verdict(rows: pd.DataFrame) -> dict[str, int | float]:
    """From `compared`: in how many of `total` rows the probe is more robust; this and mean losses and gains by method.

    agree: in how many the quotient of margin ratio and shift orders the two as robust accuracy does.
    """
    ahead, further = rows.lost > 0, rows["margin / shift, LP"] > rows["margin / shift"]
    found: dict[str, int | float] = {
        "ahead": int(ahead.sum()),
        "total": len(rows),
        "agree": int((ahead == further).sum()),
    }
    for method in FINETUNED:
        own = rows[rows.method == method]
        found[f"ahead {method}"] = int((own.lost > 0).sum())
        found |= {f"{column} {method}": own[column].mean() for column in ("lost", "gained")}
    return found


def with_evidence(compared: pd.DataFrame, transfers: Sequence[Transfer], first: int) -> pd.DataFrame:
    """`compared` of one seed with `evidence`: the model's robust accuracy against the probe's, image by image.

    Both are fixed predictors, so this is evidence about these two, and none about the methods.
    """
    right = {(t.encoder, t.measurement.data, t.method): ~t.measurement.wrong[:first] for t in transfers}
    cases = zip(compared.encoder, compared["data"], compared.method, strict=True)
    found = [of_predictors(right[*case, method], right[*case, PROBE]) for *case, method in cases]
    return compared.assign(evidence=pd.Series(found, compared.index, dtype=object))


def drifts_of_finetuned(
    transfers: Sequence[Transfer],
    trainable: Mapping[str, Encoder],
    images: Images,
    n: int,
    threat: Threat,
    seed: int,
) -> pd.DataFrame:
    """`drifts` of each finetuned encoder on the first n test images under a short attack, one row an image."""
    settings, parts = PGDSettings(steps=12, restarts=2, refine=40, seed=seed), []
    for t in transfers:
        if t.method != PROBE:
            before, name = trainable[t.encoder], t.measurement.data
            x = images[name, before.input_size].test.pixels()[:n]
            part = alone(drifts, before, t.after, x, threat, settings)
            parts.append(part.assign(encoder=t.encoder, data=name, method=t.method))
    return pd.concat(parts, ignore_index=True)
