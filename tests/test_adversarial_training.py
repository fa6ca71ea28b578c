"""The one PGD step of all trainings: by hand, inside its set, and up the loss."""

import pytest
import torch
from torch import Tensor, nn

from rt_utils.images import data_set
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.theory import perturbations
from rt_utils.theory.threat import Threat
from rt_utils.training.adversarial import perturbed

THREATS = [Threat("linf", 8 / 255), Threat("l2", 0.5)]


@pytest.fixture(scope="module")
def images() -> data_set.Split:
    return load_data_set("textures", size=32, n_train=64, n_test=8).train


def test_a_step_by_hand() -> None:
    """Two pixels: a step of 3/4 eps, and what lies beyond the ball comes back to its border."""
    x = torch.tensor([0.5, 0.5]).view(1, 1, 1, 2)
    gradient = torch.tensor([3.0, -4.0]).view(1, 1, 1, 2)
    once = perturbations.pgd_step(x, gradient, x, Threat("linf", 0.1), 0.75)
    assert once.flatten().tolist() == pytest.approx([0.575, 0.425])
    assert perturbations.pgd_step(once, gradient, x, Threat("linf", 0.1), 0.75).flatten().tolist() == pytest.approx(
        [0.6, 0.4]
    )
    once = perturbations.pgd_step(x, gradient, x, Threat("l2", 1.0), 0.75)
    assert once.flatten().tolist() == pytest.approx([0.5 + 0.45, 0.5 - 0.6])
    assert perturbations.pgd_step(once, gradient, x, Threat("l2", 1.0), 0.75).flatten().tolist() == pytest.approx(
        [1.1, -0.3]
    )


@pytest.mark.parametrize("leaves_box", [False, True])
@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_training_images_stay_in_the_threat_and_do_harm(
    threat: Threat, leaves_box: bool, images: data_set.Split
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(load_encoder("embedded/standard"), nn.Linear(64, 6)).eval()
    x, y = images.pixels(), images.required_labels()
    draw = torch.Generator().manual_seed(0)

    def made(steps: int, within: Threat = threat) -> Tensor:
        loss = nn.functional.cross_entropy
        return perturbed(model, x, y, loss, within, steps=steps, size=0.75, generator=draw, leaves_box=leaves_box)

    random, found = made(0), made(3)
    assert perturbations.allowed(threat, x, found).all()
    assert perturbations.size(threat, found - x).min() > 0.5 * threat.eps
    with torch.no_grad():
        random_loss, loss = (nn.functional.cross_entropy(model(u), y, reduction="none") for u in (random, found))
    assert (loss > random_loss).double().mean() > 0.9
    assert made(3, Threat(threat.norm, 0.0)) is x


def test_uniform_starts_fill_the_ball_and_corners_do_not() -> None:
    threat, x = Threat("linf", 0.1), torch.full((50, 3, 8, 8), 0.5)
    draw = torch.Generator().manual_seed(0)
    uniform = (perturbations.uniform_start(threat, x, draw) - x).abs() / 0.1
    corners = (perturbations.random_start(threat, x, draw) - x).abs() / 0.1
    assert uniform.mean().item() == pytest.approx(0.5, abs=0.02)
    assert uniform.max() <= 1 + 1e-5
    assert torch.allclose(corners, torch.ones_like(x), atol=1e-5)
    within = Threat("l2", 0.3)
    assert torch.allclose(
        perturbations.size(within, perturbations.uniform_start(within, x, draw) - x), torch.tensor(0.3)
    )
