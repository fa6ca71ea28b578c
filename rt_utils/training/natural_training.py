"""How a natural encoder is trained by its recipe: adversarial training that can be stopped and resumed.

The shipped weights are the running average of the last third of the steps.
"""

import csv
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn
from tqdm import tqdm

from rt_utils.evaluation import attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.images.data_set import Split, fingerprint
from rt_utils.models.networks import NETWORKS
from rt_utils.runtime.devices import Parts, device
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file
from rt_utils.training.natural_recipes import EIGHT, Recipe

LOG_COLUMNS = ("epoch", "loss", "clean_accuracy", "robust_accuracy_pgd10", "seconds")
LOG_POINTS = 500


def _shifted(x: Float[Tensor, "n c h w"], most: int, generator: torch.Generator) -> Float[Tensor, "n c h w"]:
    """Each image moved by its own number of pixels, at most `most`, in both directions; black comes in."""
    n, _, height, width = x.shape
    by = torch.randint(2 * most + 1, (2, n, 1), generator=generator)
    rows, columns = (start + torch.arange(size) for start, size in zip(by, (height, width), strict=True))
    padded = nn.functional.pad(x, (most,) * 4)
    moved = padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)  # channels last, as the network wants it


def accuracies(model: nn.Module, part: Split, seed: int) -> tuple[float, float]:
    """Clean accuracy, and robust accuracy under PGD-10 at l_inf 8/255, of a model in eval mode."""
    place = next(model.parameters()).device
    y = part.required_labels().to(place)
    x = part.pixels().contiguous(memory_format=torch.channels_last).to(place)

    def right(some: slice) -> Tensor:
        clean = model(x[some]).argmax(1) == y[some]
        (found,) = attacks.loss_pgd(model, x[some], y[some], EIGHT, PGDSettings(10, seed=seed))
        return torch.stack([clean, clean & (model(found).argmax(1) == y[some])])

    clean, robust = torch.cat(Parts()(right, len(y)), dim=1).double().mean(1).tolist()
    return clean, robust


@dataclass
class Run:
    """A training that can be stopped after any epoch: everything that the next epoch depends on."""

    recipe: Recipe
    train: Split
    classes: int
    device: torch.device

    def __post_init__(self) -> None:
        torch.manual_seed(self.recipe.seed)
        self.generator = torch.Generator().manual_seed(self.recipe.seed)
        encoder = NETWORKS[self.recipe.network]()
        self.model = nn.Sequential(encoder, nn.Linear(encoder.width, self.classes))
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.images, self.labels = self.train.images.to(self.device), self.train.required_labels().to(self.device)
        self.a_epoch = len(self.images) // self.recipe.batch
        self.average = AveragedModel(self.model, use_buffers=True)
        self.optimiser = self.recipe.optimiser(self.model)
        self.steps = max(1, self.recipe.epochs * self.a_epoch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, self.recipe.max_lr, total_steps=self.steps + 1, pct_start=0.2
        )
        self.log: list[dict[str, float]] = []
        self.memory = Parts()

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("model", "average", "optimiser", "schedule")}

    def save(self, path: Path) -> None:
        """Write the whole state, or nothing."""
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"recipe": self.recipe.as_dict(), "data": fingerprint(self.train)}
        state |= {"generator": self.generator.get_state(), "log": self.log}
        with whole_file(path) as partial:
            torch.save(state, partial)

    def resume(self, path: Path) -> None:
        """Go on where `path` was saved. Raises InputError for the state of another recipe, or of other images."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["recipe"] != self.recipe.as_dict():
            raise InputError(f"{str(path)!r} is the state of another recipe: remove it, or go on with that recipe")
        if state["data"] != fingerprint(self.train):
            raise InputError(
                f"{str(path)!r} is the state of a training on other images: remove it, or go on with those"
            )
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.generator.set_state(state["generator"].cpu())
        self.log = state["log"]

    def _step(self, chosen: Tensor, step: int) -> Tensor:
        x = self.images[chosen].float().div(255).contiguous(memory_format=torch.channels_last)
        flip = torch.rand(len(x), generator=self.generator).to(self.device) < 0.5
        x = torch.where(flip[:, None, None, None], x.flip(3), x)
        if self.recipe.shift:
            x = _shifted(x, self.recipe.shift, self.generator)
        y, loss_of = self.labels[chosen], nn.functional.cross_entropy
        threat = self.recipe.threat_at(step, self.steps)

        def loss_on(part: slice) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                found = self.recipe.perturbed(self.model, x[part], y[part], loss_of, threat, self.generator)
                return loss_of(self.model(found), y[part])

        loss = self.memory.backward(self.model, loss_on, len(x))
        self.optimiser.step()
        self.schedule.step()
        if step >= 2 * self.steps // 3:
            self.average.update_parameters(self.model)
        return loss

    def epoch(self, test: Split, *, progress: bool) -> None:
        """One pass over the images; then the accuracies on the first test images, with what would be shipped now."""
        start, done = time.perf_counter(), len(self.log) * self.a_epoch
        order = torch.randperm(len(self.images), generator=self.generator).to(self.device)
        bar = tqdm(range(self.a_epoch), disable=not progress, unit="step", desc=f"epoch {len(self.log) + 1}")
        self.model.train()
        total = torch.zeros((), device=self.device)
        for k in bar:
            total += self._step(order[k * self.recipe.batch : (k + 1) * self.recipe.batch], done + k)
        shipped = self.shipped()
        clean, robust = accuracies(shipped, test, self.recipe.seed)
        values = (len(self.log) + 1, total.item() / self.a_epoch, clean, robust, time.perf_counter() - start)
        self.log.append(dict(zip(LOG_COLUMNS, values, strict=True)))

    def shipped(self) -> nn.Sequential:
        """A frozen copy of what would be shipped now: the average where it has begun, else the model itself."""
        averaged = self.average.n_averaged.item() > 0
        copied: nn.Sequential = deepcopy(self.average.module if averaged else self.model)  # type: ignore[assignment]
        return copied.requires_grad_(False).eval()


def train(
    recipe: Recipe,
    parts: tuple[Split, Split],
    classes: int,
    state: Path,
    *,
    start: nn.Module | None = None,
    minutes: float,
    progress: bool = True,
) -> tuple[nn.Sequential, list[dict[str, float]]] | None:
    """Train by `recipe`, going on from `state` where that is there; None where `minutes` ended it before the end.

    `start`: the trained model that a recipe with a start begins with. After every epoch the state is written to
    `state`, and a line to its log beside it (.csv).
    """
    run, started = Run(recipe, parts[0], classes, device()), time.monotonic()
    test = Split(parts[1].images[:LOG_POINTS], parts[1].required_labels()[:LOG_POINTS])
    if recipe.epochs == 0:  # random weights; BatchNorm's statistics from images, or the features would all but vanish
        update_bn([x.float().div(255) for x in run.images[:5000].split(500)], run.model)
    elif state.is_file():
        run.resume(state)
    elif start is not None:
        run.model.load_state_dict(start.state_dict())
    begun = len(run.log)
    while len(run.log) < recipe.epochs:
        if len(run.log) > begun and (time.monotonic() - started) / 60 > minutes:
            return None
        run.epoch(test, progress=progress)
        run.save(state)
        with whole_file(state.with_suffix(".csv")) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, LOG_COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(run.log)
        print(", ".join(f"{name} {value:.4g}" for name, value in run.log[-1].items()), flush=True)
    return run.shipped(), run.log
