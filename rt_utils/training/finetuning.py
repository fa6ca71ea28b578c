"""Full finetuning: encoder and head trained together, from a random head (FT) or from a linear probe (LP-FT)."""

import contextlib
import copy
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor, nn

from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder, frozen
from rt_utils.models.head import Head
from rt_utils.runtime import cache
from rt_utils.runtime.devices import Parts, device
from rt_utils.runtime.files import whole_file
from rt_utils.runtime.processes import Task, compute


def first_head(width: int, n_classes: int, head: Head | None, seed: int) -> nn.Linear:
    """Where a finetuning starts: a random head, or the one given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = nn.Linear(width, n_classes)
    if head is not None:
        layer.load_state_dict({"weight": head.weight.float(), "bias": head.bias.float()})
    return layer


def _unfinished(checkpoint: Path, label: str) -> dict[str, Any] | None:
    """What a training that was cut off left; None where there is nothing, or nothing that can be read."""
    if not os.path.exists(checkpoint):
        return None
    try:
        saved: dict[str, Any] = torch.load(checkpoint, map_location=device(), weights_only=True)
        return saved if saved.keys() >= {"done", "whole", "optimiser", "schedule"} else None
    except Exception:  # a damaged file raises whatever its bytes happen to say
        print(f"{label}: what it left when it was cut off cannot be read, so it begins anew", file=sys.stderr)
        return None


def _train(
    encoder: Encoder,
    images: UInt8[Tensor, "n 3 h w"],
    labels: Int64[Tensor, " n"],
    layer: nn.Linear,
    settings: ProbeSettings,
    label: str,
    checkpoint: Path,
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The trained network's state, and the head's. Written down after each epoch, so that a cut-off run goes on."""
    network = copy.deepcopy(encoder.network).requires_grad_(True).train()
    whole = nn.ModuleDict({"network": network, "layer": layer}).to(device())
    optimiser = torch.optim.SGD(whole.parameters(), settings.lr, momentum=0.9, weight_decay=settings.weight_decay)
    starts = range(0, len(images), settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * len(starts))
    parts: dict[str, Any] = {"whole": whole, "optimiser": optimiser, "schedule": schedule}
    done, memory = 0, Parts()
    if saved := _unfinished(checkpoint, label):
        done = saved["done"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    for epoch in range(done, settings.epochs):
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1000 * settings.seed + epoch))
        for start in starts:
            chosen = order[start : start + settings.batch]

            def loss_on(part: slice, chosen: Tensor = chosen) -> Tensor:
                some = chosen[part]
                x = images[some].float().div(255).contiguous(memory_format=torch.channels_last).to(device())
                return nn.functional.cross_entropy(layer(network(x)), labels[some].to(device()))

            loss = memory.backward(whole, loss_on, len(chosen))
            optimiser.step()
            schedule.step()
        print(f"{label}: epoch {epoch + 1} of {settings.epochs}, last loss {loss.item():.3f}", file=sys.stderr)
        # Where nothing can be kept, a run that is cut off begins anew. PyTorch has its own error for a full disk.
        with contextlib.suppress(OSError, RuntimeError):
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(checkpoint) as partial:
                torch.save({"done": epoch + 1} | {name: part.state_dict() for name, part in parts.items()}, partial)
    with contextlib.suppress(OSError):
        checkpoint.unlink(missing_ok=True)
    whole.cpu()
    state = [value.numpy().copy() for value in network.state_dict().values()]
    return state, layer.weight.detach().numpy(), layer.bias.detach().numpy()


def finetune(
    cases: Sequence[tuple[Encoder, DataSet, Head | None]], settings: ProbeSettings, *, workers: int = 0
) -> list[tuple[Encoder, Head]]:
    """For every case all weights trained on the clean training split, from the head given (LP-FT) or a random one (FT).

    SGD with momentum 0.9 and a cosine schedule, no augmentation, BatchNorm layers in training mode, as in the paper's
    Section 6.2 (there 20 or 10 epochs at learning rate 0.001). Encoders must come with their BatchNorm layers
    (`encoders.load(name, fold=False)`) and are left as they were. What is finished is kept in the cache; of a run that
    was cut off, each finished epoch. Raises InputError where `fit_probes` does.
    """
    tasks: list[Task] = []
    names = []
    for encoder, data, head in cases:
        data.check_trainable()
        start = "random" if head is None else joblib.hash((head.weight.numpy(), head.bias.numpy()))
        key = (encoder.name, data.name, encoder.weights_sha256, data.fingerprint, repr(settings), start)
        names.append(f"{encoder.name}+{'FT' if head is None else 'LP-FT'}:{data.name}")
        layer = first_head(encoder.width, len(data.classes), head, settings.seed)
        x, y = data.train.images, data.train.required_labels()
        entry = cache.Entry("finetuned", key, encoder.code | {__name__})
        checkpoint = entry.path.with_suffix(".unfinished.pt")
        tasks.append((entry, _train, (encoder, x, y, layer, settings, names[-1], checkpoint)))
    results = []
    for (encoder, _, _), name, (state, weight, bias) in zip(cases, names, compute(tasks, workers), strict=True):
        network = copy.deepcopy(encoder.network)
        values = zip(network.state_dict(), state, strict=True)
        network.load_state_dict({key: torch.from_numpy(value) for key, value in values})
        tuned = frozen(name, network, input_size=encoder.input_size, width=encoder.width)
        results.append((tuned, Head(torch.from_numpy(weight).double(), torch.from_numpy(bias).double())))
    return results
