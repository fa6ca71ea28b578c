"""Shapes are checked when the tests run: also in xdist's workers, and in a pytest that a test starts."""

import os
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from jaxtyping import TypeCheckError

from rt_utils.images.data_set import Split
from rt_utils.runtime.devices import Parts
from rt_utils.theory import statements
from rt_utils.theory.threat import Threat


def test_tensors_that_would_broadcast_are_refused() -> None:
    assert statements.loss_gap_lhs(torch.ones(3), torch.ones(3), 2.0, 1) == 0  # a whole number is a number
    with pytest.raises(TypeCheckError, match="loss_gap_lhs"):
        statements.loss_gap_lhs(torch.ones(3), torch.ones(1), 2.0, 1.0)


def test_one_point_may_have_many_perturbations_but_no_other_number() -> None:
    assert statements.shift(torch.zeros(1, 2), torch.ones(3, 2)).shape == (3,)
    for clean, perturbed in ((2, 3), (3, 1)):
        with pytest.raises(TypeCheckError, match="shift"):
            statements.shift(torch.zeros(clean, 2), torch.ones(perturbed, 2))


def test_fields_of_dataclasses_and_plain_types_are_checked() -> None:
    with pytest.raises(TypeCheckError, match="Split"):
        Split(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.zeros(5, dtype=torch.long))
    with pytest.raises(TypeCheckError, match="Threat"):
        Threat("l7", 0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeCheckError, match="__init__"):
        Parts("many")  # type: ignore[arg-type]


@pytest.mark.slow
def test_they_are_checked_in_a_worker_too() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:  # this is one
        test_tensors_that_would_broadcast_are_refused()
        return
    own = f"{__file__}::{test_tensors_that_would_broadcast_are_refused.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider", own]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout
