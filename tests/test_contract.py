"""What users of 0.1 have stays accepted: parameters, subcommands, keys of points.npz, columns of the ledger.

The lists are frozen: names may be added to the package, none may go.
"""

from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from test_attacks import some_measurement

from rt_utils import cli
from rt_utils.pages import parameters
from rt_utils.pages.files import save

PARAMETERS: dict[str, object] = {
    "profile": "natural",
    "encoders": "embedded/robust, natural/standard",
    "encoder": "embedded/sprites-robust",
    "data": ["glyphs", "digits:stretched"],
    "norm": "l2",
    "eps": "8/255",
    "steps": 20,
    "restarts": 2,
    "rel_stepsize": 0.7,
    "floor_points": 0,
    "apgd_points": 100,
    "n_train": 4000,
    "n_test": 500,
    "n_switch": 12,
    "probe_epochs": 60,
    "probe_lr": 0.1,
    "batch": 128,
    "weight_decay": 0.01,
    "path_points": 40,
    "ft_epochs": 10,
    "ft_lr": 0.001,
    "ft_points": 100,
    "lr_ratio": 10,
    "peft_seeds": 3,
    "peft_lr": 0.1,
    "rank": 4,
    "train_steps": 2,
    "n_seeds": 3,
    "seed_points": 100,
    "sweep_points": 64,
    "loss_bound": 5.0,
    "rho": 0.05,
    "n_classes": 10,
    "drop": "",
    "resamples": 1000,
    "severity": 1,
    "threshold": 0.5,
    "budget": 3.0,
    "seed": 0,
    "workers": 1,
    "results": "",
    "ledgers": "results/book",
}
COMMANDS = [
    ["run", "CHAPTER", "-o", "out.ipynb", "-p", "eps", "4/255", "-p", "n_test", "8", "-f", "own.yaml", "-q"],
    ["reference", "CHAPTER", "--check", "--profile", "natural", "-p", "eps", "4/255", "-f", "own.yaml", "-q"],
    ["list"],
    ["notebooks"],
    ["cache", "--clear"],
]
ARRAYS = (
    *("labels", "z", "z_shift", "z_loss", "weight", "bias"),
    *("shift_page", "shift_paper", "shift_floor", "loss_page", "loss_floor"),
    *("wrong_pgd", "wrong_paper", "wrong_apgd", "wrong", "flipped"),
)
COLUMNS = (
    *("chapter", "claim", "profile", "encoder", "data", "norm", "eps"),
    *("n", "seed", "lhs", "rhs", "tolerance", "vacuous", "verdict"),
)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_accepted(name: str) -> None:
    assert name in vars(parameters.check({name: PARAMETERS[name]}))


@pytest.mark.parametrize("arguments", COMMANDS, ids=[arguments[0] for arguments in COMMANDS])
def test_a_subcommand_is_accepted(arguments: list[str]) -> None:
    assert cli._parser().parse_args(arguments).command == arguments[0]


def test_points_keep_their_keys_and_claims_their_columns(tmp_path: Path) -> None:
    save(tmp_path, parameters.check({"eps": "1/255"}), [], [some_measurement()], [], 0.0)
    with np.load(tmp_path / "points.npz") as archive:
        assert {f"embedded/random|digits|{name}" for name in ARRAYS} <= {*archive}
    header, *_ = (tmp_path / "ledger.csv").read_text("utf-8").splitlines()
    assert set(COLUMNS) <= {*header.split(",")}
    assert {"parameters.json", "run.json", "points.csv"} <= {path.name for path in tmp_path.iterdir()}


def test_no_module_bears_the_name_of_a_parameter() -> None:
    """Or chapters would have to import it under another name."""
    modules = {path.parent.name if path.name == "__init__.py" else path.stem for path in ROOT.glob("rt_utils/**/*.py")}
    assert "measure" in modules
    assert not modules & set(parameters.KNOWN)
