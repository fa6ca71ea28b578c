"""Shifts at growing radii, against the known shift of a linear feature; the live figure's data."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from rt_utils.evaluation import sweep
from rt_utils.images.data_set import DataSet, split_of
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import live_sweep
from rt_utils.pages.plots import as_score as plots
from rt_utils.theory.threat import Threat

A = torch.randn(3 * 6 * 6, generator=torch.Generator().manual_seed(3))


def linear() -> Encoder:
    network = nn.Sequential(nn.Flatten(), nn.Linear(len(A), 1, bias=False))
    network[1].weight.data = A[None]
    return Encoder("linear", network, input_size=6, width=1, weights_sha256="linear")


def grey(n: int = 2) -> DataSet:
    split = split_of(np.full((n, 3, 6, 6), 128, np.uint8), np.zeros(n, np.int64))
    return DataSet("grey", ("grey",), split, split, "grey")


@pytest.mark.parametrize(("norm", "order"), [("linf", 1), ("l2", 2)])
def test_the_sweep_finds_the_known_shift(
    norm: str, order: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    radii = [0.0, 0.01, 0.02, 0.04]
    expected = np.outer([1, 1], torch.linalg.vector_norm(A, order).item() * np.array(radii))
    found = sweep.traced([(linear(), grey())], norm, radii, 2, seed=0, workers=1)["linear", "grey"]
    assert found == pytest.approx(expected, rel=1e-4)
    (kept,) = (tmp_path / "sweeps").glob("*/*.pkl")
    assert kept.stat().st_size


def test_an_image_outside_the_ball_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "representation_pgd", lambda encoder, x, ball, settings, start=None: [x + 2 * ball.eps])
    with pytest.raises(RuntimeError, match=r"an image of the sweep lies outside l_inf, eps = 0\.01"):
        sweep.traced_shifts(linear(), grey().test.pixels(), "linf", [0.0, 0.01], seed=0)


def test_what_was_found_before_is_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an attack that finds nothing from the second radius on, curves go on with what was found at the first."""
    direction = 0.01 * A.sign().reshape(1, 3, 6, 6)

    def once(encoder: Encoder, x: torch.Tensor, ball: Threat, *_: object, **__: object) -> list[torch.Tensor]:
        return [x + direction] if ball.eps == 0.01 else [x]

    monkeypatch.setattr(sweep, "representation_pgd", once)
    (curve,) = sweep.traced_shifts(linear(), grey(1).test.pixels(), "linf", [0.0, 0.01, 0.03], seed=0)
    assert curve == pytest.approx(A.abs().sum().item() * np.array([0, 0.01, 0.03]), rel=1e-4)


def test_radii_stay_in_their_range() -> None:
    assert sweep.radii_around(0.08, "linf") == pytest.approx([0, 0.01, 0.02, 0.04, 0.08, 0.12, 0.16])
    assert sweep.radii_around(0.8, "linf")[-2:] == [0.8, 1.0]


CURVES = {("e/robust", "a"): np.array([[0.0, 1.0], [0.0, 3.0]]), ("f/robust", "a"): np.array([[0.0, 8.0], [0.0, 8.0]])}


def test_the_live_figures_data() -> None:
    content = live_sweep.content(["0", "8/255"], CURVES, ["e/robust", "f/robust"], {"a": "</script>"})
    assert [encoder["name"] for encoder in content["encoders"]] == ["e/robust", "f/robust"]
    assert content["encoders"][0]["data"][0]["score"] == [0.0, 2.0]
    assert content["encoders"][0]["data"][0]["quantiles"] == [[0.0] * 5, [1.2, 1.5, 2.0, 2.5, 2.8]]
    source = live_sweep.live_sweep(content, 1).source
    assert source.count("</script>") == 1
    assert json.loads(source.partition('json">')[2].partition("</script>")[0]) == content
    assert source.count("checked") == 1
    assert 'max="1" step="1" value="1"' in source


def test_bands_and_their_figure() -> None:
    bands = sweep.bands(CURVES, [0.0, 8 / 255])
    assert bands.to_dict("records")[1] == {
        "encoder": "e/robust", "data": "a", "eps": 8 / 255, "mean": 2.0, "low": 1.5, "high": 2.5
    }  # fmt: skip
    figure = plots.score_against_radius(bands, "linf", ["e/robust", "f/robust"], ["a"])
    assert [line.get_xdata().tolist() for line in figure.axes[0].lines] == [[0.0, 8.0]]
    assert [axis.get_title() for axis in figure.axes] == ["e/robust", "f/robust"]
