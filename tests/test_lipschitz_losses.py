"""The losses by hand, the search that attains their constants, and the plane of the setting."""

import math

import pytest
import torch

from rt_utils.theory import lipschitz, lipschitz_losses, plane
from rt_utils.theory.losses import Loss
from rt_utils.theory.statements import Alpha

U = torch.tensor([[2.0, 0.5, -1.0], [0.0, 3.0, 4.0]], dtype=torch.float64)
Y = torch.tensor([0, 1])
BY_HAND = {
    "Crammer–Singer hinge": [0.0, 2.0],
    "Weston–Watkins hinge": [0.0, 2.0],
    "logistic": [math.log1p(math.exp(2)), math.log(2)],  # y = -1 and score 2, y = +1 and score 0
    "hinge": [3.0, 1.0],
    "norm": [1.5, math.sqrt(20)],
    "squared norm": [2.25, 20.0],
    "Huber": [1.5 * 2 - 1.5**2 / 2, 0.5],  # residuals 2 and -1
    "quantile": [0.2 * 2, 0.8],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_loss_by_hand(name: str) -> None:
    (loss,) = (loss for loss in lipschitz_losses.losses(3) if loss.name == name)
    assert loss(U[:, : loss.outputs], Y).tolist() == pytest.approx(BY_HAND[name])


@pytest.mark.parametrize("alpha", ["l1", "l2", "linf"])
@pytest.mark.parametrize("n_classes", [2, 5, 10, 100, 1000])
def test_the_search_attains_every_constant(alpha: Alpha, n_classes: int) -> None:
    for loss in lipschitz_losses.losses(n_classes):
        found = lipschitz_losses.largest_ratio(loss, alpha, n_classes, 0, n=20_000 if n_classes < 100 else 2_000)
        assert 0.99 < found / loss.lipschitz[alpha] <= 1 + 1e-6, loss.name


def test_without_a_bound_on_residuals_the_squared_norm_has_no_constant() -> None:
    (loss,) = (loss for loss in lipschitz_losses.losses(5) if loss.name == "squared norm")
    assert lipschitz_losses.largest_ratio(loss, "l2", 5, 0, bounded=False, n=4000) > 10 * loss.lipschitz["l2"]


def test_a_loss_of_a_reader() -> None:
    """The exercise's: max(0, 1 + log sum_{j != y} e^u_j - u_y)."""

    def margin(u: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        others = u.scatter(1, y[:, None], -torch.inf).logsumexp(1)
        return (1 + others - u.gather(1, y[:, None])[:, 0]).clamp(min=0)

    loss = Loss("margin", margin, {"l1": 1, "l2": 2**0.5, "linf": 2})
    for alpha, constant in loss.lipschitz.items():
        assert 0.99 < lipschitz_losses.largest_ratio(loss, alpha, 5, 0) / constant <= 1 + 1e-6


def test_the_steepest_direction_by_hand() -> None:
    g = torch.tensor([[3.0, -4.0], [0.0, 0.0]])
    assert lipschitz.steepest(g, "l1").tolist() == [[0.0, -1.0], [0.0, 0.0]]
    assert lipschitz.steepest(g, "l2")[0].tolist() == pytest.approx([0.6, -0.8])
    assert lipschitz.steepest(g, "linf").tolist() == [[1.0, -1.0], [0.0, 0.0]]


def test_the_disc_is_filled_evenly() -> None:
    lengths = plane.disc(20_000, 0).norm(dim=1)
    assert lengths.max() <= 1
    assert (lengths < 0.5).double().mean().item() == pytest.approx(0.25, abs=0.02)


def test_outcomes_of_the_plane_itself() -> None:
    """With f_theta(x) = x the shift is the radius, and m(x) decides both outcomes."""
    corners = torch.tensor([[math.cos(t), math.sin(t)] for t in torch.linspace(0, 6.3, 1000)], dtype=torch.float64)
    (first,) = plane.outcomes(lambda x: x, [0.1], corners)
    assert first.shift == pytest.approx(0.1)
    assert (first.fulfilled, first.changed) == (True, False)
    below, above = plane.outcomes(lambda x: x, [0.999 * first.ratio, 1.001 * first.ratio], corners)
    assert (below.fulfilled, below.changed) == (True, False)
    assert (above.fulfilled, above.changed) == (False, True)


def test_the_two_representations_differ_in_what_the_ball_becomes() -> None:
    inside = plane.disc(2000, 0)
    robust, other = (plane.outcomes(f, [0.2], inside)[0] for f in plane.REPRESENTATIONS.values())
    assert robust.shift < 0.3 < other.shift
