"""What `make book` says while it runs, by a clock that the test moves."""

import io
import sys
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "book"))
import pipeline

from rt_utils.runtime import snakemake
from rt_utils.runtime.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Build:
    def __init__(self, times: dict[str, float], out: io.StringIO) -> None:
        self.now, self.out, self.err = 0.0, out, io.StringIO()
        self.progress = Progress(times, out=out, err=self.err, clock=lambda: self.now)

    def says(self, at: float, *lines: str) -> None:
        self.now = at
        for line in lines:
            self.progress.take(line)
        self.progress.tick()


def test_plain_lines_at_each_start_and_end_and_once_a_minute() -> None:
    build = Build({"slack": 100.0, "roli": 400.0, "audit": 30.0}, io.StringIO())
    build.says(0, "to run: slack roli audit", "running slack", "running roli")
    for second in range(1, 83):
        build.says(second)
    build.says(83, "wrote chapters/slack.ipynb")
    assert build.out.getvalue().splitlines() == [
        "slack: started",
        "roli: started",
        "0 of 3 done, about 6 min left; running slack 1:00, roli 1:00",
        "slack: done after 1:23; 1 of 3 done, about 5 min left",
    ]
    assert build.err.getvalue() == ""


def test_a_first_build_says_that_it_cannot_tell() -> None:
    build = Build({}, io.StringIO())
    build.says(0, "to run: slack", "running slack")
    assert build.progress.status() == ("0 of 1 done, no times of an earlier run to tell how long; running slack 0:00")


def test_two_run_at_once() -> None:
    build = Build({"slack": 100.0, "roli": 100.0, "audit": 100.0}, io.StringIO())
    build.says(0, "to run: slack roli audit", "running slack", "running roli")
    assert build.progress.left() == 150
    build.says(130)
    assert build.progress.left() == 100  # the two are late, the third takes its time


def test_errors_are_shown_as_they_stand_and_end_the_chapter() -> None:
    error = ["rt: slack: RuntimeError: on purpose (notebook: chapters/slack.failed.ipynb)", "a\ttraceback"]
    build = Build({}, io.StringIO())
    build.says(0, "running slack", *error)
    assert build.err.getvalue().splitlines() == error
    assert build.progress.running == {}


def test_a_terminal_has_one_line_that_moves_and_goes() -> None:
    build = Build({"slack": 300.0}, Terminal())
    build.says(0, "to run: slack", "running slack")
    build.says(61)
    shown = build.out.getvalue()
    assert "\n" in shown
    assert shown.rsplit("\r", 1)[1].strip() == "0 of 1 done, about 4 min left; running slack 1:01"
    build.says(62, "wrote chapters/slack.ipynb")
    build.progress.close()
    last = build.out.getvalue().split("\n")[-1]
    assert last.split("\r")[-1].strip() == ""
    assert build.out.getvalue().count("\n") == 2


def test_times_come_from_the_last_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("slack", '{"time": "83 s"}'), ("roli", "{"), ("audit", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text, "utf-8")
    monkeypatch.setattr(pipeline, "RESULTS", tmp_path)
    assert pipeline.times() == {"slack": 83.0}


def stopped(monkeypatch: pytest.MonkeyPatch, removed: set[str], errors: int) -> str:
    seen = iter([{"book/index.md"} | removed, {"book/index.md"}])
    monkeypatch.setattr(pipeline, "inputs", lambda: next(seen))

    def follow(arguments: list[str], log: Path, progress: Progress, *_: object, **__: object) -> int:
        progress.errors = errors
        return 1

    monkeypatch.setattr(snakemake, "follow", follow)
    with pytest.raises(SystemExit) as caught:
        pipeline.build([])
    return str(caught.value)


def test_what_stopped_a_build_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = stopped(monkeypatch, {"book/api.md"}, 0)
    assert gone.startswith("make book: stopped, since book/api.md was removed while it ran; run it again; ")
    assert stopped(monkeypatch, set(), 2).startswith("make book: stopped by the error above; ")
    assert "Snakemake does not say why" in stopped(monkeypatch, set(), 0)


def test_the_inputs_of_a_build_are_its_files_and_errors_are_counted(tmp_path: Path) -> None:
    for name in ("_toc.yml", "book/index.md", "rt_utils/a.py", "rt_utils/__pycache__/a.pyc", "results/b.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert pipeline.inputs(tmp_path) == {"_toc.yml", "book/index.md", "rt_utils/a.py"}
    assert {"notebooks/slack.md", "rt_utils/cli.py", "_config.yml"} <= pipeline.inputs()
    build = Build({}, io.StringIO())
    build.says(0, "to run: slack", "running slack", "wrote chapters/slack.ipynb", "")
    assert build.progress.errors == 0
    build.says(1, "rt: slack: ValueError: no")
    assert build.progress.errors == 1
