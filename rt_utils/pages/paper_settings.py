"""In what a run differs from the paper's settings, in one line computed from its parameters."""

import json
from functools import cache
from typing import Any

from rt_utils.pages.labels import listed, short_name
from rt_utils.pages.parameters import Parameters
from rt_utils.runtime.paths import PACKAGE
from rt_utils.theory.threat import Threat, format_eps

# What the paper's experiments are about; other chapters are this book's own, or about other papers.
ABOUT = (
    *("section_5_1_cross_entropy", "section_5_2_criterion", "section_6_1_as_score", "section_6_2_transfer_methods"),
    *("theorem_1_loss_gap", "theorem_2_criterion", "appendix_b5_distribution_shift", "appendix_paper_and_code"),
)
OWN = ("section_6_1_as_score", "appendix_b5_distribution_shift")  # these are about the images of the pretraining too
ROLI = "roli"
ALL = 50_000  # training images of the smallest of the paper's CIFAR and Fashion-MNIST sets
WORDS = {
    "probe_epochs": "probe trained for {here} epochs (there {there})",
    "probe_lr": "at rate {here:g} (there {there:g})",
    "ft_epochs": "finetuning for {here} epochs (there {there})",
    "ft_lr": "at rate {here:g} (there {there:g})",
    "batch": "batches of {here} (there {there})",
    "probe_mode": "the encoder in {here} mode while its probe is fitted (there {there})",
    "score_batch": "beside the criterion also a test by the mean shift of {here} images (there each point's)",
    "norm": "norm {here} (there {there})",
}


@cache
def settings() -> dict[str, Any]:
    """The paper's, of its `cifar100` and `imagenet` encoder, and of its `attack`."""
    content: dict[str, Any] = json.loads((PACKAGE / "pages" / "paper_settings.json").read_text("utf-8"))
    return content


def from_hua(p: Parameters) -> list[str]:
    """In what a run of RoLI's chapter is smaller than the experiments of Hua et al., in words."""
    there, found = settings()["hua"], list[str]()
    if hasattr(p, "encoders"):
        found.append(f"encoders {listed(p.encoders)} (there Swin-B and ViT-B)")
    if hasattr(p, "n_train"):
        found.append(f"at most {p.n_train} training images (there {there['n_train']})")
    if hasattr(p, "ft_epochs"):
        found.append(
            f"finetuning for {p.ft_epochs} epochs, the last one taken (there {there['ft_epochs']}, the best one)"
        )
    return [*found, f"at most {p.n_test} test images"] if hasattr(p, "n_test") else found


def differences(p: Parameters, chapter: str = "") -> list[str]:
    """Each difference in words; the paper's ImageNet encoder where the run has one, else its CIFAR-100 encoder."""
    given = [*getattr(p, "encoders", []), *([p.encoder] if hasattr(p, "encoder") else [])]
    there = settings()["imagenet" if any("imagenet" in name for name in given) else "cifar100"]
    found = []
    if other := [name for name in given if name not in there["encoders"]]:
        found.append(f"encoders {listed(other)} (there {short_name(there['encoders'][0])})")
    data = [there["pretraining"]] * (chapter in OWN) + there["data"]
    if hasattr(p, "data") and (sets := [name for name in p.data if name not in data]):
        found.append(f"data {', '.join(sets)} (there {', '.join(data)})")
    if hasattr(p, "eps") and hasattr(p, "norm"):
        threat = Threat.parse(there["norm"], there["eps"])
        if abs(p.eps - threat.eps) > 1e-12:
            found.append(f"radius {format_eps(p.eps, p.norm)} (there {there['eps']})")
    if hasattr(p, "n_train") and p.n_train < ALL:
        found.append(f"at most {p.n_train} training images (there all)")
    for name, words in WORDS.items():
        if hasattr(p, name) and getattr(p, name) != there[name]:
            found.append(words.format(here=getattr(p, name), there=there[name]))
    attack = settings()["attack"]
    if hasattr(p, "steps") and hasattr(p, "rel_stepsize"):
        found.append(
            f"stronger attacks (there {attack['steps']} steps of {attack['rel_stepsize']:g} ε from one start: they run "
            "beside ours)"
        )
    if hasattr(p, "n_test"):
        found.append(f"at most {p.n_test} test images (there not said)")
    return found


def from_whom(chapter: str, p: Parameters) -> tuple[str, list[str]]:
    """The paper whose experiments a chapter is about, and in what the run differs; nothing where there is none."""
    if chapter in ABOUT:
        return "the paper", differences(p, chapter)
    return ("Hua et al.", from_hua(p)) if chapter == ROLI else ("", [])


def line(chapter: str, p: Parameters) -> str:
    """The line that stands under the title of a chapter about a paper's experiments; empty for the others."""
    whom, found = from_whom(chapter, p)
    return f"This run (profile {p.profile}) differs from {whom} in: {'; '.join(found)}." if found else ""
