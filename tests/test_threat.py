import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_utils.runtime.errors import InputError
from rt_utils.theory import perturbations
from rt_utils.theory.threat import Threat, format_eps, parse_eps, parse_norm


@pytest.mark.parametrize(
    ("value", "eps"),
    [("8/255", 8 / 255), (" 8 / 255 ", 8 / 255), ("0.03", 0.03), (0.03, 0.03), (0, 0.0), ("0", 0.0), (1, 1.0)]
    + [(text, 8 / 255) for text in ("8./255", "8/255.", "8.0/2.55e2", "80e-1/255", ".8/25.5")],
)
def test_a_radius_that_is_right(value: object, eps: float) -> None:
    assert parse_eps(value) == eps


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (8, "out of range"),
        ("8", "out of range"),
        ("-1/255", "out of range"),
        ("abc", "not a number"),
        ("1/0", "divides by zero"),
        ("nan", "not finite"),
        (float("inf"), "not finite"),
        (True, "not a number"),
        (None, "not a number"),
    ],
)
def test_a_radius_that_is_wrong(value: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        parse_eps(value)
    assert repr(value) in str(caught.value)
    assert "'8/255'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_range_depends_on_the_norm() -> None:
    assert parse_eps(3, "l2") == 3
    with pytest.raises(InputError, match="at most 5 for l2"):
        parse_eps(8, "l2")


@pytest.mark.parametrize("spelled", ["Linf", "LINF", "l_inf", "inf", "L_inf ", float("inf")])
def test_usual_spellings_of_the_norms(spelled: object) -> None:
    assert parse_norm(spelled) == "linf"
    for two in ("L2", "l_2", "2", 2):
        assert parse_norm(two) == "l2"
    for other in (True, None, 1, ["l2"], ""):
        with pytest.raises(InputError, match="unknown norm"):
            parse_norm(other)


def test_an_unknown_norm_names_those_that_exist() -> None:
    with pytest.raises(InputError, match="unknown norm 'l7': use linf or l2"):
        parse_norm("l7")


@pytest.mark.parametrize(
    ("eps", "norm", "text"),
    [(8 / 255, "linf", "8/255"), (0.03, "linf", "0.03"), (1, "l2", "1"), (1e-9, "linf", "1e-09")],
)
def test_format_eps(eps: float, norm: str, text: str) -> None:
    assert format_eps(eps, parse_norm(norm)) == text


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["linf", "l2"]), st.floats(0.001, 1), st.integers(0, 2**31))
def test_random_starts_lie_on_the_edge_of_the_ball(norm: str, eps: float, seed: int) -> None:
    threat, x = Threat.parse(norm, eps), torch.rand(4, 3, 8, 8)
    start = perturbations.random_start(threat, x, torch.Generator().manual_seed(seed))
    assert torch.allclose(perturbations.size(threat, start - x), torch.tensor(eps, dtype=x.dtype), rtol=1e-3)


def test_contains_refuses_what_lies_outside() -> None:
    threat, x = Threat("linf", 0.1), torch.full((1, 3, 2, 2), 0.95)
    assert perturbations.allowed(threat, x, x + 0.05).all()
    assert not perturbations.allowed(threat, x, x + 0.06).any()  # outside the pixel box
    assert not perturbations.allowed(threat, x, x - 0.11).any()  # outside the ball
    assert not perturbations.allowed(threat, 1 - x, 1 - x - 0.06).any()  # outside the box at its other end


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_contains_refuses_one_pixel_outside(norm: str) -> None:
    """Of three images that move by eps in one pixel alone, the second by a thousandth of eps more."""
    threat, x = Threat.parse(norm, 0.1), torch.full((3, 3, 8, 8), 0.5)
    moved = x.clone()
    moved[:, 1, 2, 3] -= 0.1
    assert perturbations.allowed(threat, x, moved).all()
    moved[1, 1, 2, 3] -= 0.0001
    assert perturbations.allowed(threat, x, moved).tolist() == [True, False, True]


def test_the_size_in_both_norms() -> None:
    delta = torch.zeros(2, 3, 2, 2)
    delta[0, 0, 0, 0], delta[0, 2, 1, 1], delta[1, 1, 0, 1] = -0.3, 0.4, -0.2
    assert perturbations.size(Threat("linf", 0.1), delta).tolist() == pytest.approx([0.4, 0.2])
    assert perturbations.size(Threat("l2", 0.1), delta).tolist() == pytest.approx([0.5, 0.2])


def test_a_threat_from_what_a_user_wrote_and_as_it_is_shown() -> None:
    assert Threat.parse("l2", "3") == Threat("l2", 3.0)  # beyond what l_inf allows
    assert Threat.parse("linf", "8/255") == Threat("linf", 8 / 255)
    assert str(Threat("linf", 8 / 255)) == "l_inf, eps = 8/255"
    assert str(Threat("l2", 8 / 255)) == "l_2, eps = 0.03137"


def test_a_random_start_is_drawn_from_its_generator_and_for_each_image() -> None:
    x = torch.full((2, 3, 8, 8), 0.5)
    for threat in (Threat("linf", 0.1), Threat("l2", 0.1)):
        one, same, other = (
            perturbations.random_start(threat, x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
        )
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
        assert not torch.equal(one[0], one[1])
        assert (one > x).any()
        assert (one < x).any()
