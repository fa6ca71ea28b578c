"""An attack on the margin between logits: where no class is far ahead it finds more than one on the cross-entropy."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from rt_utils.evaluation.attacks import PGDSettings, loss_pgd, margin
from rt_utils.evaluation.finds import Find, best
from rt_utils.evaluation.measurement import Measurement
from rt_utils.images.data_set import Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat


def with_margin_attack(
    m: Measurement, encoder: Encoder, head: Head, test: Split, threat: Threat, settings: PGDSettings
) -> Measurement:
    """The measurement after one more attack, PGD on the margin: the best per point over all that was found."""
    x, y = test.pixels().contiguous(memory_format=torch.channels_last), test.required_labels()
    model, index = nn.Sequential(encoder, head.module()).eval(), np.arange(len(test))
    found = loss_pgd(model, x, y, threat, settings, margin)
    finds = [Find("representation", index, m.z_shift), Find("loss", index, m.z_loss)]
    finds += [Find("loss", index, encoder.features(images).numpy()) for images in found]
    columns = {name: values.numpy() for name, values in best(head, torch.from_numpy(m.z), y, finds, {}).items()}
    changed: dict[str, Any] = {name: columns[name] for name in ("z_shift", "z_loss", "shift_page", "loss_page")}
    flags = ("wrong", "wrong_pgd", "flipped", *(["flipped_by_loss"] if m.flipped_by_loss is not None else []))
    changed |= {name: columns[name] | getattr(m, name) for name in flags}
    return replace(m, **changed)
