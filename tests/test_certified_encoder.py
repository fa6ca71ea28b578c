"""`embedded/certified` as it ships: no attack passes its bounds, and the bounds say something."""

import pytest

from rt_utils.evaluation import bound_checks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.interval_bounds import feature_box
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.theory.threat import Threat


@pytest.mark.parametrize(("name", "eps"), [("numerals", 8 / 255), ("digits", 2 / 255)])
def test_no_attack_passes_a_bound(name: str, eps: float) -> None:
    """In float64, on 64 images; and on the digits they come near it."""
    encoder, data = load_encoder("embedded/certified"), load_data_set(name, size=32, n_train=1000, n_test=64)
    labels = data.train.required_labels()
    head = linear_probe(encoder.features(data.train.images), labels, 10, ProbeSettings(epochs=20))
    rows = bound_checks.checks(encoder, head, data.test.images, Threat("linf", eps), PGDSettings(steps=20))
    assert len(rows) == 5
    assert (rows.n == 64).all()
    assert (rows[["shift", "subspace", "directional"]] <= 1 + 1e-9).all().all()
    assert (rows.flipped == 0).all()
    assert rows["shift"].max() > 0.6


@pytest.mark.long
@pytest.mark.parametrize("eps", [1 / 255, 2 / 255, 4 / 255, 8 / 255])
@pytest.mark.parametrize("name", ["numerals", "digits", "letters"])
def test_no_attack_passes_a_bound_on_five_hundred_images(name: str, eps: float) -> None:
    encoder, data = load_encoder("embedded/certified"), load_data_set(name, size=32, n_train=2000, n_test=500)
    (head,) = fit_probes([(encoder, data)], ProbeSettings(epochs=20), workers=1)
    rows = bound_checks.checks(encoder, head, data.test.images, Threat("linf", eps), PGDSettings(steps=20))
    assert (rows.n == 500).all()
    assert (rows[["shift", "subspace", "directional"]] <= 1 + 1e-9).all().all()
    assert (rows.flipped == 0).all()


def test_the_bounds_of_an_encoder_that_was_not_trained_for_them_say_nothing() -> None:
    """Relative to the features, those of `embedded/robust` are hundreds of times wider."""
    images = load_data_set("digits", size=32, n_train=2, n_test=8).test.images
    certified, robust = (
        feature_box(load_encoder(f"embedded/{name}"), images, 1 / 255) for name in ("certified", "robust")
    )
    assert (robust.shift / robust.z.norm(dim=1)).min() > 100
    assert (certified.shift / certified.z.norm(dim=1)).max() < 1
