"""Profiles: what a file says to each chapter."""

from pathlib import Path
from typing import Any

import jupytext
import pytest
import yaml
from conftest import ROOT
from test_downloaded import _intel

from rt_utils.images import places
from rt_utils.models import public_files
from rt_utils.pages import execution, parameters, profiles
from rt_utils.runtime.errors import InputError

FOLDER = ROOT / "notebooks" / "profiles"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
DECLARED = {name: execution.declared_parameters(jupytext.read(execution.source(name))) for name in execution.chapters()}


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders where the paper's data sets belong, and files of public networks, so that their names are accepted."""
    monkeypatch.setenv("RT_MODELS", str(tmp_path / "models"))
    (tmp_path / "models" / "public").mkdir(parents=True)
    for name in public_files.NAMES:
        public_files.place(name).touch()
    monkeypatch.setenv("RT_DATA", str(tmp_path / "data"))
    for _, below, _ in places.TORCHVISION.values():
        (tmp_path / "data" / below).mkdir(parents=True)
    for below, classes, _ in places._FOLDERS.values():
        for i in range(classes):
            (tmp_path / "data" / below / "train" / str(i)).mkdir(parents=True)
    _intel(tmp_path / "data" / "intel")
    (tmp_path / "data" / places.DSPRITES_FILE).touch()


@pytest.mark.parametrize("file", FILES)
def test_a_profile_fits_every_chapter(file: str, images: None) -> None:
    content = yaml.safe_load((FOLDER / file).read_text("utf-8"))
    assert f"{Path(file).stem}_".startswith(f"{content['profile']}_")
    for chapter, declared in DECLARED.items():
        if chapter in content:
            assert content[chapter] is None
            with pytest.raises(InputError, match=f"does not hold for {chapter}: run it without -f"):
                profiles.for_chapter(str(FOLDER / file), chapter, declared, DECLARED)
            continue
        given = profiles.for_chapter(str(FOLDER / file), chapter, declared, DECLARED)
        parameters.check(given, declared)
        assert ("profile" in declared) == ("profile" in given)
    for name in content:
        assert name in DECLARED or any(name in (n, f"{c}.{n}") for c, ns in DECLARED.items() for n in ns), name


def test_the_default_profile_holds_only_names_that_every_experiment_declares() -> None:
    """Plain papermill puts every name of a file into the chapter, known there or not."""
    content = yaml.safe_load((FOLDER / "embedded.yaml").read_text("utf-8"))
    for declared in DECLARED.values():
        if "profile" in declared:
            parameters.check(content, declared)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("rho: 0.1", {"rho": 0.1}),  # no profile: a file for one chapter, whose names rt checks as any other's
        ("profile: paper\nrho: 0.1\nn_test: 5", {"profile": "paper", "n_test": 5}),
        ("profile: paper\nslack.n_test: 7\naudit.n_test: 9\nn_test: 5", {"profile": "paper", "n_test": 7}),
        ("profile: paper\naudit: ~\nn_test: 5", {"profile": "paper", "n_test": 5}),
        ("profile: paper\nn_tset: 5", "unknown parameter 'n_tset': use n_test"),
        ("profile: paper\nslak.n_test: 5", "unknown chapter 'slak': use slack"),
        ("profile: paper\nslack: ~", "does not hold for slack: run it without -f"),
    ],
)
def test_what_a_file_says_to_one_chapter(lines: str, expected: Any, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text(lines)
    arguments = str(tmp_path / "file.yaml"), "slack", DECLARED["slack"], DECLARED
    if isinstance(expected, dict):
        assert profiles.for_chapter(*arguments) == expected
    else:
        with pytest.raises(InputError) as caught:
            profiles.for_chapter(*arguments)
        assert expected in str(caught.value)
