"""`rt` and the parameter contract: what is wrong is refused in one line before anything runs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pytest
from conftest import ROOT

from rt_utils import cli
from rt_utils.pages import execution, parameters
from rt_utils.runtime import cache
from rt_utils.runtime.errors import InputError

CHAPTER = "theorem_2_criterion"


def test_the_command_itself_refuses_without_a_traceback(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "rt"), "run", "theorem_2", "-p", "eps", "4/255"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"rt: unknown chapter 'theorem_2': use {CHAPTER}\n"


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_an_output_that_is_no_file_is_refused_and_stays(kind: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    {"pipe": os.mkfifo, "folder": os.mkdir, "link": lambda path: os.symlink(os.devnull, path)}[kind](output)
    mode = output.lstat().st_mode
    with pytest.raises(InputError) as caught:
        execution.run("setting", {}, output)
    assert str(caught.value) == f"cannot write {str(output)!r}: it is a folder or a device, not a file"
    assert output.lstat().st_mode == mode
    assert list(tmp_path.iterdir()) == [output]


def test_rt_cache_shows_and_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "kept"))
    cache.kept(cache.Entry("numbers", ("one",), frozenset()), lambda: np.ones(3))
    cli.main(["cache"])
    assert re.search(r"numbers +current +1 entries", capsys.readouterr().out)
    cli.main(["cache", "--clear"])
    assert not (tmp_path / "kept").exists()


def test_values_from_the_command_line() -> None:
    assert [cli.value_of(text) for text in ("8/255", "3", "0.5", "True", "linf")] == ["8/255", 3, 0.5, True, "linf"]


def test_names_of_folders_may_hold_commas(image_folder: Path) -> None:
    odd = image_folder.with_name("mine, yours")
    image_folder.rename(odd)
    assert parameters.check({"data": f"digits, folder:{odd}, glyphs"}).data == ["digits", f"folder:{odd}", "glyphs"]


@pytest.mark.parametrize("name", execution.chapters())
def test_every_chapter_declares_only_known_parameters(name: str) -> None:
    declared = execution.declared_parameters(jupytext.read(execution.source(name)))
    assert set(declared) <= set(parameters.KNOWN)
    parameters.check(declared)


def test_the_same_parameters_have_the_same_key_wherever_results_go() -> None:
    keys = [parameters.check({"eps": e, "results": r}).key() for e, r in (("8/255", "a"), (8 / 255, "b"), (0.1, "a"))]
    assert keys[0] == keys[1] != keys[2]


def test_what_is_no_part_of_the_key() -> None:
    """Where a run writes and how many workers it has change no number; all else does."""
    values = {"eps": "8/255", "seed": 1, "n_test": 5, "data": "digits", "workers": 1, "results": "a"}
    key = parameters.check(values).key()
    for name, other in {"workers": 2, "results": ""}.items():
        assert parameters.check(values | {name: other}).key() == key, name
    for name, other in {"eps": "7/255", "seed": 2, "n_test": 6, "data": "glyphs"}.items():
        assert parameters.check(values | {name: other}).key() != key, name
    assert parameters.check(values).results_folder("slack") == Path("a")
    own = parameters.check(values | {"results": ""}).results_folder("slack")
    assert own == Path("results") / f"slack-{key}"


@pytest.mark.parametrize(
    ("values", "parsed"),
    [
        ({"norm": "l2", "eps": 3}, {"norm": "l2", "eps": 3.0}),  # beyond what l_inf allows
        ({"eps": "8/255"}, {"eps": 8 / 255}),
        ({"rho": 0.5}, {"rho": 0.5}),
        ({"rho": 0.51}, "rho 0.51 is out of range: give a number above 0, at most 0.5"),
        ({"rho": 0}, "rho 0 is out of range"),
        ({"n_train": 2}, {"n_train": 2}),
        ({"n_train": 1}, "n_train 1 is out of range: give a whole number from 2 to"),
        ({"steps": True}, "steps True is not a whole number"),
        ({"probe_lr": True}, "probe_lr True is not a number"),
        ({"probe_lr": 100.5}, "probe_lr 100.5 is out of range"),
        ({"data": ["digits", "glyphs"]}, {"data": ["digits", "glyphs"]}),
        ({"data": "digits, glyphs"}, {"data": ["digits", "glyphs"]}),
        ({"data": ["digits", "digits"]}, "names the same thing twice"),
        ({"encoder": "embedded/robust"}, {"encoder": "embedded/robust"}),
    ],
)
def test_what_a_value_becomes(values: dict[str, Any], parsed: dict[str, Any] | str) -> None:
    if isinstance(parsed, str):
        with pytest.raises(InputError) as caught:
            parameters.check(values)
        assert parsed in str(caught.value)
    else:
        assert vars(parameters.check(values)) == parsed


def test_help_runs() -> None:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    for target in ("book", "test", "check", "notebooks", "clean", "encoders"):
        assert f"\n{target} " in f"\n{done.stdout}"
