"""How many images each chapter sends forward and backward under the paper's profile: what its run will cost.

Run: RT_DATA=... python benchmarks/passes.py DATA,DATA,... (three labelled data sets that are there). The chapters run
as they are, at the profile's sizes, on a network that costs nothing and counts. Times an image's forward and backward
pass on your machine, that is the time of the attacks. Training is counted for `n_train` 1000.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jupytext
import yaml

from rt_utils.pages import execution

PROFILE = Path(__file__).resolve().parent.parent / "notebooks" / "profiles" / "paper.yaml"
COUNTED = """
import atexit, os
from dataclasses import replace
import torch
from rt_utils.models import catalogue
from rt_utils.models.frozen_encoder import Encoder

class Counting(torch.nn.Module):
    attacked = trained = seen = 0

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(48, 640)

    def forward(self, x):
        if not torch.is_grad_enabled():
            Counting.seen += len(x)
        elif self.layer.weight.requires_grad:
            Counting.trained += len(x)
        else:
            Counting.attacked += len(x)
        return self.layer(torch.nn.functional.adaptive_avg_pool2d(x, 4).flatten(1)).relu()

def counting(name, fold=True):
    torch.manual_seed(0)
    return Encoder(name, Counting(), input_size=32, width=640, weights_sha256=name)

for prefix, source in catalogue.SOURCES.items():
    catalogue.SOURCES[prefix] = replace(source, load=counting)
atexit.register(lambda: open("counts", "w").write(f"{Counting.attacked} {Counting.trained} {Counting.seen}"))
"""


def count(chapter: str, data: str) -> tuple[int, ...]:
    """Images attacked, trained on and seen without a gradient, each as often as it passes through the network."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "notebooks").mkdir()
        (Path(folder) / "_toc.yml").touch()
        for name in execution.chapters():
            (Path(folder) / "notebooks" / f"{name}.md").touch()
        source = execution.source(chapter).read_text("utf-8")
        counted = re.sub(r"^(?=page = Page\()", lambda _: COUNTED, source, count=1, flags=re.M)  # after the imports
        (Path(folder) / "notebooks" / f"{chapter}.md").write_text(counted, "utf-8")
        given = {"n_train": 1000, "workers": 1, "results": "out"}
        given["data"] = data.split(",")[0] if chapter == "audit" else data
        options = [str(text) for name, value in given.items() for text in ("-p", name, value)]
        command = [sys.executable, "-m", "rt_utils.cli", "run", chapter, "-q", "-f", str(PROFILE), *options]
        environment = os.environ | {"RT_CACHE": str(Path(folder) / "cache")}
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        return tuple(int(n) for n in (Path(folder) / "counts").read_text("utf-8").split())


def main() -> None:
    """Print the counts of every chapter that the profile holds for and that has an encoder."""
    refused = {name for name, value in yaml.safe_load(PROFILE.read_text("utf-8")).items() if value is None}
    print(f"{'chapter':34}{'attacked':>12}{'trained on':>12}{'seen':>12}")
    for chapter in execution.chapters():
        declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
        if chapter not in refused and declared.keys() & {"encoder", "encoders"}:
            attacked, trained, seen = count(chapter, sys.argv[1])
            print(f"{chapter:34}{attacked:12,}{trained:12,}{seen:12,}", flush=True)


if __name__ == "__main__":
    main()
