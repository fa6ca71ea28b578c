"""What the statements of the theory assume: said where they stand, and needed, by a counterexample to each omission."""

import math
from collections.abc import Callable
from typing import Any, cast

import handmade
import numpy as np
import pytest
import torch
from conftest import ROOT
from test_solutions import Directive, directives
from torch import Tensor

from rt_utils.evaluation import coverage
from rt_utils.theory import lipschitz_losses, statements
from rt_utils.theory.lipschitz import ORDERS

CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))
KINDS = ("definition", "lemma", "proposition", "theorem", "corollary")
WHOSE = ("of Nern et al.", "anybody's", "this book's")
ASSUMED = {
    "definition-1": (r"C_1\ge0", r"for every label $y$ let $\mathcal Z_y"),
    "lemma-1": ("C_1 > 0", "L_\\alpha(W) > 0", r"f(x_i+\delta)\in\mathcal Z_{y_i}", r"\Delta(x_i)"),
    "hoeffding": ("C_2>0",),
    "theorem-1": ("C_1>0", "C_2>0", "measurable", r"\mathcal Z_y"),
    "loss-gap-all-heads": ("C_2 > 0", "all ways to label", "measurable", "x_1, \\dots, x_n$ independent"),
}

SAID = {  # what a chapter says beside its statements, where an earlier edition said something else or nothing
    "slack": ("tsuzuku2018lipschitz", "moosavidezfooli2016deepfool", "**What passes to the supremum.**"),
    "theorem_2_criterion": ("moosavidezfooli2016deepfool",),
    "definition_1_lipschitz_losses": ("*approached* and not attained",),
}
NOWHERE = (
    *("lost in the paper's text", "eps not printed", "not in print", "had lost its formulas", "lost in our copy"),
    *("Why is saturation the largest link", "table of the paper, recomputed"),
)
NOWHERE += ("holds for all $\\delta$ holds for the supremum", "$\\lambda$ is not known")


def stated() -> dict[str, Directive]:
    texts = [(ROOT / "notebooks" / f"{chapter}.md").read_text("utf-8") for chapter in CHAPTERS]
    found = [statement for text in texts for kind in KINDS for statement in directives(text, f"prf:{kind}")]
    return {statement.label: statement for statement in found}


@pytest.mark.parametrize("chapter", SAID)
def test_a_chapter_says_it(chapter: str) -> None:
    text = (ROOT / "notebooks" / f"{chapter}.md").read_text("utf-8")
    assert [words for words in SAID[chapter] if words not in text] == []


def test_what_our_copy_lacks_is_not_said_to_be_missing_in_the_paper() -> None:
    files = [*(ROOT / "notebooks").rglob("*.[my]*"), *(ROOT / "rt_utils").rglob("*.py"), *(ROOT / "book").glob("*.md")]
    texts = {path.name: path.read_text("utf-8") for path in files}
    assert len(texts) > 200
    assert [(name, words) for name, text in texts.items() for words in NOWHERE if words in text] == []


@pytest.mark.parametrize("label", ASSUMED)
def test_a_statement_says_what_it_assumes(label: str) -> None:
    text = stated()[label].text
    assert [phrase for phrase in ASSUMED[label] if phrase not in text] == []


def test_the_title_of_each_statement_says_whose_it_is() -> None:
    assert len(stated()) >= 24
    assert {"slack-chain", "drift", "regression-lemma", "audit-pairs", "converse-mean-coordinate"} <= set(stated())
    assert [s.argument for s in stated().values() if not any(owner in s.argument for owner in WHOSE)] == []


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def in_ball(n: int, c: int, radius: float, seed: int) -> Tensor:
    directions = torch.randn(n, c, generator=generator(seed), dtype=torch.float64)
    lengths = radius * torch.rand(n, 1, generator=generator(seed + 1), dtype=torch.float64) ** 0.2
    return lengths * directions / directions.norm(dim=1, keepdim=True)


# Definition 1: a domain for each label


def fastest(u: Tensor, other: Tensor, y: Tensor) -> float:
    change = lipschitz_losses.squared_norm(u, y) - lipschitz_losses.squared_norm(other, y)
    return float((change.abs() / (u - other).norm(dim=1)).max())


def test_the_squared_norm_has_its_constant_on_a_domain_for_each_label_and_not_on_their_union() -> None:
    n, radius = 20_000, 1.0
    y = torch.randint(2, (n,), generator=generator())
    u, near = in_ball(n, 2, radius, 1), in_ball(n, 2, radius, 3)
    own, another = lipschitz_losses.targets(u, y), lipschitz_losses.targets(u, 1 - y)
    assert fastest(own + u, own + near, y) <= 2 * radius
    assert fastest(another + u, another + near, y) > 1.5 * 2 * radius  # the union of the domains, for one label
    assert fastest(another + u, another + near, y) <= 2 * (radius + 2**0.5)


def lemma_1_for_the_squared_error(c1: float, reach: int = 5, n: int = 4000) -> None:
    """Lemma 1 point by point, where the domains hold all that an adversary of each point can reach, and hardly more."""
    c, radius = 3, 1.5
    y = torch.randint(c, (n,), generator=generator())
    weight, bias = (torch.randn(*shape, generator=generator(5), dtype=torch.float64) for shape in ((c, c), (c,)))
    target = torch.eye(c, dtype=torch.float64)[y]
    outputs = torch.stack([target + in_ball(n, c, radius, 10 + 2 * k) for k in range(reach)])
    outputs[1] = target + 0.999 * (outputs[0] - target)  # next to it and on the same ray: the steepest
    z = torch.linalg.solve(weight, (outputs - bias).flatten(0, 1).T).T.view(reach, n, c)
    losses = torch.stack([lipschitz_losses.squared_norm(z[k] @ weight.T + bias, y) for k in range(reach)])
    moved = (outputs - outputs[0]).norm(dim=2)  # of the logits, so that no slack of the head hides a constant
    assert ((losses - losses[0]).abs() <= c1 * moved + 1e-9).all(), "the loss changes faster than C_1"
    shifts = torch.stack([statements.shift(z[0], z[k]) for k in range(reach)]).amax(0)
    lhs = statements.loss_gap_lhs(losses[0], losses.amax(0), c1, statements.head_norm(weight, "l2"))
    assert lhs <= statements.as_score(shifts)


def test_lemma_1_covers_the_squared_error() -> None:
    lemma_1_for_the_squared_error(2 * 1.5)


@pytest.mark.parametrize("c1", [1.0, 1.5])
def test_too_small_a_constant_of_the_squared_error_is_caught(c1: float) -> None:
    with pytest.raises(AssertionError, match="faster than C_1"):
        lemma_1_for_the_squared_error(c1)


# Reading the constant off the gradient


def is_subgradient(loss: Callable[[Tensor], Tensor], gradient: Callable[[Tensor], Tensor], domain: Tensor) -> bool:
    """loss(u') >= loss(u) + g(u) (u' - u) for all u and u' of a domain of numbers."""
    u, other = domain[:, None], domain[None]
    return bool((loss(other) >= loss(u) + gradient(u) * (other - u) - 1e-12).all())


def steepest_pair(loss: Callable[[Tensor], Tensor], domain: Tensor) -> float:
    u, other = domain[:, None], domain[None]
    return float(((loss(u) - loss(other)).abs() / (u - other).abs()).nan_to_num(0.0).max())


def test_subgradients_on_the_whole_domain_need_no_convex_domain_and_gradients_do() -> None:
    line = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    domain = torch.cat([line, 2 + line])
    assert is_subgradient(torch.square, lambda u: 2 * u, domain)
    assert steepest_pair(torch.square, domain) <= 2 * domain.max()

    def step(u: Tensor) -> Tensor:
        return (u > 1.5).double()

    assert steepest_pair(step, line) == steepest_pair(step, 2 + line) == 0  # its gradient is 0 at every point
    assert not is_subgradient(step, torch.zeros_like, domain)
    assert steepest_pair(step, domain) > 0.9


def test_without_interior_points_subgradients_bound_nothing() -> None:
    point = torch.tensor([3.0], dtype=torch.float64)
    for slope in (0.0, 1.0, -1e6):
        assert is_subgradient(torch.square, lambda _, slope=slope: torch.tensor(slope), point)  # type: ignore[misc]
    change, distance = torch.zeros(1), torch.zeros(1)
    assert change <= -1.0 * distance  # so a negative constant would qualify: hence C_1 >= 0, and > 0 to divide by it


# Lemma 2: whose constant


def by_rows(weight: Tensor, alpha: str) -> float:
    """What Cauchy-Schwarz for every row gives: the norm of the vector of the rows' lengths."""
    return float(torch.linalg.vector_norm(weight.norm(dim=1), ORDERS[cast(Any, alpha)]))


def test_cauchy_schwarz_by_rows_gives_the_frobenius_norm_and_the_code_the_spectral_one() -> None:
    for seed in range(50):
        weight = torch.randn(4, 3, generator=generator(seed), dtype=torch.float64)
        assert by_rows(weight, "l2") == pytest.approx(float(weight.norm()))
        assert statements.head_norm(weight, "l2") < 0.999 * by_rows(weight, "l2")
        for alpha in ("l1", "linf"):
            assert statements.head_norm(weight, cast(Any, alpha)) == pytest.approx(by_rows(weight, alpha))
    one = torch.outer(torch.arange(1.0, 5), torch.ones(3)).double()
    assert statements.head_norm(one, "l2") == pytest.approx(by_rows(one, "l2"))
    text = statements.head_norm.__doc__ or ""
    assert [word for word in ("words of the paper's proof", "Frobenius") if word not in text] == []


# Theorem 1: the adversary may also do nothing


def test_without_zero_the_gap_would_be_negative_and_with_it_is_not() -> None:
    m = handmade.measurement("embedded/random")
    helped = m.z + np.array([1.0, 0.0])  # both perturbations raise the logit of the label
    m = handmade.measurement("embedded/random", z_shift=helped, z_loss=(m.z + helped) / 2)
    losses = [math.log1p(math.exp(-features[0, 0])) for features in (m.z, m.z_loss, m.z_shift)]
    assert losses[2] < losses[1] < losses[0]
    assert coverage.two_perturbations(m, 20.0).gaps.tolist() == [0.0] * 4


def test_a_title_without_an_owner_is_noticed() -> None:
    title = stated()["lemma-1"].argument.split(";")[0]
    assert title == "Loss gap on a sample"
    assert not any(owner in title for owner in WHOSE)
