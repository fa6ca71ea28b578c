"""What a page leaves behind: the files of its results, and what made them."""

import html
import json
import os
import platform
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch

from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import ledger
from rt_utils.pages.ledger import Claim
from rt_utils.pages.parameters import Parameters
from rt_utils.pages.tables import Html
from rt_utils.runtime import code_digest
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import remove_leftovers, whole_file

FILES = ("points.csv", "points.npz", "ledger.csv", "parameters.json", "run.json")


def _facts(
    parameters: Parameters, encoders: Iterable[Encoder], data: Mapping[str, str], seconds: float
) -> dict[str, str]:
    """What made the numbers of a page."""
    encoders = list(encoders)
    loaded = "; ".join(f"{e.name}: {', '.join(e.notes)}" for e in encoders if e.notes)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {os.cpu_count()} cores"
    packages = ("torch", "torchvision", "foolbox", "pyautoattack", "numpy", "scikit-learn")
    return {
        "parameters": ", ".join(f"{name} = {value}" for name, value in vars(parameters).items() if name != "results"),
        "run key": parameters.key(),
        "weights (SHA-256)": ", ".join(f"{e.name} {e.weights_sha256[:12]}" for e in encoders) or "none",
        **({"loaded": loaded} if loaded else {}),
        "data (fingerprint)": ", ".join(f"{name} {digest}" for name, digest in data.items()) or "none",
        "code (digest)": code_digest.digest(code_digest.all_modules()),
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
        ),
        "hardware": f"{device}, {platform.machine()}",
        "time": f"{seconds:.0f} s",
        "finished (UTC)": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def provenance(title: str, facts: Mapping[str, str]) -> str:
    """The folded box that says what made a run's numbers, as HTML."""
    rows = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts.items())
    return f'<details class="rt-provenance"><summary>{html.escape(title)}</summary><dl>{rows}</dl></details>'


def _write_beside(path: Path, content: pd.DataFrame | Mapping[str, Any]) -> None:
    """A frame as CSV, anything else as JSON."""
    with whole_file(path) as partial:
        if isinstance(content, pd.DataFrame):
            content.to_csv(partial, index=False, float_format="%.9g", lineterminator="\n")
        else:
            partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")


def save(
    folder: Path,
    parameters: Parameters,
    encoders: Iterable[Encoder],
    measurements: Iterable[Measurement],
    claims: Iterable[Claim],
    started: float,
    *,
    data: Iterable[DataSet] = (),
    points: tuple[pd.DataFrame, Mapping[str, np.ndarray]] | None = None,
    beside: Mapping[str, Any] = MappingProxyType({}),
) -> Html:
    """Write points.csv, points.npz, ledger.csv, parameters.json and run.json to `folder`, each whole or not at all.

    points.npz holds, per encoder and data set, the features, shifted features, head and labels from which every
    number of points.csv follows; without measurements the page gives its own `data` and `points` (frame and arrays), or
    there are none. `beside`: further files, by name: a frame, or what JSON can hold. Returns, for the page, the links
    and what made the numbers; `started` is the page's first time.perf_counter(). Raises InputError where nothing can be
    written.
    """
    measurements = list(measurements)
    prints = {m.data: m.fingerprint for m in measurements} | {d.name: d.fingerprint for d in data}
    facts = _facts(parameters, encoders, prints, time.perf_counter() - started)
    if measurements:
        frame = pd.concat([table(m) for m in measurements], ignore_index=True)
        points = frame, {f"{m.encoder}|{m.data}|{key}": a for m in measurements for key, a in m.arrays().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder, ".*.partial")
        if points:
            with whole_file(folder / "points.csv") as partial:
                points[0].to_csv(partial, index=False, float_format="%.9g", lineterminator="\n")
            with whole_file(folder / "points.npz") as partial, partial.open("wb") as file:
                np.savez_compressed(file, **points[1])  # type: ignore[arg-type]
        for name, content in (("parameters.json", vars(parameters)), ("run.json", facts)):
            with whole_file(folder / name) as partial:
                partial.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        for name, further in beside.items():
            _write_beside(folder / name, further)
        ledger.write(claims, folder / "ledger.csv")
    except OSError as error:
        raise InputError(f"cannot write the results to {str(folder)!r}: {error.strerror or error}") from None
    files = (*beside, *(FILES if points else FILES[2:]))
    in_book = folder.parts[:2] == ("results", "book")  # the build puts that folder beside the pages
    links = " · ".join(f'<a href="../{folder.as_posix()}/{n}" download>{n}</a>' if in_book else n for n in files)
    shown = html.escape(folder.as_posix())
    return Html(
        f'<p class="rt-downloads">Files of this run: {links} <small>(in {shown})</small></p>'
        + provenance("What made these numbers", facts),
        "\n".join([f"wrote {folder}", *(f"{key}: {value}" for key, value in facts.items())]),
    )


def save_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Further tables of a page, beside its files: CSV by file name, nine digits, each whole or not at all."""
    for name, frame in tables.items():
        with whole_file(folder / name) as partial:
            frame.to_csv(partial, index=False, float_format="%.9g", lineterminator="\n")
