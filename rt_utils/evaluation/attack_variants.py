"""Attacks as released code runs them, beside the book's: another pixel box, one step, small steps."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from rt_utils.evaluation.attacks import PGDSettings, loss_pgd, representation_pgd
from rt_utils.images.data_set import Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.input_range import doubled
from rt_utils.theory import statements
from rt_utils.theory.perturbations import Images, allowed, pgd_step, uniform_start
from rt_utils.theory.threat import Threat

# First step relative to eps of 20 constant steps: foolbox's default, which released code has, and the paper's.
STEP_SIZES = {"20 steps of eps / 30": 0.01 / 0.3, "20 steps of 0.7 eps": 0.7}
ONE_STEP = ("one step, from the image", "one step, random start")


def worst(
    network: nn.Module,
    head: Head,
    x: Float[Tensor, "n ..."],
    y: Int64[Tensor, " n"],
    on_shift: Iterable[Float[Tensor, "n ..."]] = (),
    on_loss: Iterable[Float[Tensor, "n ..."]] = (),
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """The largest shift over all images given, and whether x or an image of `on_loss` is misclassified."""
    with torch.no_grad():
        z = network(x).double()
    shifts, wrong = torch.zeros(len(x), dtype=torch.float64), head.logits(z).argmax(1) != y
    for images, counts in ((on_shift, False), (on_loss, True)):
        for found in images:  # attacks run here, with gradients
            with torch.no_grad():
                z_found = network(found).double()
            shifts = torch.maximum(shifts, statements.shift(z, z_found))
            if counts:
                wrong |= head.logits(z_found).argmax(1) != y
    return shifts, wrong


def _model(network: nn.Module, head: Head) -> nn.Sequential:
    return nn.Sequential(network, head.module()).eval()


def wider_box(encoder: Encoder, head: Head, test: Split, threat: Threat, settings: PGDSettings) -> dict[str, float]:
    """AS score and robust accuracy with perturbed pixels kept in [0, 1], and in [-1, 1]; dark: the share below eps.

    Seen from u = (x + 1) / 2 the wider box is [0, 1], and the radius half as large.
    """
    x, y = test.pixels(), test.required_labels()
    row = {"dark": (x < threat.eps).float().mean().item() if threat.norm == "linf" else math.nan}
    for label, network, start, within in (
        ("[0, 1]", encoder, x, threat),
        ("[−1, 1]", doubled(encoder), (x + 1) / 2, Threat(threat.norm, threat.eps / 2)),
    ):
        on_shift = representation_pgd(network, start, within, settings)
        on_loss = loss_pgd(_model(network, head), start, y, within, settings)
        shifts, wrong = worst(network, head, start, y, on_shift, on_loss)
        row |= {f"AS {label}": shifts.mean().item(), f"robust acc. {label}": 1 - wrong.double().mean().item()}
    return row


def one_step(
    encoder: Encoder, x: Images, start: Images, threat: Threat, objective: Callable[[Tensor], Tensor]
) -> Images:
    """One step of length eps up `objective`, of features, from `start`; cut to the ball around x and to the box."""
    if not threat.eps:
        return x
    start = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(encoder(start)).sum(), start)
    return pgd_step(start.detach(), gradient, x, threat, 1.0).clamp(0, 1)


def weaker_attacks(encoder: Encoder, head: Head, test: Split, threat: Threat, seed: int) -> list[dict[str, Any]]:
    """AS score by attacks on the representation, robust accuracy by those on the loss: one step, and STEP_SIZES.

    Random starts are uniform in the ball. The shift has no gradient at the clean image, so the released code
    differentiates ||z - z0^1.00001||_2 instead. Raises RuntimeError where a step left the threat.
    """
    x, y = test.pixels(), test.required_labels()
    with torch.no_grad():
        z0 = encoder(x)

    def random(generator_seed: int) -> Images:
        return uniform_start(threat, x, torch.Generator().manual_seed(generator_seed))

    steps = {
        ONE_STEP[0]: one_step(encoder, x, x, threat, lambda z: (z - z0**1.00001).norm(dim=1)),
        ONE_STEP[1]: one_step(encoder, x, random(seed).clamp(0, 1), threat, lambda z: (z - z0).norm(dim=1)),
    }
    rows: list[dict[str, Any]] = []
    for label, found in steps.items():
        if not allowed(threat, x, found).all():
            raise RuntimeError(f"{label}: an image lies outside {threat}")
        shifts, _ = worst(encoder, head, x, y, [found])
        rows.append({"attack": label, "AS": shifts.mean().item(), "robust acc.": math.nan})
    for label, size in STEP_SIZES.items():
        settings = PGDSettings(steps=20, rel_stepsize=size, decay=False, seed=seed)
        start = random(seed * 1_000_003)
        shifts, _ = worst(encoder, head, x, y, representation_pgd(encoder, x, threat, settings, start))
        on_loss = loss_pgd(_model(encoder, head), x, y, threat, settings, start=start)
        _, wrong = worst(encoder, head, x, y, (), on_loss)
        rows.append({"attack": label, "AS": shifts.mean().item(), "robust acc.": 1 - wrong.double().mean().item()})
    return rows
