"""AutoAttack on a set in batches. A finished batch is a file of its own, so a stopped run goes on where it was."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import torch
from jaxtyping import Bool
from torch import Tensor

from rt_utils.evaluation.autoattack import Effort, right_after
from rt_utils.images.data_set import Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat


def versions() -> dict[str, str]:
    """Of the packages that decide what is found."""
    return {name: version(name).split("+")[0] for name in ("torch", "pyautoattack")}


def key(encoder: Encoder, head: Head, points: Split, threat: Threat, effort: Effort) -> dict[str, Any]:
    """Everything that a batch's result depends on: weights, head, images with labels, threat, effort, versions."""
    return {
        "weights": encoder.weights_sha256,
        "head": joblib.hash((head.weight.numpy(), head.bias.numpy())),
        "images": joblib.hash((points.images.numpy(), points.required_labels().numpy())),
        "threat": [threat.norm, threat.eps],
        "effort": asdict(effort),
        "versions": versions(),
    }


@dataclass(frozen=True)
class Found:
    """What AutoAttack left right of a set, by 'clean' and attack, and the seconds of processor time of its batches."""

    after: dict[str, Bool[Tensor, " n"]]
    seconds: float

    @property
    def accuracies(self) -> dict[str, float]:
        """The share still right after each."""
        return {name: right.double().mean().item() for name, right in self.after.items()}


def _batch(path: Path, its: dict[str, Any], compute: Callable[[], dict[str, Tensor]]) -> dict[str, Any]:
    """The batch in the file at `path`; computed and written where there is none, or one of another key or cut short."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if kept["key"] == its:
            return kept
    except (OSError, ValueError, KeyError, TypeError):
        pass
    start = time.process_time()
    after = {name: right.tolist() for name, right in compute().items()}
    kept = {"key": its, "after": after, "seconds": round(time.process_time() - start, 1)}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(kept) + "\n", "utf-8")
    return kept


def in_batches(
    encoder: Encoder,
    head: Head,
    points: Split,
    threat: Threat,
    folder: Path,
    *,
    effort: Effort | None = None,
    batch: int = 100,
    progress: Callable[[str], None] = lambda line: None,
) -> Found:
    """`right_after` of all points in batches, each kept in `folder` as it is done.

    Batches that are there are read: nothing is computed twice, and nothing of another key (`key`) is taken.
    """
    effort, parts = effort or Effort(), []
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(points), batch):
        part = slice(first, first + batch)
        its_points = Split(points.images[part], points.required_labels()[part])
        its = key(encoder, head, its_points, threat, effort)
        path = folder / f"{encoder.name.replace('/', '_')}-{joblib.hash(its)}.json"
        parts.append(_batch(path, its, partial(right_after, encoder, head, its_points, threat, effort)))
        left = sum(sum(list(done["after"].values())[-1]) for done in parts)
        progress(f"{encoder.name}: {left} of {min(first + batch, len(points))} right, {parts[-1]['seconds']:.0f} s")
    after = {name: torch.tensor([v for part in parts for v in part["after"][name]]) for name in parts[0]["after"]}
    return Found(after, sum(part["seconds"] for part in parts))
