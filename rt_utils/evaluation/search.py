"""Everything the attacks find at a batch of points, as features, and the best of it per point.

Per point the shift and the loss are each the maximum over every perturbation that any attack found, the clean input
included. With that, the theorems' inequalities hold by their own algebra: a point that breaks one shows a mistake in
the code. What the maximum does not give is an upper bound on the true one.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from rt_utils.evaluation import apgd, attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import processes
from rt_utils.runtime.devices import Parts, device, placed
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.perturbations import allowed
from rt_utils.theory.threat import Threat

processes.preload(__name__)

# Which columns each attack's finds count for, beside the overall best: of the page's own attacks, of the stronger
# search (the attack floor), of the paper's attacks.
PAGE = ("representation", "loss", "predicted")
SHIFT_COLUMNS = {**dict.fromkeys(PAGE, "shift_page"), "floor": "shift_floor", "paper": "shift_paper"}
LOSS_COLUMNS = {**dict.fromkeys(PAGE, "loss_page"), "loss_floor": "loss_floor"}
WRONG_COLUMNS = {"loss": "wrong_pgd", "apgd": "wrong_apgd", "paper_loss": "wrong_paper"}


@dataclass(frozen=True)
class AttackPlan:
    """What a page runs on every point, and on how many points a stronger search checks it (the attack floor)."""

    representation: PGDSettings = field(default_factory=lambda: PGDSettings(steps=12, restarts=5, refine=60))
    loss: PGDSettings = field(default_factory=lambda: PGDSettings(steps=12, restarts=5, refine=100))
    predicted: PGDSettings = field(default_factory=lambda: PGDSettings(steps=20))
    paper: PGDSettings = field(default_factory=lambda: PGDSettings(steps=20, rel_stepsize=0.7, decay=False))
    floor: PGDSettings = field(default_factory=lambda: PGDSettings(steps=100, restarts=5, seed=1))
    floor_points: int = 64  # for the shift; half as many for the loss, which costs each head anew
    apgd_steps: int = 100
    apgd_points: int = 100  # for the robust accuracy and the paper's attacks: 100 points resolve one percentage point
    # Aimed at the head's own subspace, where a page speaks of it; the other attacks' finds are kept without it.
    subspace: PGDSettings | None = field(default=None, repr=False)

    @property
    def loss_floor_points(self) -> int:
        """On how many points the stronger search for the loss runs."""
        return math.ceil(self.floor_points / 2)


@dataclass(frozen=True)
class Find:
    """Features of the images that one run of the attack `kind` found at the points `index` of a batch."""

    kind: str
    index: Int64[np.ndarray, " k"]
    z: Float[np.ndarray, "k r"]


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
    ) -> None:
        """What `attack` finds at the points `index`. Raises RuntimeError if an image lies outside the threat."""

        def work(of_index: slice) -> None:
            part = index[of_index]
            for images in attack(part):
                outside = ~allowed(self.threat, self.x[part], images)
                if outside.any():
                    raise RuntimeError(f"{int(outside.sum())} images of the {kind} attack lie outside {self.threat}")
                self.finds.append(Find(kind, part.numpy(), self.encoder.features(images).numpy()))

        if len(index) and self.threat.eps:  # with eps = 0 there is nothing but the clean image
            self.parts(work, len(index))


def search_representation(
    encoder: Encoder, images: UInt8[Tensor, "n 3 h w"], threat: Threat, kind: str, settings: PGDSettings
) -> list[Find]:
    """What needs neither labels nor a head: attacks on ||f_theta(x + delta) - f_theta(x)||_2, found as `kind`."""
    finder, everyone = Finder(encoder, images, threat), torch.arange(len(images))
    finder.add(kind, everyone, lambda i: attacks.representation_pgd(finder.encoder, finder.x[i], threat, settings))
    return finder.finds


def search_loss(
    encoder: Encoder,
    head: Head,
    images: UInt8[Tensor, "n 3 h w"],
    y: Int64[Tensor, " n"],
    threat: Threat,
    plan: AttackPlan,
    first: int,
) -> list[Find]:
    """The part of the plan that attacks the cross-entropy of the predictor, and its accuracy by APGD.

    `first` is the number of the first of the n points in its data set.
    """
    finder, everyone = Finder(encoder, images, threat), torch.arange(len(images))
    model = nn.Sequential(finder.encoder, head.module().to(device())).eval()
    predicted = head.logits(finder.encoder.features(finder.x)).argmax(1)

    def loss_pgd(
        labels: Int64[Tensor, " n"], settings: PGDSettings, part: Int64[Tensor, " j"]
    ) -> Iterable[Float[Tensor, "j 3 h w"]]:
        return attacks.loss_pgd(model, finder.x[part], labels[part].to(device()), threat, settings)

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
        finder.add(kind, some, partial(loss_pgd, labels, settings))
    some = everyone[first + everyone < plan.apgd_points]
    for loss in ("ce", "dlr") if head.weight.shape[0] > 2 else ("ce",):
        before = len(finder.finds)
        finder.add("apgd", some, partial(autoattack, loss))
        lost = torch.zeros(len(images), dtype=torch.bool)
        for find in finder.finds[before:]:
            lost[find.index] = head.logits(torch.from_numpy(find.z)).argmax(1) != y[find.index]
        some = some[~lost[some]]  # as AutoAttack does
    return finder.finds


def best(
    head: Head,
    z: Float[Tensor, "n r"],
    y: Int64[Tensor, " n"],
    finds: Sequence[Find],
    checked: dict[str, int],
) -> dict[str, Tensor]:
    """The best per point: the columns of a Measurement, from clean features, labels and all finds.

    `checked` says for how many of the first points a column was searched; beyond them it is NaN.
    """
    logits = head.logits(z)
    predicted, clean = logits.argmax(1), CROSS_ENTROPY(logits, y)
    shift, loss = torch.zeros_like(clean), clean.clone()
    wrong = predicted != y
    columns: dict[str, Tensor] = {"z": z, "z_shift": z.clone(), "z_loss": z.clone()}
    for column in sorted({*SHIFT_COLUMNS.values(), *LOSS_COLUMNS.values()}):
        columns[column] = (shift if column.startswith("shift") else clean).clone()
        columns[column][checked.get(column, len(z)) :] = torch.nan
    columns |= {column: wrong.clone() for column in ("wrong", *WRONG_COLUMNS.values())}
    columns["flipped"] = torch.zeros_like(wrong)
    for find in finds:
        index, found = torch.from_numpy(find.index), torch.from_numpy(find.z)
        logits = head.logits(found)
        shifts, losses = statements.shift(z[index].double(), found.double()), CROSS_ENTROPY(logits, y[index])
        further, worse = shifts > shift[index], losses > loss[index]
        columns["z_shift"][index[further]] = found[further]
        columns["z_loss"][index[worse]] = found[worse]
        shift[index], loss[index] = torch.maximum(shift[index], shifts), torch.maximum(loss[index], losses)
        for values, kind in ((shifts, SHIFT_COLUMNS.get(find.kind)), (losses, LOSS_COLUMNS.get(find.kind))):
            if kind is not None:
                columns[kind][index] = torch.maximum(columns[kind][index], values)
        labels = logits.argmax(1)
        for name in {"wrong", WRONG_COLUMNS.get(find.kind, "wrong")}:
            columns[name][index] |= labels != y[index]
        columns["flipped"][index] |= labels != predicted[index]
    return columns
