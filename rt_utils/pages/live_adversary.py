"""What the page needs on which a reader is the adversary: encoders, heads and digits, as scripts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rt_utils.evaluation.interval_bounds import bounded
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import EMBEDDED, load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.pages.labels import short_name
from rt_utils.pages.live_network import base64_of, live_network
from rt_utils.runtime.files import whole_file
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.subspace import difference_basis

# Those that read digits, in the page's order; one that is not there is left out.
LIVE = tuple(f"embedded/{name}" for name in ("robust", "standard", "random", "certified") if name in EMBEDDED)
SHOWN = 24  # the first test digits, by number
N_TRAIN, N_TEST = 4000, 500  # the chapters' own defaults, so that they share probes


def digits() -> DataSet:
    """The digits of the chapters, at their default seed."""
    return load_data_set("digits", size=32, n_train=N_TRAIN, n_test=N_TEST, seed=0)


def loss_factor(weight: torch.Tensor) -> float:
    """The smallest C_1 L_alpha(W) of cross-entropy: Lemma 1 holds with each."""
    return min(c1 * statements.head_norm(weight, alpha) for alpha, c1 in CROSS_ENTROPY.lipschitz.items())


def encoder_data(encoder: Encoder, head: Head) -> dict[str, Any]:
    """The network, the head and the constants that belong to it, as JSON takes them.

    `bounded`: whether interval bounds on it are worth computing. `basis`: orthonormal rows that span the head's own
    subspace. `factor`: C_1 L_alpha(W) of Lemma 1, nats for each unit of feature distance.
    """
    return {
        "name": encoder.name,
        "sha256": encoder.weights_sha256,
        "bounded": bounded(encoder),
        "network": live_network(encoder.network).data(),
        "weight": head.weight.tolist(),
        "bias": head.bias.tolist(),
        "basis": difference_basis(head.weight).tolist(),
        "factor": loss_factor(head.weight),
    }


def digits_data(data: DataSet) -> dict[str, Any]:
    """The first test digits, uint8 in base64, one channel each (colours are equal), 32 rows and columns; labels."""
    images = data.test.images[:SHOWN, 0]
    return {"images": base64_of(images.numpy()), "labels": data.test.required_labels()[:SHOWN].tolist()}


def _script(path: Path, key: str, value: object) -> None:
    """A script, since a page that was opened from a file may load nothing else."""
    text = f"globalThis.RT = globalThis.RT ?? {{}};\n(RT.data = RT.data ?? {{}}).{key} = {json.dumps(value)};\n"
    with whole_file(path) as temporary:
        temporary.write_text(text, "utf-8")


def write(folder: Path, names: Sequence[str] = LIVE) -> list[Path]:
    """Write `digits.js` and a script for each encoder into `folder`; returns the paths.

    Each sets a member of `RT.data`, named after the file. The probes are those of the chapters at their defaults.
    """
    data, encoders = digits(), [load_encoder(name) for name in names]
    heads = fit_probes([(encoder, data) for encoder in encoders], ProbeSettings())
    contents = {"digits": digits_data(data) | {"encoders": [short_name(name) for name in names]}}
    contents |= {short_name(e.name): encoder_data(e, head) for e, head in zip(encoders, heads, strict=True)}
    folder.mkdir(parents=True, exist_ok=True)
    for key, value in contents.items():
        _script(folder / f"{key}.js", key, value)
    return [folder / f"{key}.js" for key in contents]
