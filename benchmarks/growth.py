"""How a page's searches grow with the points: seconds and peak memory of ten times the points, at 32 to 256 pixels.

Run: python benchmarks/growth.py [--sizes 32,64,128,256] [--chunks K] [--json FILE]. Each size is measured with the
points of a few chunks and with ten times as many, each in a process of its own, which computes alone and keeps nothing.
Images are noise, of which there are as many as are asked for. Time is what the processor spent on `measure.measure`, so
that other work does not count; memory is the most that the process ever held. Ten times the points should take at most
11 times the time, and the same memory within 20%.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from ratios import show

TEN, TIME, MEMORY = 10, 11.0, 1.2
SIZES = (32, 64, 128, 256)


def measured(size: int, points: int) -> dict[str, float]:
    """Seconds and bytes of one measurement of so many images of this size, in this process."""
    from rt_utils.evaluation.halving import HalvingSettings
    from rt_utils.evaluation.measure import fit_probes, measure
    from rt_utils.evaluation.probe import ProbeSettings
    from rt_utils.evaluation.search import AttackPlan
    from rt_utils.images.data_set import DataSet, Split
    from rt_utils.models.catalogue import load_encoder
    from rt_utils.models.frozen_encoder import Encoder
    from rt_utils.theory.threat import Threat

    torch.set_num_threads(1)
    own = load_encoder("embedded/robust")  # its network takes images of any size
    sha = f"{own.weights_sha256}, {size}"
    encoder = Encoder(f"{own.name}, {size}", own.network, input_size=size, width=own.width, weights_sha256=sha)
    draw = torch.Generator().manual_seed(0)

    def split(n: int) -> Split:
        return Split(torch.randint(0, 256, (n, 3, size, size), generator=draw).to(torch.uint8), torch.arange(n) % 10)

    data = DataSet("noise", tuple("0123456789"), split(40), split(points), f"noise, {size}, {points}")
    (head,) = fit_probes([(encoder, data)], ProbeSettings(epochs=2), workers=1)
    plan = AttackPlan(HalvingSettings.of_shift(1, 6), HalvingSettings.of_loss(1, 6), floor_points=0, apgd_points=0)
    before = time.process_time()
    measure([(encoder, head, data)], Threat("linf", 8 / 255), plan, workers=1)
    seconds = time.process_time() - before
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": seconds, "bytes": float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)}


def alone(size: int, points: int) -> dict[str, float]:
    """The same in a process of its own, with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"RT_CACHE": folder, "RT_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, "--one", str(size), str(points)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def growth(sizes: list[int], chunks: int) -> pd.DataFrame:
    """One row a size: what few points and ten times as many took, and the ratios."""
    from rt_utils.evaluation.measure import CHUNK

    rows = []
    for size in sizes:
        few = chunks * max(4, CHUNK["cpu"] * 32**2 // size**2)
        one, ten = alone(size, few), alone(size, TEN * few)
        row = {"pixels": size, "points": few, "seconds": one["seconds"], f"seconds, {TEN} times": ten["seconds"]}
        row |= {"MB": one["bytes"] / 1e6, f"MB, {TEN} times": ten["bytes"] / 1e6}
        rows.append(row | {"time": ten["seconds"] / one["seconds"], "memory": ten["bytes"] / one["bytes"]})
    return pd.DataFrame(rows)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--chunks", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(*given.one)))
        return
    rows = growth([int(size) for size in given.sizes.split(",")], given.chunks)
    print(rows.round(3).to_string(index=False), file=sys.stderr)
    held = {"time": bool((rows["time"] <= TIME).all()), "memory": bool((rows["memory"] <= MEMORY).all())}
    show({"rows": rows.to_dict("records"), "held": held}, given.json)


if __name__ == "__main__":
    main()
