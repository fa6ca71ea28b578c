"""The probes of an audit within a time: features of the training images in parts, so that every process has its share.

The parts are kept by their images, so that a second probe on the same images, beside fewer tested ones, costs nothing.
"""

import math
from collections.abc import Sequence

import joblib
import numpy as np
import torch
from jaxtyping import Float, Int64

from rt_utils.evaluation import probe
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.processes import Task, compute

PIXELS = 2**21  # of the images of a part, at most: 2,048 of 32 x 32, 41 of 224 x 224


def _parts(encoder: Encoder, data: DataSet, workers: int) -> list[Task]:
    """The features of the training images, a task for each part; a part for each process, or more where it is large."""
    images, tasks = data.train.images, list[Task]()
    size = max(1, min(PIXELS // encoder.input_size**2, math.ceil(len(images) / max(1, workers))))
    for part in images.split(size):
        x = part.clone()  # a view pickles all
        key = (encoder.name, encoder.weights_sha256, joblib.hash(x.numpy()))
        tasks.append((Entry("features", key, encoder.code | {probe.__name__}), probe.clean_features, (encoder, x)))
    return tasks


def _fitted(
    features: Float[np.ndarray, "n r"], labels: Int64[np.ndarray, " n"], n_classes: int, settings: ProbeSettings
) -> tuple[Float[np.ndarray, "c r"], Float[np.ndarray, " c"]]:
    head = probe.linear_probe(torch.from_numpy(features), torch.from_numpy(labels), n_classes, settings)
    return head.weight.numpy(), head.bias.numpy()


def fit(pairs: Sequence[tuple[Encoder, DataSet]], settings: ProbeSettings, *, workers: int) -> list[Head]:
    """For every pair the linear probe of `measure.fit_probes`.

    Raises InputError where a data set has no labels, fewer than two classes, or a tested class that is not trained.
    """
    for _, data in pairs:
        data.check_trainable()
    parts = [_parts(encoder, data, workers) for encoder, data in pairs]
    found, tasks = iter(compute([task for some in parts for task in some], workers)), list[Task]()
    for (_, data), some in zip(pairs, parts, strict=True):
        features, labels = np.concatenate([next(found) for _ in some]), data.train.required_labels().numpy()
        entry = Entry(
            "probes", (joblib.hash((features, labels)), repr(settings)), frozenset({probe.__name__, __name__})
        )
        tasks.append((entry, _fitted, (features, labels, len(data.classes), settings)))
    return [Head(torch.from_numpy(weight), torch.from_numpy(bias)) for weight, bias in compute(tasks, workers)]
