"""The attacks that a page runs on every point, and those that check them; what they find is in `finds`."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int8, Int64, UInt8
from torch import Tensor, nn

from rt_utils.evaluation import apgd, attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find, restored, stored
from rt_utils.evaluation.halving import HalvingSettings, halving
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import processes
from rt_utils.runtime.devices import Parts, device, placed
from rt_utils.theory.perturbations import allowed
from rt_utils.theory.threat import Threat

processes.preload(__name__)


@dataclass(frozen=True)
class AttackPlan:
    """What a page runs on every point, and on how many points a stronger search checks it (the attack floor)."""

    representation: PGDSettings | HalvingSettings = field(default_factory=lambda: HalvingSettings.of_shift(5, 100))
    loss: PGDSettings | HalvingSettings = field(default_factory=lambda: HalvingSettings.of_loss(5, 100))
    predicted: PGDSettings = field(default_factory=lambda: PGDSettings(steps=20))
    paper: PGDSettings = field(default_factory=lambda: PGDSettings(steps=20, rel_stepsize=0.7, decay=False))
    floor: PGDSettings = field(default_factory=lambda: PGDSettings(steps=100, restarts=5, seed=1))
    floor_points: int = 64  # for the shift; half as many for the loss, which costs each head anew
    apgd_steps: int = 100
    apgd_points: int = 100  # for the robust accuracy and the paper's attacks: 100 points resolve one percentage point
    # On the margin between logits, at points that the search for the loss left right: for the robust accuracy.
    margin: HalvingSettings | None = None
    # Aimed at the head's own subspace, where a page speaks of it; the other attacks' finds are kept without it.
    subspace: PGDSettings | None = field(default=None, repr=False)

    @property
    def loss_floor_points(self) -> int:
        """On how many points the stronger search for the loss runs."""
        return math.ceil(self.floor_points / 2)


class Finder:
    """Evaluates what attacks return, once, as clean images are evaluated."""

    def __init__(self, encoder: Encoder, images: UInt8[Tensor, "n c h w"], threat: Threat) -> None:
        self.encoder, self.threat = placed(encoder), threat
        self.x = (images.float() / 255).contiguous(memory_format=torch.channels_last).to(device())
        self.finds: list[Find] = []
        self.parts = Parts()

    def add(
        self,
        kind: str,
        index: Int64[Tensor, " k"],
        attack: Callable[[Int64[Tensor, " j"]], Iterable[Float[Tensor, "j c h w"]]],
        *,
        keep: bool = False,
    ) -> None:
        """What `attack` finds at the points `index`; `keep` its perturbations too.

        Raises RuntimeError if an image lies outside the threat.
        """

        def work(of_index: slice) -> None:
            part = index[of_index]
            for images in attack(part):
                outside = ~allowed(self.threat, self.x[part], images)
                if outside.any():
                    raise RuntimeError(f"{int(outside.sum())} images of the {kind} attack lie outside {self.threat}")
                delta = stored(images - self.x[part]) if keep else None
                self.finds.append(Find(kind, part.numpy(), self.encoder.features(images).numpy(), delta))

        if len(index) and self.threat.eps:  # with eps = 0 there is nothing but the clean image
            self.parts(work, len(index))


def search_representation(
    encoder: Encoder,
    images: UInt8[Tensor, "n 3 h w"],
    threat: Threat,
    kind: str,
    settings: PGDSettings | HalvingSettings,
) -> list[Find]:
    """What needs neither labels nor a head: attacks on ||f_theta(x + delta) - f_theta(x)||_2, found as `kind`."""
    finder, everyone = Finder(encoder, images, threat), torch.arange(len(images))

    def attack(part: Int64[Tensor, " j"]) -> Iterable[Float[Tensor, "j c h w"]]:
        x = finder.x[part]
        if isinstance(settings, PGDSettings):
            return attacks.representation_pgd(finder.encoder, x, threat, settings)
        return [halving(attacks.shifts_from(finder.encoder, x), x, threat, settings)]

    finder.add(kind, everyone, attack, keep=isinstance(settings, HalvingSettings))
    return finder.finds


def search_loss(
    encoder: Encoder,
    head: Head,
    images: UInt8[Tensor, "n 3 h w"],
    y: Int64[Tensor, " n"],
    threat: Threat,
    plan: AttackPlan,
    first: int,
    shifted: Int8[np.ndarray, "n c h w"] | None = None,
) -> list[Find]:
    """The part of the plan that attacks the cross-entropy of the predictor, and its accuracy by APGD.

    `first` is the number of the first of the n points in its data set; `shifted`: the perturbations that the search
    for the shift found, from which that for the loss starts too (Find.delta).
    """
    finder, everyone = Finder(encoder, images, threat), torch.arange(len(images))
    model = nn.Sequential(finder.encoder, head.module().to(device())).eval()
    reached = finder.x.clone()  # where the search for the loss ended
    predicted = head.logits(finder.encoder.features(finder.x)).argmax(1)

    def loss_attack(
        labels: Int64[Tensor, " n"], settings: PGDSettings | HalvingSettings, part: Int64[Tensor, " j"]
    ) -> Iterable[Float[Tensor, "j 3 h w"]]:
        x, its = finder.x[part], labels[part].to(device())
        if isinstance(settings, PGDSettings):
            return attacks.loss_pgd(model, x, its, threat, settings)
        given = [] if shifted is None else [restored(shifted[part.numpy()], x, threat)]
        reached[part] = halving(attacks.losses_of(model, its), x, threat, settings, given)
        return [reached[part]]

    def margin_attack(settings: HalvingSettings, part: Int64[Tensor, " j"]) -> list[Float[Tensor, "j 3 h w"]]:
        x, margins = finder.x[part], attacks.losses_of(model, y[part].to(device()), attacks.margin)
        return [halving(margins, x, threat, settings, [reached[part]])]

    def left(some: Int64[Tensor, " k"], finds: Sequence[Find]) -> Int64[Tensor, " j"]:
        """Of some points those whose label none of these finds takes away."""
        lost = torch.zeros(len(images), dtype=torch.bool)
        for find in finds:
            lost[find.index] |= head.logits(torch.from_numpy(find.z)).argmax(1) != y[find.index]
        return some[~lost[some]]

    def autoattack(loss: str, part: Int64[Tensor, " j"]) -> list[Float[Tensor, "j 3 h w"]]:
        x, labels = finder.x[part], y[part].to(device())
        return [apgd.apgd(model, x, labels, threat, loss=loss, steps=plan.apgd_steps, seed=plan.floor.seed)]

    for kind, settings, labels, some in (
        ("loss", plan.loss, y, everyone),
        # Where the true label is lost already, Theorem 2 still speaks of the predicted one.
        ("predicted", plan.predicted, predicted, everyone[predicted != y]),
        ("loss_floor", plan.floor, y, everyone[first + everyone < plan.loss_floor_points]),
        ("paper_loss", plan.paper, y, everyone[first + everyone < plan.apgd_points]),
    ):
        finder.add(kind, some, partial(loss_attack, labels, settings))
        if kind == "loss" and plan.margin and head.weight.shape[0] > 2:  # of two classes both have the same maximum
            finder.add("margin", left(everyone[predicted == y], finder.finds), partial(margin_attack, plan.margin))
    some = everyone[first + everyone < plan.apgd_points]
    for loss in ("ce", "dlr") if head.weight.shape[0] > 2 else ("ce",):
        before = len(finder.finds)
        finder.add("apgd", some, partial(autoattack, loss))
        some = left(some, finder.finds[before:])  # as AutoAttack does
    return finder.finds
