"""The linear probe: the penalty is on the rows and not on the bias, as in the text; a batch size gives its steps."""

from dataclasses import replace

import pytest
import torch

from rt_utils.evaluation.probe import ProbeSettings, linear_probe

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
