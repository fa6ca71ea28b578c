"""The linear probe against its steps in numpy, and the head."""

import numpy as np
import pytest
import torch
from linear_world import normal

from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.models.head import Head

LABELS = torch.tensor([0, 1, 2, 0, 1, 1])
FEATURES = normal(6, 4, seed=3)


@pytest.mark.parametrize(("weight_decay", "decay_bias"), [(0.0, False), (0.3, False), (0.3, True)])
def test_three_steps_of_the_probe(weight_decay: float, decay_bias: bool) -> None:
    """Whole batches, from zero: momentum 0.9, a rate that falls by a cosine, decay of weights, of biases if asked."""
    settings = ProbeSettings(epochs=3, lr=0.2, batch=6, weight_decay=weight_decay, decay_bias=decay_bias)
    head = linear_probe(FEATURES, LABELS, 3, settings)
    decayed = weight_decay * np.array([1, 1, 1, 1, float(decay_bias)])
    z, y = np.c_[FEATURES.double().numpy(), np.ones(6)], np.eye(3)[LABELS.numpy()]
    weight, velocity = np.zeros((3, 5)), np.zeros((3, 5))
    for step in range(3):
        q = np.exp(z @ weight.T)
        gradient = (q / q.sum(1, keepdims=True) - y).T @ z / 6 + decayed * weight
        velocity = 0.9 * velocity + gradient
        weight = weight - 0.2 * (1 + np.cos(np.pi * step / 3)) / 2 * velocity
    np.testing.assert_allclose(head.weight, weight[:, :4], atol=1e-6)
    np.testing.assert_allclose(head.bias, weight[:, 4], atol=1e-6)
    assert head.weight.dtype == head.bias.dtype == torch.float64


def test_the_seed_orders_the_batches_and_every_image_is_used() -> None:
    def probe(seed: int, batch: int, epochs: int = 1) -> np.ndarray:
        settings = ProbeSettings(epochs=epochs, lr=0.2, batch=batch, seed=seed)
        return linear_probe(FEATURES, LABELS, 3, settings).weight.numpy()

    np.testing.assert_array_equal(probe(0, 2), probe(0, 2))
    assert not np.allclose(probe(0, 2), probe(1, 2), atol=1e-4)
    assert not np.allclose(probe(0, 4), probe(0, 6), atol=1e-4)
    np.testing.assert_allclose(probe(0, 6), probe(1, 6), atol=1e-6)  # a whole batch has no order
    one_hot = torch.eye(6)
    moved = linear_probe(one_hot, LABELS, 3, ProbeSettings(epochs=1, lr=0.2, batch=4)).weight
    assert (moved.abs().sum(0) > 0).all()  # the last, smaller batch too


def test_a_head_computes_in_double_precision_and_its_layer_in_single() -> None:
    weight, bias, z = normal(3, 4, seed=1).double() / 3, normal(3, seed=2).double() / 3, normal(5, 4)
    head = Head(weight, bias)
    expected = z.double().numpy() @ weight.numpy().T + bias.numpy()
    logits = head.logits(z)
    assert logits.dtype == torch.float64
    np.testing.assert_allclose(logits, expected, rtol=1e-13, atol=1e-14)
    layer = head.module()
    assert not any(p.requires_grad for p in layer.parameters())
    assert layer.weight.dtype == torch.float32
    np.testing.assert_allclose(layer(z), expected, rtol=1e-4, atol=1e-5)
