"""Training under interval bounds: what its schedule says, and that it lowers the worst case."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rt_utils.images.data_set import split_of
from rt_utils.images.drawn import glyphs
from rt_utils.models.frozen_encoder import frozen
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat
from rt_utils.training import embedded_encoders
from rt_utils.training.cards import certified_accuracies
from rt_utils.training.certified_recipe import CertifiedTraining
from rt_utils.training.embedded_recipes import RECIPES
from rt_utils.training.recipe import train

TINY = CertifiedTraining(Threat("linf", 1 / 255), epochs=1, images=512)


def test_radius_rate_and_average_over_the_steps() -> None:
    recipe = RECIPES["certified"]
    assert isinstance(recipe, CertifiedTraining)
    assert [recipe.grown(step, 1000) for step in (0, 80, 355, 630, 999)] == pytest.approx([0, 0, 0.5, 1, 1])
    model = nn.Linear(1, 1)
    optimiser = recipe.optimiser(model)
    schedule, rates = recipe.schedule(optimiser, 1000), []
    for _ in range(1000):
        rates.append(optimiser.param_groups[0]["lr"] / recipe.max_lr)
        optimiser.step()
        schedule.step()
    assert [rates[step] for step in (0, 99, 199, 599, 800)] == pytest.approx([1 / 200, 0.5, 1, 1, 0.5], abs=0.01)
    assert rates[-1] < 1e-4
    assert recipe.average_from(1000) == 850


def test_it_starts_with_the_clean_loss_and_ends_with_the_worst_case() -> None:
    recipe = dataclasses.replace(TINY, images=32)
    torch.manual_seed(0)
    encoder, head, images, y = recipe.parts()
    model, x, draw = nn.Sequential(encoder, head), images.float() / 255, torch.Generator()
    clean = nn.functional.cross_entropy(model(x), y)
    losses = [recipe.loss(model, x, y, step, 100, draw) for step in (0, 8, 40, 99)]
    assert losses[0] == losses[1] == clean
    assert clean < losses[2] < losses[3]


def test_the_gradient_of_the_encoder_is_limited() -> None:
    encoder, head, *_ = dataclasses.replace(TINY, images=26).parts()
    model = nn.Sequential(encoder, head)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    TINY.limit_gradient(model)
    norm = torch.cat([p.grad.flatten() for p in encoder.parameters() if p.grad is not None]).norm()
    assert norm.item() == pytest.approx(5, rel=1e-3)


@dataclasses.dataclass(frozen=True)
class TwoLetters(CertifiedTraining):
    """A task that is learnt in seconds."""

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor]:
        encoder, _, _, _ = dataclasses.replace(RECIPES["certified"], images=26).parts()
        images, labels = glyphs.draw_many(self.images, seed=0, stream=0, classes="IO")
        return encoder, nn.Linear(64, 2), torch.from_numpy(images), torch.from_numpy(labels)


EASY = TwoLetters(
    Threat("linf", 1 / 255), 24, images=128, batch=32, rate_warmup=5, max_lr=5e-3, clean=0.4, growth=0.3, kappa=0.5
)


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, nn.Linear]:
    return train(EASY, progress=False)


@pytest.mark.slow
def test_it_lowers_the_worst_case_and_certifies(trained: tuple[nn.Module, nn.Linear]) -> None:
    """More is certified of what it gets right than of what the same training without a radius gets right."""
    test = split_of(*glyphs.draw_many(64, seed=0, stream=2, classes="IO"))
    plain = train(dataclasses.replace(EASY, threat=Threat("linf", 0.0)), progress=False)
    kept = []
    for encoder, head in (trained, plain):
        right = (head(encoder(test.pixels())).argmax(1) == test.required_labels()).double().mean().item()
        assert right > 0.65
        shares = certified_accuracies(frozen("it", encoder, input_size=32, width=64), Head.of(head), test)
        kept.append(shares["2/255"]["S < m"] / right)
        for each in shares.values():
            assert each["S < m"] <= each["S_P < m"] <= each["merged"] <= right
        assert shares["8/255"]["merged"] <= shares["1/255"]["merged"]
    assert kept[0] > 0.6
    assert kept[1] < 0.4


def test_its_card(tmp_path: Path) -> None:
    encoder, head, *_ = dataclasses.replace(TINY, images=26).parts()
    embedded_encoders.write_trained("certified", TINY, encoder, head, 1.0, tmp_path, 40)
    card = json.loads((tmp_path / "certified.json").read_text("utf-8"))
    assert card["architecture"] == "CertifiedNetwork: 158336 parameters, 64 features, 32x32 RGB in [0, 1]"
    assert card["data"].startswith("512 letters of 26 classes")
    assert card["recipe"] == TINY.as_dict()
    assert set(card["measured"]["certified"]) == {"1/255", "2/255", "4/255", "8/255"}
    assert card["measured"]["certified"]["8/255"]["merged"] <= card["measured"]["robust_accuracy_pgd20_and_apgd_ce"]
