"""What more steps and more starts find, and what fewer classes see: never less, up to what is known, and in order."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from linear_world import data_set, linear_encoder, normal
from measured import measurement
from torch import nn

from rt_utils.evaluation import nearest_classes, search_effort
from rt_utils.evaluation.nearest_classes import ALL_CLASSES
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import effort_section, subspace_section
from rt_utils.theory import statements
from rt_utils.theory.nearest_classes import nearest_subspace_shifts
from rt_utils.theory.perturbations import allowed
from rt_utils.theory.subspace import difference_basis, subspace_shift
from rt_utils.theory.threat import Threat

BALL = Threat("linf", 0.1)


def test_more_effort_never_finds_less_and_ends_at_the_known_maximum() -> None:
    weight, x = normal(1, 48, seed=2), data_set(6, 2).test.pixels()
    found = search_effort.shifts_by_effort(linear_encoder(weight), x, BALL, seed=0)
    assert found.shape == (6, len(search_effort.EFFORTS))
    assert (np.diff(found, axis=1) >= 0).all()
    most = 0.1 * weight.abs().sum().item()
    assert found[:, -1] == pytest.approx(np.full(6, most), rel=1e-4)
    assert (found[:, 0] < most * (1 - 1e-4)).any(), "one step finds it all: the slider would not move"


def test_the_starts_differ_and_stay_in_the_ball(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, attack = [], search_effort.representation_pgd

    def noted(*arguments: object, **keywords: object) -> list[torch.Tensor]:
        seen.append(list(attack(*arguments, **keywords)))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(search_effort, "representation_pgd", noted)
    x = data_set(4, 2).test.pixels()
    search_effort.shifts_by_effort(linear_encoder(normal(5, 48)), x, BALL, seed=0)
    a_start = len(search_effort.STEPS)
    assert len(seen) == a_start * search_effort.STARTS[-1]
    assert all(allowed(BALL, x, images).all() for (images,) in seen)
    firsts = [seen[k][0] for k in range(0, len(seen), a_start)]
    assert not torch.equal(firsts[0], firsts[1])


def test_the_rows_of_the_slider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    data, encoder = data_set(8, 3), linear_encoder(normal(5, 48), name="embedded/linear")
    rows = search_effort.by_effort([encoder, encoder], data, BALL, ProbeSettings(2), 5, workers=1)
    assert list(rows.effort) == list(search_effort.EFFORTS)  # one encoder named twice counts once
    assert rows.found.is_monotonic_increasing
    assert rows.found.iloc[-1] == 1
    assert rows.fulfilled.is_monotonic_decreasing
    source = effort_section.slider(rows, ["other"], threat=BALL, data="grey", n=5).source
    assert "the first 5 images of grey" in source
    template, values = effort_section.reading(rows)
    assert f"{rows.found.iloc[0]:.0%} (linear)" in template.format(**values)


def constant() -> Encoder:
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    nn.init.zeros_(network[1].weight)
    return Encoder("constant", network, input_size=4, width=2, weights_sha256="constant")


def test_an_encoder_that_does_not_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    rows = search_effort.by_effort([constant()], data_set(8, 3), BALL, ProbeSettings(2), 5, workers=1)
    assert rows.found.isna().all()
    effort_section.slider(rows, ["other"], threat=BALL, data="grey", n=5)


@pytest.mark.parametrize(("c", "r"), [(2, 5), (6, 4), (5, 9)])
def test_fewer_classes_see_less_and_all_of_them_the_subspace(c: int, r: int) -> None:
    weight, bias, z, moved = (
        normal(*shape, seed=k).double() for k, shape in enumerate([(c, r), (c,), (50, r), (50, r)])
    )
    shifts = torch.stack([nearest_subspace_shifts(z, moved, weight, bias, k) for k in range(1, c)])
    assert (shifts.diff(dim=0) >= -1e-9).all()
    torch.testing.assert_close(shifts[-1], subspace_shift(z, moved, difference_basis(weight)))
    logits = z @ weight.T + bias
    y, rows = logits.argmax(1), torch.arange(50)
    fractions = (logits[rows, y][:, None] - logits) / (weight[y][:, None] - weight).norm(dim=2)
    nearest = fractions.nan_to_num(torch.inf).argmin(1)
    normals = weight[y] - weight[nearest]
    across = ((moved - z) * normals).sum(1).abs() / normals.norm(dim=1)
    torch.testing.assert_close(shifts[0], across)
    assert fractions[rows, nearest].allclose(statements.margin_ratio(logits, weight))


def test_where_the_shift_of_the_nearest_is_below_the_margin_none_of_them_takes_over() -> None:
    weight, bias, z = normal(6, 7).double(), normal(6, seed=1).double(), normal(4000, 7, seed=2).double()
    moved = z + 0.7 * normal(4000, 7, seed=3).double()
    logits, after = (at @ weight.T + bias for at in (z, moved))
    y, ratios, rows = logits.argmax(1), statements.margin_ratio(logits, weight), torch.arange(4000)
    fractions = (logits[rows, y][:, None] - logits) / (weight[y][:, None] - weight).norm(dim=2)
    order = fractions.nan_to_num(torch.inf).argsort(1)
    other = False
    for k in (1, 2, 4):
        held = nearest_subspace_shifts(z, moved, weight, bias, k) < ratios
        rivals = after.gather(1, order[:, :k])
        assert (after[rows, y][held, None] > rivals[held]).all()
        other |= bool((after.argmax(1) != y)[held].any())
    assert other, "a class further off takes over somewhere: the statement is about the nearest alone"


def test_points_are_taken_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    head, z, moved = (normal(*shape, seed=k).tolist() for k, shape in enumerate([(4, 3), (7, 3), (7, 3)]))
    m = measurement(z, head, [0] * 7, z_shift=moved)
    whole = nearest_classes.by_classes([m], (1, 2))
    monkeypatch.setattr(nearest_classes, "AT_ONCE", 2)
    pd.testing.assert_frame_equal(nearest_classes.by_classes([m], (1, 2)), whole)


def test_equal_rows_add_nothing() -> None:
    weight = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    z, moved = torch.tensor([[2.0, 0.0]]), torch.tensor([[2.0, 2.0]])
    shifts = [nearest_subspace_shifts(z, moved, weight, torch.zeros(3), k).item() for k in (1, 2)]
    assert shifts == pytest.approx([2**0.5, 2**0.5])


def test_the_slider_of_classes_and_its_ends() -> None:
    head = normal(5, 4, seed=1).tolist()
    z, shift, loss = (normal(6, 4, seed=k).tolist() for k in (2, 3, 4))
    first = measurement(z, head, [0] * 6, z_shift=shift, z_loss=loss)
    small = measurement(z, head[:3], [0] * 6, z_shift=shift, z_loss=loss, data="glyphs")
    other = measurement(z, head, [0] * 6, z_shift=shift, encoder="embedded/standard")
    found = subspace_section.nearest([first, small, other])
    assert list(found.data) == ["digits"] * 2 + ["glyphs"] * 2
    assert list(found.classes) == ["1", ALL_CLASSES] * 2  # 1 alone is below the number of either
    for _, part in found.groupby("data"):
        assert part.share.is_monotonic_increasing
        assert part.fulfilled.is_monotonic_decreasing
    moved = [torch.tensor(features) for features in (shift, loss)]
    weight = torch.tensor(head)
    inside = [subspace_shift(torch.tensor(z), one, difference_basis(weight)) for one in moved]
    assert found.share[1] == pytest.approx(torch.maximum(*inside).mean().item() / first.shift.mean())
    binary = measurement(z, head[:2], [0] * 6, z_shift=shift, z_loss=loss, data="two")
    two = subspace_section.nearest([first, binary])
    assert list(two.classes) == ["1", ALL_CLASSES] * 2
    assert two.share[2] == pytest.approx(two.share[3])  # of two classes the nearest is all
    assert "(digits), " in subspace_section.nearest_reading(two, "robust")[1]["one"]
    assert "the first" not in subspace_section.slider(found, "robust", "#123456", BALL).source
    template, values = subspace_section.nearest_reading(found, "robust")
    said = template.format(**values)
    assert f"one nearest class sees {found.share[0]:.0%} (digits), {found.share[2]:.0%} (glyphs)" in said
