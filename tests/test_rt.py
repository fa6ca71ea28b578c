"""`rt` and the parameter contract: what is wrong is refused in one line before anything runs."""

import os
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml
from conftest import ROOT

from rt_utils import cli, parameters
from rt_utils.errors import InputError

CHAPTER = "theorem_2_criterion"

REFUSED = [
    (["-p", "eps", "8"], "eps 8 is out of range"),
    (["-p", "eps", "-1/255"], "eps '-1/255' is out of range"),
    (["-p", "eps", "abc"], "eps 'abc' is not a number"),
    (["-p", "eps", "1/0"], "eps '1/0' divides by zero"),
    (["-p", "eps", "nan"], "eps nan is not finite"),
    (["-p", "norm", "l7"], "unknown norm 'l7': use linf or l2"),
    (["-p", "steps", "0"], "steps 0 is out of range"),
    (["-p", "seed", "1.5"], "seed 1.5 is not a whole number"),
    (["-p", "seed", "abc"], "seed 'abc' is not a whole number"),
    (["-p", "epss", "0.1"], "unknown parameter 'epss': use eps"),
    (["-p", "profile", "embeded"], "unknown profile 'embeded': use embedded"),
    (["-p", "encoders", "embedded/robst"], "unknown encoder 'embedded/robst': use embedded/robust"),
    (["-p", "data", "digit"], "unknown data set 'digit': use digits"),
    (["-p", "data", "digits, digits"], "names the same thing twice"),
    (["-p", "data", "folder:/nowhere"], "no folder '/nowhere'"),
    (["-f", "/nowhere.yaml"], "cannot read the profile '/nowhere.yaml'"),
]


@pytest.mark.parametrize(("options", "reason"), REFUSED, ids=[" ".join(options) for options, _ in REFUSED])
def test_a_wrong_input_is_refused_in_one_line(
    options: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", CHAPTER, *options])
    assert str(caught.value).startswith("rt: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []  # nothing ran, nothing was written


def test_the_command_itself_refuses_without_a_traceback(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "rt"), "run", "theorem_2", "-p", "eps", "4/255"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"rt: unknown chapter 'theorem_2': use {CHAPTER}\n"


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*/file/out.ipynb"):
        cli.run(CHAPTER, {}, tmp_path / "file" / "out.ipynb", progress=False)


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


def test_a_profile_holds_only_names_that_every_experiment_declares() -> None:
    for file in (ROOT / "notebooks" / "profiles").glob("*.yaml"):
        profile = yaml.safe_load(file.read_text("utf-8"))
        assert profile["profile"] == file.stem
        for name in cli.chapters():
            declared = cli.declared_parameters(jupytext.read(cli.source(name)))
            if "profile" in declared:
                parameters.check(profile, declared)


def test_the_same_parameters_have_the_same_key_wherever_results_go() -> None:
    keys = [parameters.check({"eps": e, "results": r}).key() for e, r in (("8/255", "a"), (8 / 255, "b"), (0.1, "a"))]
    assert keys[0] == keys[1] != keys[2]


def test_help_runs() -> None:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    for target in ("book", "test", "check", "notebooks", "clean", "encoders"):
        assert f"\n{target} " in f"\n{done.stdout}"
