"""The three lists of requirements say the same thing."""

import re
import tomllib

import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
LOCKED = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", LOCK, re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_every_requirement_is_locked_at_a_version_it_allows() -> None:
    asked = PROJECT["dependencies"] + [r for extra in PROJECT["optional-dependencies"].values() for r in extra]
    locked: dict[str, list[str]] = {}
    for name, version in LOCKED:
        locked.setdefault(canonicalize_name(name), []).append(version)
    for text in asked:
        requirement = Requirement(text)
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{text} is not in requirements.lock: make lock"
        assert all(requirement.specifier.contains(version) for version in versions), f"{text} against {versions}"


def test_the_lock_is_exact_hashed_and_names_no_index() -> None:
    assert len(LOCKED) > 100
    assert not re.search(r"https?://|--(extra-)?index|--find-links|file:", LOCK)
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "torch==2.13.0" not in LOCK


def test_conda_users_get_the_locked_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    python, pip, requirements = environment["dependencies"]
    assert pip == "pip"
    assert requirements == {"pip": ["-r requirements.lock"]}
    version = python.removeprefix("python=")
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{version}.0")
