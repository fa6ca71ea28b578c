"""What a page leaves behind: the files of its results, and what made them."""

import html
import json
import os
import platform
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from rt_utils import ledger
from rt_utils.encoders import Encoder
from rt_utils.errors import InputError
from rt_utils.files import remove_leftovers, whole_file
from rt_utils.ledger import Claim
from rt_utils.measure import Measurement, table
from rt_utils.parameters import Parameters
from rt_utils.tables import Html


def save(folder: Path, measurements: Iterable[Measurement], claims: Iterable[Claim], parameters: Parameters) -> Html:
    """Write points.csv, points.npz, ledger.csv and parameters.json to `folder`, each whole or not at all.

    points.npz holds, per encoder and data set, the features, shifted features, head and labels from which every
    number of points.csv follows. Returns the links for the page. Raises InputError where nothing can be written.
    """
    measurements = list(measurements)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder, ".*.partial")
        frame = pd.concat([table(m) for m in measurements], ignore_index=True)
        arrays = {f"{m.encoder}|{m.data}|{key}": value for m in measurements for key, value in m.arrays().items()}
        with whole_file(folder / "points.csv") as partial:
            frame.to_csv(partial, index=False, float_format="%.9g", lineterminator="\n")
        with whole_file(folder / "points.npz") as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        with whole_file(folder / "parameters.json") as partial:
            partial.write_text(json.dumps(vars(parameters), indent=2) + "\n", "utf-8")
        ledger.write(claims, folder / "ledger.csv")
    except OSError as error:
        raise InputError(f"cannot write the results to {str(folder)!r}: {error.strerror or error}") from None
    names = ("points.csv", "points.npz", "ledger.csv", "parameters.json")
    in_book = folder.parts[:2] == ("results", "book")  # the build puts that folder beside the pages
    links = " · ".join(f'<a href="../{folder.as_posix()}/{n}" download>{n}</a>' if in_book else n for n in names)
    shown = html.escape(folder.as_posix())
    return Html(
        f'<p class="rt-downloads">Files of this run: {links} <small>(in {shown})</small></p>', f"wrote {folder}"
    )


def provenance(
    parameters: Parameters, encoders: Iterable[Encoder], measurements: Iterable[Measurement], started: float
) -> Html:
    """What made the numbers of a page: parameters, weights, data, versions, machine, and the time since `started`."""
    seconds = time.perf_counter() - started
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {os.cpu_count()} cores"
    packages = ("torch", "torchvision", "foolbox", "pyautoattack", "numpy", "scikit-learn")
    data = {m.data: m.fingerprint for m in measurements}
    facts = {
        "parameters": ", ".join(f"{name} = {value}" for name, value in vars(parameters).items() if name != "results"),
        "run key": parameters.key(),
        "weights (SHA-256)": ", ".join(f"{e.name} {e.weights_sha256[:12]}" for e in encoders),
        "data (fingerprint)": ", ".join(f"{name} {digest}" for name, digest in data.items()),
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
        ),
        "hardware": f"{device}, {platform.machine()}",
        "time": f"{seconds:.0f} s, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}",
    }
    rows = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts.items())
    source = f'<details class="rt-provenance"><summary>What made these numbers</summary><dl>{rows}</dl></details>'
    return Html(source, "\n".join(f"{key}: {value}" for key, value in facts.items()))
