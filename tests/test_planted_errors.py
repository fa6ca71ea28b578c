"""An error is planted in a chapter, or in the function that it calls, and the chapter's own check must catch it."""

from pathlib import Path

import pytest
from chapter_source import edited
from test_chapter import SMALL

from rt_utils import cli
from rt_utils.runtime.errors import InputError

pytestmark = pytest.mark.slow
READ = "p = parameters.read(globals())\n"
# chapter, what stands there, what is planted instead
PLANTED = [
    ("setting", "shift(z, images).max().item()", "shift(z, images).mean().item()"),
    (
        "setting",
        READ,
        READ + "old = bounds.margin_ratio\nbounds.margin_ratio = lambda *a: 1.01 * old(*a)\n",
    ),
    ("definition_1_lipschitz_losses", "2 * R * wide)", "R * wide)"),
    ("definition_1_lipschitz_losses", "(KAPPA,) * 3", "(2 * KAPPA,) * 3"),
    ("theorem_1_loss_gap", READ, READ + "CROSS_ENTROPY.lipschitz['linf'] = 1.0\n"),
    ("theorem_1_loss_gap", READ, READ + "bounds.head_norm = lambda w, alpha='linf': float(w.norm(dim=1).mean())\n"),
    (
        "theorem_1_loss_gap",
        READ,
        READ + "old = bounds.hoeffding\nbounds.hoeffding = lambda *a, **k: old(*a, **k) / 4\n",
    ),
    (
        "theorem_2_criterion",
        READ,
        READ + "old = bounds.margin_ratio\nbounds.margin_ratio = lambda *a: 1.01 * old(*a)\n",
    ),
    (
        "theorem_2_criterion",
        READ,
        READ + "old = bounds.margin_ratio\nbounds.margin_ratio = lambda *a: 0.99 * old(*a)\n",
    ),
    ("slack", "row = 2 * bounds.head_norm(weight)", "row = bounds.head_norm(weight)"),
    ("slack", "/ (2 * 3**0.5)", "/ (4 * 3**0.5)"),
]


@pytest.mark.parametrize(("chapter", "right", "wrong"), PLANTED, ids=[f"{c}-{w[-28:]}" for c, _, w in PLANTED])
def test_a_planted_error_is_caught(
    chapter: str, right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited(tmp_path, chapter, right, wrong, times=None)
    monkeypatch.chdir(tmp_path)
    small = (
        {}
        if chapter in ("setting", "definition_1_lipschitz_losses")
        else SMALL | {"encoders": "embedded/robust", "data": "digits", "n_train": 1000, "n_test": 40}
    )
    with pytest.raises(InputError, match="AssertionError"):
        cli.run(chapter, small, Path("out.ipynb"), progress=False)
