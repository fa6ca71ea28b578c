"""An error is planted in a chapter, or in the function that it calls, and the chapter's own check must catch it."""

import builtins
from pathlib import Path

import pytest
from chapter_source import edited
from test_chapter import SMALL

from rt_utils.pages import execution
from rt_utils.runtime.errors import InputError

pytestmark = pytest.mark.slow
# chapter, and what its page plants before it computes; `statements` and `plant` are there for it
MARGIN = "old = statements.margin_ratio\nplant.setattr(statements, 'margin_ratio', lambda *a: {} * old(*a))\n"
LOSSES = """
from dataclasses import replace
old = losses
def losses(n_classes):
    wrong = lambda loss: {{alpha: {factor} * c for alpha, c in loss.lipschitz.items()}}
    return [replace(x, lipschitz=wrong(x)) if x.name == {name!r} else x for x in old(n_classes)]
"""
PLANTED = {
    "setting, half the shift": "old = statements.shift\nplant.setattr(statements, 'shift', lambda *a: old(*a) / 2)\n",
    "setting, ratio too large": MARGIN.format(1.01),
    "definition_1_lipschitz_losses, constant too small": LOSSES.format(factor=0.5, name="squared norm"),
    "definition_1_lipschitz_losses, constant too large": LOSSES.format(factor=2, name="Huber"),
    "theorem_1_loss_gap, C_1": "plant.setitem(CROSS_ENTROPY.lipschitz, 'linf', 1.0)\n",
    "theorem_1_loss_gap, mean row": (
        "plant.setattr(statements, 'head_norm', lambda w, alpha='linf': float(w.norm(dim=1).mean()))\n"
    ),
    "theorem_1_loss_gap, quarter of its term": (
        "old = statements.hoeffding\nplant.setattr(statements, 'hoeffding', lambda *a, **k: old(*a, **k) / 4)\n"
    ),
    "theorem_2_criterion, ratio too large": MARGIN.format(1.01),
    "theorem_2_criterion, ratio too small": MARGIN.format(0.99),
    "slack, half the longest row": (
        "old = statements.head_norm\nplant.setattr(statements, 'head_norm', lambda *a: old(*a) / 2)\n"
    ),
    "converse, all of a coordinate": "plant.setattr(converse, 'mean_coordinate', lambda r: 1.0)\n",
    "converse, bias the other way": (
        "old = converse.opposing_head\n"
        "plant.setattr(converse, 'opposing_head', lambda u, bias, **k: old(u, -bias, **k))\n"
    ),
    "converse, a ninth of the longest row": (
        "old = statements.head_norm\nplant.setattr(statements, 'head_norm', lambda *a: old(*a) / 9)\n"
    ),
    "converse, no allowance for the sample": (
        "plant.setattr(score_limits, 'hoeffding', lambda c2, n, rho, sides: 0.0)\n"
    ),
    "certified, ends of the pixels in the wrong order": (
        "old = interval_bounds.interval\n"
        "plant.setattr(interval_bounds, 'interval', lambda layer, low, high: old(layer, high, low))\n"
    ),
    "certified, twice the radius": (
        "old = interval_bounds.feature_box\n"
        "twice = lambda encoder, x, eps, *kind: old(encoder, x, 2 * eps, *kind)\n"
        "plant.setattr(interval_bounds, 'feature_box', twice)\n"
    ),
    "certified, the smaller move of each entry": (
        "import torch\n"
        "plant.setattr(worst_case, 'largest_move', lambda z, low, high: torch.minimum(high - z, z - low))\n"
    ),
    "certified, rows for their differences": (
        "def of_rows(low, high, w, b, y):\n"
        "    most = (low + high) / 2 @ w.T + (high - low) / 2 @ w.abs().T + b\n"
        "    least = (low + high) / 2 @ w.T - (high - low) / 2 @ w.abs().T + b\n"
        "    return most - least.gather(1, y[:, None])\n"
        "plant.setattr(worst_case, 'merged_gaps', of_rows)\n"
    ),
    "certified, an end of the box as its centre": (
        "old = worst_case.merged_gaps\n"
        "plant.setattr(worst_case, 'merged_gaps', lambda low, high, *head: old(low, low, *head))\n"
    ),
    "slack, half the norm of a layer": (
        "from rt_utils.models.networks.orthonormal import Grey\nplant.setattr(Grey, 'norm', Grey.norm / 2)\n"
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_caught(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = name.partition(",")[0]
    read = f'page = Page("{chapter}", globals())\n'
    edited(tmp_path, chapter, read, f"{read}from rt_utils.theory import statements\n{PLANTED[name]}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "plant", monkeypatch, raising=False)  # whatever it plants goes after the test
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "cache"))  # nothing that another error spoiled
    small = (
        {}
        if chapter in ("setting", "definition_1_lipschitz_losses")
        else SMALL | {"encoders": "embedded/robust", "data": "digits", "n_train": 1000, "n_test": 40}
    )
    if chapter == "certified":
        small |= {"encoders": "blocks", "n_test": 16, "n_train": 200}
    with pytest.raises(InputError, match="AssertionError"):
        execution.run(chapter, small, Path("out.ipynb"), progress=False)
