"""A run in a few words, from its parameters, for the line that opens what made it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from rt_utils.pages.wording import enumeration
from rt_utils.theory.threat import format_eps

Summary = Mapping[str, Any]


def _radius(parameters: Summary) -> str:
    norm = parameters.get("norm", "")
    radius = format_eps(float(Fraction(parameters["eps"])), norm or "linf")
    return f"{norm.replace('l', 'l_', 1)} {radius}" if norm else f"eps {radius}"


def _probe(run: Summary) -> str:
    """How a run fits its linear probes; empty where it says nothing of that."""
    if not all(run.get(name) for name in ("n_train", "probe_epochs", "probe_lr")):
        return ""
    return f"probe: up to {run['n_train']} training images, {run['probe_epochs']} epochs at rate {run['probe_lr']:g}"


def in_words(*runs: Summary) -> str:
    """Runs in a few words, from their parameters: "embedded, l_inf 8/255, up to 500 images a data set; probe: ..."."""
    said = [str(runs[0].get("profile", "unknown"))]
    if radii := dict.fromkeys(_radius(run) for run in runs if run.get("eps")):
        said.append(enumeration(list(radii)))
    if numbers := [run["n_test"] for run in runs if run.get("n_test")]:
        said.append(f"up to {max(numbers)} images a data set")
    probes = dict.fromkeys(filter(None, map(_probe, runs)))
    return "; ".join([", ".join(said), *probes])
