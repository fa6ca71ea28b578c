"""How the size of an attack, its steps and its starts, limits what it finds of both sides of Lemma 1."""

from collections.abc import Iterator, Sequence

import joblib
import pandas as pd
import torch

from rt_utils.evaluation import search
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.processes import Task, compute
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.threat import Threat

SIDES = ("AS score", "diff. CE")
STARTS = 5


def _tasks(
    encoder: Encoder, m: Measurement, data: DataSet, threat: Threat, constant: PGDSettings, n: int
) -> list[Task]:
    """The attack `constant` on the representation, then on the loss, of the first n test points."""
    x, y = data.test.images[:n].clone(), torch.from_numpy(m.labels[:n].copy())
    head, code = m.head, encoder.code | {search.__name__}
    plan = AttackPlan(representation=constant, loss=constant, predicted=constant, floor_points=0, apgd_points=0)
    key = (m.weights_sha256, m.fingerprint, joblib.hash((m.weight, m.bias)), repr(threat), repr(constant), n)
    shift = search.search_representation, (encoder, x, threat, "representation", constant)
    loss = search.search_loss, (encoder, head, x, y, threat, plan, 0)
    return [(Entry("attack_sizes", (kind, *key), code), *job) for kind, job in (("shift", shift), ("loss", loss))]


def reached(
    m: Measurement, n: int, on_shift: Sequence[Find], on_loss: Sequence[Find]
) -> Iterator[tuple[int, dict[str, float]]]:
    """(starts, both SIDES and their shares of what `m` holds) on the first n points: of the first run, then of all.

    Each run's finds are those of all n points in order. A share of nothing is 1.
    """
    points, head = table(m)[:n], m.head
    z, y = torch.from_numpy(m.z[:n]).double(), torch.from_numpy(m.labels[:n])
    clean = CROSS_ENTROPY(head.logits(z), y)
    full = {"AS score": points["shift"].mean(), "diff. CE": (points.adversarial_loss - points["loss"]).mean()}
    shifts = torch.stack([statements.shift(z, torch.from_numpy(find.z).double()) for find in on_shift])
    losses = [CROSS_ENTROPY(head.logits(torch.from_numpy(find.z)), y) for find in on_loss]
    gaps = (torch.stack(losses) - clean).clamp(min=0)
    for starts in (1, len(shifts)):
        found = {side: of[:starts].amax(0).mean().item() for side, of in zip(SIDES, (shifts, gaps), strict=True)}
        yield starts, found | {f"{side} share": found[side] / full[side] if full[side] else 1.0 for side in SIDES}


def by_size(
    cases: Sequence[tuple[Encoder, Measurement, DataSet]],
    threat: Threat,
    steps: Sequence[int],
    n: int,
    *,
    seed: int,
    workers: int = 0,
) -> pd.DataFrame:
    """Per encoder what PGD with `steps` steps of constant size 0.7 eps finds, from one start and the best of STARTS.

    On the first n test points: both SIDES, AS score in feature units and diff. CE in nats, and the shares of what the
    measurement found there. The radius must not be 0.
    """
    settings = [PGDSettings(steps=k, restarts=STARTS, rel_stepsize=0.7, decay=False, seed=seed) for k in steps]
    tasks = [task for e, m, data in cases for some in settings for task in _tasks(e, m, data, threat, some, n)]
    found = iter(compute(tasks, workers))
    rows = []
    for _, m, _ in cases:
        for some in settings:
            on_shift, on_loss = next(found), [find for find in next(found) if find.kind == "loss"]
            where = {"encoder": m.encoder, "data": m.data, "steps": some.steps}
            rows += [where | {"restarts": starts} | row for starts, row in reached(m, n, on_shift, on_loss)]
    return pd.DataFrame(rows)
