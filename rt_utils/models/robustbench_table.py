"""RobustBench's own clean accuracies: read from the tables of the description that comes with its package."""

import functools
import re
from importlib import metadata

from rt_utils.models.robustbench import DOUBLED

_DATA = {"CIFAR-10": "cifar10", "CIFAR-100": "cifar100", "ImageNet": "imagenet"}
_ROW = re.compile(r"\*\*([\w.+-]+)\*\*</sup></sub>.*?<sub>([\d.]+)%</sub>")


@functools.cache
def _accuracies() -> dict[str, float]:
    """By full name, as shares."""
    text, found, data, threat = str(metadata.metadata("robustbench")["Description"]), dict[str, float](), "", ""
    for line in text.splitlines():
        if line.startswith("### "):
            data = _DATA.get(line.removeprefix("### ").strip(), "")
        elif line.startswith("#### "):
            threat = line.removeprefix("#### ").partition(",")[0].strip()
            threat = "corruptions" if "orruptions" in threat else threat
        elif data and (row := _ROW.search(line)):
            found[f"robustbench/{data}/{threat}/{row[1]}"] = float(row[2]) / 100
    return found


def clean_accuracy(name: str) -> float | None:
    """RobustBench's clean accuracy of its own head, as a share; None where its tables have none for that name.

    A name that ends in another input size or range has none either: they change what the network sees.
    """
    try:
        return None if name.endswith(DOUBLED) else _accuracies().get(name)
    except metadata.PackageNotFoundError:
        return None
