"""The linear probe: the penalty is on the rows and not on the bias, as in the text; a batch size gives its steps."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from rt_utils.evaluation.probe import ProbeSettings, cross_entropy_gradients, fit_head, linear_probe

FEW = ProbeSettings(epochs=400, lr=0.1, batch=64)


def three_to_one() -> tuple[torch.Tensor, torch.Tensor]:
    """Features that say nothing of the class, of which one has three times the points of the other."""
    z = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
    return z, (torch.arange(64) % 4 == 0).long()


def test_the_penalty_leaves_the_bias_alone() -> None:
    """With W held at 0 by a large lambda the bias alone fits the shares of the classes: b_0 - b_1 = log 3."""
    z, y = three_to_one()
    head = linear_probe(z, y, 2, replace(FEW, weight_decay=5.0))
    assert head.weight.norm() < 0.1
    torch.testing.assert_close(head.bias[0] - head.bias[1], torch.tensor(3.0).log().double(), atol=0.02, rtol=0)


def test_the_released_code_decays_the_bias_too() -> None:
    z, y = three_to_one()
    head = linear_probe(z, y, 2, replace(FEW, weight_decay=5.0, decay_bias=True))
    assert (head.bias[0] - head.bias[1]).abs() < 0.2


def test_smaller_batches_take_more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = three_to_one()
    steps, step = [], torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: steps.append(step(self)))
    for batch, expected in ((16, 8), (32, 4), (128, 2)):
        steps.clear()
        linear_probe(z, y, 2, ProbeSettings(epochs=2, batch=batch))
        assert len(steps) == expected, batch


@pytest.mark.parametrize(("n", "classes"), [(128, 10), (7, 2), (1, 3)])
def test_its_gradients_are_those_of_autograd(n: int, classes: int) -> None:
    draw = torch.Generator().manual_seed(n)
    layer, x = nn.Linear(5, classes), 3 * torch.randn(n, 5, generator=draw)
    y = torch.randint(classes, (n,), generator=draw)
    in_weight, in_bias = cross_entropy_gradients(layer, x, y)
    nn.functional.cross_entropy(layer(x), y).backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(in_weight, layer.weight.grad, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(in_bias, layer.bias.grad, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_it_is_what_the_loss_itself_gives(decay: float) -> None:
    """The last batch is smaller than the others, and its mean is over fewer points."""
    z, y = three_to_one()
    settings = ProbeSettings(epochs=20, batch=24, weight_decay=decay)
    found = linear_probe(z, y, 2, settings)
    given = fit_head(nn.Linear(5, 2), len(z), settings, lambda layer, i: nn.functional.cross_entropy(layer(z[i]), y[i]))
    torch.testing.assert_close(found.weight, given.weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.bias, given.bias, rtol=1e-5, atol=1e-6)
