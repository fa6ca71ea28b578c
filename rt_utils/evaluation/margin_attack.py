"""An attack on the margin between logits: where no class is far ahead it finds more than one on the cross-entropy."""

from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import torch
from torch import nn

from rt_utils.evaluation.attacks import PGDSettings, loss_pgd, margin
from rt_utils.evaluation.finds import Find, best
from rt_utils.evaluation.measurement import Measurement
from rt_utils.images.data_set import Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import processes
from rt_utils.runtime.cache import Entry
from rt_utils.theory.threat import Threat


def _features(encoder: Encoder, head: Head, test: Split, threat: Threat, settings: PGDSettings) -> list[np.ndarray]:
    """Of the images that each start of PGD on the margin found."""
    x, model = test.pixels().contiguous(memory_format=torch.channels_last), nn.Sequential(encoder, head.module()).eval()
    found = loss_pgd(model, x, test.required_labels(), threat, settings, margin)
    return [encoder.features(images).numpy() for images in found]


def with_margin_attack(
    m: Measurement, encoder: Encoder, head: Head, test: Split, threat: Threat, settings: PGDSettings
) -> Measurement:
    """The measurement after one more attack, PGD on the margin, kept in the cache: the best per point over all."""
    y, index = test.required_labels(), np.arange(len(test))
    depends_on = joblib.hash((head.weight.numpy(), head.bias.numpy(), test.images.numpy(), y.numpy()))
    key = (encoder.name, encoder.weights_sha256, depends_on, repr(threat), repr(settings))
    entry = Entry("margins", key, encoder.code | {__name__})
    found = processes.kept(entry, _features, encoder, head, test, threat, settings)
    finds = [Find("representation", index, m.z_shift), Find("loss", index, m.z_loss)]
    finds += [Find("loss", index, z) for z in found]
    columns = {name: values.numpy() for name, values in best(head, torch.from_numpy(m.z), y, finds, {}).items()}
    changed: dict[str, Any] = {name: columns[name] for name in ("z_shift", "z_loss", "shift_page", "loss_page")}
    flags = ("wrong", "wrong_pgd", "flipped", *(["flipped_by_loss"] if m.flipped_by_loss is not None else []))
    changed |= {name: columns[name] | getattr(m, name) for name in flags}
    return replace(m, **changed)
