"""The status page: which chapters ran, with what, and what became of their claims."""

import json
from pathlib import Path

from rt_utils.pages import ledger, status_tables
from rt_utils.pages.ledger import Claim

FACTS = {"hardware": "CPU", "versions": "torch 2", "weights (SHA-256)": "robust 1", "data (fingerprint)": "digits 2"}


def test_runs_are_told_apart_by_what_they_ran_with(tmp_path: Path) -> None:
    files = []
    for k, chapter in enumerate(("one", "two")):
        (tmp_path / chapter).mkdir()
        claims = [Claim(chapter, "c", "embedded", 1, 0, lhs, 1.0) for lhs in (0.0, 0.5, 2.0)[: 2 + k]]
        ledger.write(claims, tmp_path / chapter / "ledger.csv")
        (tmp_path / chapter / "parameters.json").write_text(json.dumps({"profile": "embedded"}))
        run = FACTS | {
            "hardware": f"CPU {k}",
            "time": "7 s",
            "finished (UTC)": "2026-01-02 03:04",
            "code (digest)": "c",
        }
        files.append(tmp_path / chapter / "run.json")
        files[k].write_text(json.dumps(run))
    runs = status_tables.read(files)
    rows = status_tables.chapters(runs)
    assert list(rows.chapter) == ["one", "two"]
    assert list(rows.claims) == ["2 holds", "2 holds, 1 violated"]
    facts = status_tables.facts(runs).set_index("value").chapters
    assert facts["CPU 0"] == "one"
    assert facts["torch 2"] == "one, two"
    assert len(facts) == 5
