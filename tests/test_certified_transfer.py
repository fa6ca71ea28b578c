"""What is certified on another task, on a network whose bounds are exact: blocks of grey means."""

import pandas as pd
import pytest

from rt_utils.evaluation import certified_transfer
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.certified_transfer import Plan, transfer
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder

PLAN = Plan(PGDSettings(steps=10), PGDSettings(steps=10))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    data = load_data_set("digits", size=32, n_train=400, n_test=60)
    return transfer(load_encoder("blocks"), data, (2 / 255, 16 / 255), PLAN).set_index("eps")


def test_bounds_and_attacks_enclose_the_shares(rows: pd.DataFrame) -> None:
    assert list(rows.n) == [60, 60]
    for _, row in rows.iterrows():
        assert row["S < m"] <= row["S_P < m"] <= row["merged"] <= row["attacked"] <= row["clean"]
        assert row["M-probe, certified"] <= row["M-probe, clean"]
        assert row["T-probe, certified"] <= row["T-probe, clean"]
        assert 0.98 < row["mean found"] / row["mean bound"] <= 1 + 1e-5  # exact for grey means in l_inf
    assert rows.clean.nunique() == 1
    assert (rows.loc["16/255", ["attacked", "merged"]] < rows.loc["2/255", ["attacked", "merged"]]).all()


def test_the_probes_trained_for_the_worst_case_certify_more_at_a_large_radius(rows: pd.DataFrame) -> None:
    large = rows.loc["16/255"]
    assert large["M-probe, certified"] > large["merged"]
    assert large["T-probe, certified"] > large["S < m"] + 0.05


def test_a_bound_that_an_attack_passes_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_data_set("digits", size=32, n_train=100, n_test=20)
    args = (load_encoder("blocks"), data, (2 / 255,), PLAN)
    assert transfer(*args).passed.sum() == 0
    monkeypatch.setattr(certified_transfer, "LARGEST_BOUND", 0.9)  # as if the bounds were a tenth smaller
    assert transfer(*args).passed.sum() > 15
