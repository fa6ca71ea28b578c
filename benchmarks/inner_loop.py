"""The inner loop of the attacks against a bare one: the time of an image's gradient, and what a budget of them reaches.

Run: python benchmarks/inner_loop.py [--json FILE]. The bare loop has frozen parameters and the same memory format, and
records nothing: a gradient, a sign step, two clamps. Quote the ratios, which are taken round by round in one run.
With `--torchattacks PYTHON` that package too, in an environment of its own: `peer.py` says how that is made.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import foolbox as fb
import pandas as pd
import torch
from ratios import against, in_turn, show
from torch import Tensor, nn

from rt_utils.evaluation.apgd import apgd
from rt_utils.evaluation.attacks import PGDSettings, loss_pgd
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory.threat import Threat

EPS, REL_STEPSIZE = 8 / 255, 0.7  # of the comparison at equal evaluations: the paper's steps
SEEDS = 5


class Counting(nn.Module):
    """Counts the images that pass with a gradient."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.images = model, 0

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.requires_grad:
            self.images += len(x)
        logits: Tensor = self.model(x)
        return logits


def bare(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> Tensor:
    """PGD on the cross-entropy, and nothing else."""
    low, high = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1)
    found = (x + EPS * torch.randn_like(x).sign()).clamp(0, 1)
    for _ in range(steps):
        found.requires_grad_()
        loss = nn.functional.cross_entropy(model(found), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, found)
        found = (found.detach() + REL_STEPSIZE * EPS * gradient.sign()).clamp(low, high)
    return found


def with_foolbox(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> Tensor:
    """foolbox's own PGD. It differentiates with respect to the parameters too, unless they are frozen."""
    attack = fb.attacks.LinfPGD(steps=steps, rel_stepsize=REL_STEPSIZE)
    _, found, _ = attack(fb.PyTorchModel(model, bounds=(0, 1)), x, y, epsilons=EPS)
    return found.detach()


def with_book(model: nn.Module, x: Tensor, y: Tensor, steps: int, seed: int = 0, *, decay: bool = False) -> Tensor:
    """This book's PGD, with the paper's steps, or with its own, which decay."""
    own = {"decay": True} if decay else {"decay": False, "rel_stepsize": REL_STEPSIZE}
    (found,) = loss_pgd(model, x, y, Threat("linf", EPS), PGDSettings(steps=steps, seed=seed, **own))
    return found


def reaches(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> dict[str, float]:
    """The cross-entropy that foolbox's PGD finds, and with how few evaluations this book's PGD finds as much."""

    def value(found: Tensor) -> float:
        with torch.no_grad():
            return nn.functional.cross_entropy(model(found), y).item()

    def best(attack: Callable[[int], Tensor]) -> float:
        return statistics.mean(value(attack(seed)) for seed in range(SEEDS))

    def foolbox(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return with_foolbox(model, x, y, steps)

    def reached(budget: int, seed: int) -> Tensor:
        return with_book(model, x, y, budget, seed, decay=True)

    target, fewest = best(foolbox), float("nan")
    for budget in range(1, steps + 1):
        if best(partial(reached, budget)) >= target:
            fewest = budget
            break
    full = best(partial(reached, steps))
    return {"foolbox": target, "this book's PGD": full, "evaluations": steps, "as much with": fewest}


def models(n_train: int, images: int) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """The robust encoder with its linear probe, frozen and as foolbox's users have it; digits and labels."""
    encoder = load_encoder("embedded/robust")
    data = load_data_set("digits", size=32, n_train=n_train, n_test=images, seed=0)
    (head,) = fit_probes([(encoder, data)], ProbeSettings(), workers=1)

    def model() -> nn.Module:
        return nn.Sequential(load_encoder("embedded/robust"), head.module()).eval()

    frozen, free = model().requires_grad_(False), model().requires_grad_(True)
    x = data.test.pixels().contiguous(memory_format=torch.channels_last)
    return frozen, free, x, data.test.required_labels()


def measure(images: int, steps: int, rounds: int, n_train: int = 1000) -> dict[str, Any]:
    """Every loop at equal evaluations, pairwise against the bare one; and at equal objective."""
    frozen, free, x, y = models(n_train, images)
    loops: dict[str, tuple[nn.Module, Callable[[nn.Module], Tensor]]] = {
        "bare loop": (frozen, lambda model: bare(model, x, y, steps)),
        "this book's PGD": (frozen, lambda model: with_book(model, x, y, steps)),
        "foolbox, parameters frozen": (frozen, lambda model: with_foolbox(model, x, y, steps)),
        "foolbox as it comes": (free, lambda model: with_foolbox(model, x.contiguous(), y, steps)),
        "APGD-CE": (frozen, lambda model: apgd(model, x, y, Threat("linf", EPS), loss="ce", steps=steps)),
    }

    def work(name: str) -> float:
        model, attack = loops[name]
        counting = Counting(model).eval()
        attack(counting)
        return counting.images

    times = in_turn({name: partial(work, name) for name in loops}, rounds)
    return {
        "setting": {"images": images, "steps": steps, "rounds": rounds, "threads": torch.get_num_threads()},
        "seconds for an image's gradient, and the ratio to the bare loop": against(times, "bare loop"),
        "mean cross-entropy reached, and with how many evaluations": reaches(frozen, x, y, steps),
    }


def with_torchattacks(python: str, images: int, steps: int, rounds: int, n_train: int = 1000) -> dict[str, object]:
    """torchattacks against the bare loop, both in the other environment, on the same model, images and labels."""
    frozen, _, x, y = models(n_train, images)
    settings = {"eps": EPS, "size": REL_STEPSIZE, "steps": steps, "rounds": rounds}
    encoder, head = frozen.children()
    assert isinstance(encoder, Encoder)
    with tempfile.TemporaryDirectory() as folder:
        torch.jit.trace(nn.Sequential(encoder.network, head).eval(), x).save(str(Path(folder) / "model.pt"))
        torch.save((x, y), Path(folder) / "images.pt")
        (Path(folder) / "settings.json").write_text(json.dumps(settings), "utf-8")
        command = [python, str(Path(__file__).with_name("peer.py")), folder]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(against(pd.DataFrame(json.loads(done.stdout.splitlines()[-1])), "bare loop"))


def main() -> None:
    """Measure on one thread, print a table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("images", 96), ("steps", 20), ("rounds", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--torchattacks", metavar="PYTHON", help="the Python of an environment that has torchattacks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(options.images, options.steps, options.rounds)
    if options.torchattacks:
        found["torchattacks"] = with_torchattacks(options.torchattacks, options.images, options.steps, options.rounds)
    show(found, options.json)
    ratios = found["seconds for an image's gradient, and the ratio to the bare loop"]
    print(pd.DataFrame(ratios).T.to_string(float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
