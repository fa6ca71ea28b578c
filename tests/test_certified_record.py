"""The kept record of the seeds: whole, of the weights that ship, and read as it stands."""

from typing import Any

import pytest

from rt_utils.models.shipped import model_card
from rt_utils.pages import certified_record


def record(chosen: int) -> dict[str, Any]:
    def transfer(seed: int) -> list[dict[str, Any]]:
        return [
            {"data": data, "eps": eps, "n": 5} | dict.fromkeys(certified_record.COLUMNS, seed + 0.1 * k)
            for k, (data, eps) in enumerate((d, e) for d in ("numerals", "digits") for e in ("1/255", "2/255"))
        ]

    seeds = [
        {"seed": seed, "held out": {"2/255": {"S < m": 0.1, "merged": 0.2 + seed}}, "transfer": transfer(seed)}
        for seed in (0, 1)
    ]
    return {"chosen": chosen, "seeds": seeds}


def test_a_row_for_each_data_set_and_seed() -> None:
    rows = certified_record.rows(record(1), "2/255")
    assert list(zip(rows.data, rows.seed, rows.ships, strict=True)) == [
        ("numerals", 0, ""),
        ("numerals", 1, "yes"),
        ("digits", 0, ""),
        ("digits", 1, "yes"),
    ]
    assert list(rows.merged) == pytest.approx([0.1, 1.1, 0.3, 1.3])
    every = certified_record.over_radii(record(1))
    assert set(every.eps) == {row["eps"] for row in record(1)["seeds"][0]["transfer"]}
    assert len(every) == len(record(1)["seeds"][1]["transfer"])
    held = certified_record.held_out(record(1))
    assert list(held["2/255"]) == pytest.approx([0.2, 1.2])


def test_the_kept_record_is_of_what_ships_and_the_best_ships() -> None:
    kept = certified_record.kept()
    assert kept is not None
    assert [its["seed"] for its in kept["seeds"]] == [0, 1, 2]
    (chosen,) = (its for its in kept["seeds"] if its["seed"] == kept["chosen"])
    card = model_card("embedded/certified")
    assert (chosen["sha256"], chosen["seed"]) == (card["sha256"], card["recipe"]["seed"])
    assert certified_record.held_out(kept).set_index("seed")["2/255"].idxmax() == kept["chosen"]
    for its in kept["seeds"]:
        assert {row["data"] for row in its["transfer"]} == {
            "numerals",
            "digits:coloured",
            "digits",
            "letters",
            "textures",
        }
        assert len(its["transfer"]) == 20
        for row in its["transfer"]:
            assert row["S < m"] <= row["S_P < m"] <= row["merged"] <= row["PGD"] + 1e-9
            assert row["PGD"] <= row["clean"] + 1e-9
            assert row["flipped"] == 0
            assert row["bound / found"] >= 1
