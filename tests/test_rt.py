"""`rt` and the parameter contract: what is wrong is refused in one line before anything runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import numpy as np
import pytest
from conftest import ROOT

from rt_utils import cli
from rt_utils.pages import parameters
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
        cli.run("setting", {}, output)
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


@pytest.mark.parametrize("name", cli.chapters())
def test_every_chapter_declares_only_known_parameters(name: str) -> None:
    declared = cli.declared_parameters(jupytext.read(cli.source(name)))
    assert set(declared) <= set(parameters.KNOWN)
    parameters.check(declared)


def test_the_same_parameters_have_the_same_key_wherever_results_go() -> None:
    keys = [parameters.check({"eps": e, "results": r}).key() for e, r in (("8/255", "a"), (8 / 255, "b"), (0.1, "a"))]
    assert keys[0] == keys[1] != keys[2]


def test_help_runs() -> None:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    for target in ("book", "test", "check", "notebooks", "clean", "encoders"):
        assert f"\n{target} " in f"\n{done.stdout}"
