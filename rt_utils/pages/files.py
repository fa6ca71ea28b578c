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
from rt_utils.pages import csv_text, ledger
from rt_utils.pages.ledger import Claim
from rt_utils.pages.parameters import Parameters
from rt_utils.pages.tables import Html
from rt_utils.runtime import code_digest
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import remove_leftovers, whole_file

FILES = ("points.csv", "points.npz", "classes.csv", "ledger.csv", "parameters.json", "run.json")
_OPTIONAL = (*FILES[:2], "audit.json", "audit.csv")  # of a run that does not list its files, as older ones do not


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


def _write(path: Path, content: Any) -> None:
    """A frame as CSV, arrays as .npz, anything else as JSON."""
    if isinstance(content, pd.DataFrame):
        return csv_text.write(content, path)
    with whole_file(path) as partial:
        if path.suffix == ".npz":
            with partial.open("wb") as file:
                np.savez_compressed(file, **content)
            return
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")


def _before(folder: Path) -> set[str]:
    """The files of the run that the folder holds, in which another may have left more."""
    try:
        facts = json.loads((folder / "run.json").read_text("utf-8"))
        if "run key" not in facts:  # another program's
            return set()
        names = {Path(name).name for name in facts.get("files", ", ".join(_OPTIONAL)).split(", ")}
        return {name for name in names if name.endswith((".csv", ".json", ".npz"))}
    except (OSError, ValueError, AttributeError, TypeError):
        return set()  # no run's folder: what lies there is the user's


def _arrays(m: Measurement) -> dict[str, np.ndarray]:
    """For points.npz: `labels` count `classes`."""
    return m.arrays() | {"classes": np.array(m.classes, dtype=np.str_)}


def _classes(sets: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Which class each label stands for, for every data set."""
    rows = [(name, label, of) for name, classes in sets.items() for label, of in enumerate(classes)]
    return pd.DataFrame(rows, columns=["data", "label", "class"])


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
    """Write the FILES of a run to `folder`, each whole or not at all; those of an earlier run there are removed.

    points.npz holds, per encoder and data set, the features, shifted features, head, labels and class names from which
    every number of points.csv follows; without measurements the page gives its own `data` and `points` (frame and
    arrays), or there are none. `beside`: further files, by name: a frame, or what JSON can hold. Returns, for the page,
    the links and what made the numbers; `started` is the page's first time.perf_counter(). Raises InputError where
    nothing can be written.
    """
    measurements, data = list(measurements), list(data)
    prints = {m.data: m.fingerprint for m in measurements} | {d.name: d.fingerprint for d in data}
    facts = _facts(parameters, encoders, prints, time.perf_counter() - started)
    classes = _classes({d.name: d.classes for d in data} | {m.data: m.classes for m in measurements})
    written: dict[str, Any] = {}
    if measurements:
        frame = pd.concat([table(m) for m in measurements], ignore_index=True)
        points = frame, {f"{m.encoder}|{m.data}|{key}": a for m in measurements for key, a in _arrays(m).items()}
    if points:
        written |= {"points.csv": points[0], "points.npz": points[1]}
    if len(classes):
        written["classes.csv"] = classes
    written |= {**beside, "parameters.json": vars(parameters)}
    files = [name for name in (*beside, *FILES) if name in (*written, "ledger.csv", "run.json")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder, ".*.partial")
        for name in _before(folder) - {*files}:
            (folder / name).unlink(missing_ok=True)
        for name, content in written.items():
            _write(folder / name, content)
        ledger.write(claims, folder / "ledger.csv")
        _write(folder / "run.json", facts | {"files": ", ".join(files)})
    except OSError as error:
        raise InputError(f"cannot write the results to {str(folder)!r}: {error.strerror or error}") from None
    in_book = folder.parts[:2] == ("results", "book")  # the build puts that folder beside the pages
    links = " · ".join(f'<a href="../{folder.as_posix()}/{n}" download>{n}</a>' if in_book else n for n in files)
    shown = html.escape(folder.as_posix())
    return Html(
        f'<p class="rt-downloads">Files of this run: {links} <small>(in {shown})</small></p>'
        + provenance("What made these numbers", facts),
        "\n".join([f"wrote {folder}", *(f"{key}: {value}" for key, value in facts.items())]),
    )
