"""The slider over what a page has computed: its data, and its HTML."""

import json

import pandas as pd
import pytest

from rt_utils.pages import what_if

ROWS = pd.DataFrame({"λ": [0.0, 0.1, 0.0, 0.1], "data": ["a", "a", "<b>", "<b>"], "gap": [1.23456, 1, 3, 2]})
GAPS = what_if.Sweep("gaps", "λ", "data", {"gap": "loss gap"}, "λ", "")


def test_each_group_has_every_setting() -> None:
    content = what_if.content(ROWS, "#000", GAPS)
    assert content["settings"] == ["0", "0.1"]
    assert content["groups"][0] == {"name": "a", "colour": "#000", "values": {"loss gap": [1.235, 1.0]}}
    assert what_if.content(ROWS.replace(2, float("nan")), "#000", GAPS)["groups"][1]["values"]["loss gap"] == [3, None]
    each = what_if.content(ROWS, {"a": "#111", "<b>": "#222"}, GAPS)["groups"]
    assert [group["colour"] for group in each] == ["#111", "#222"]
    with pytest.raises(ValueError, match="not "):
        what_if.content(ROWS.iloc[:3], "#000", GAPS)


def test_the_figure_holds_its_data() -> None:
    source = what_if.what_if(ROWS, 1, "#000", GAPS).source
    held = json.loads(source.partition('json">')[2].partition("</script>")[0])
    assert held == what_if.content(ROWS, "#000", GAPS)
    assert "<b>" not in source
    assert 'max="1" step="1" value="1"' in source
