"""What contributors and GitHub rely on: commands that exist, prose that names what is there, one version."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jupytext
import pytest
import yaml
from conftest import ROOT

sys.path.insert(0, str(ROOT / "book"))
import changelog

from rt_utils.pages import execution, profiles

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROSE = ("README.md", "CONTRIBUTING.md", "book/run_it_yourself.md", "book/about.md")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", [*PROSE, *(str(path.relative_to(ROOT)) for path in WORKFLOWS)])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"(?:^|`|run: )make ([a-z-]+)", text(name), re.M))
    assert named
    assert named <= TARGETS


@pytest.mark.parametrize("name", PROSE)
def test_every_chapter_and_parameter_that_is_named_exists(name: str) -> None:
    commands = re.findall(r"^\.venv/bin/rt run (\w+)(.*)$", text(name), re.M)
    for chapter, rest in commands:
        declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
        assert set(re.findall(r"-p (\w+)", rest)) <= set(declared)


@pytest.mark.parametrize("name", PROSE)
def test_every_path_that_is_named_exists(name: str) -> None:
    named = re.findall(r"`((?:rt_utils|book|notebooks|tests|benchmarks)/[\w./]*)`", text(name))
    named += [] if name.startswith("book") else re.findall(r"\]\(([\w./]+)\)", text(name))
    missing = [path for path in named if not re.search("NAME|CHAPTER", path) and not (ROOT / path).exists()]
    assert not missing


def test_the_readme_is_short_and_the_commands_have_help() -> None:
    assert len(text("README.md").splitlines()) <= 110
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"install", "check", "test", "test-long"} <= {line.split()[0] for line in shown.splitlines()}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_workflows(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert {"name", True, "jobs"} <= set(workflow)  # YAML reads the key `on` as true
    assert path.read_text("utf-8").startswith("# Not run yet")
    for job in workflow["jobs"].values():
        for script in re.findall(r"python (book/\w+\.py)", "\n".join(step.get("run", "") for step in job["steps"])):
            assert (ROOT / script).is_file()


def test_one_version() -> None:
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert yaml.safe_load(text("CITATION.cff"))["version"] == version
    assert text("CHANGELOG.md").index("## [Unreleased]") < text("CHANGELOG.md").index("## [0.1.0]")


def test_a_release_needs_its_version_everywhere(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', "utf-8")
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.1.0\n", "utf-8")
    (tmp_path / "CHANGELOG.md").write_text(
        "# C\n\n## [1.2.0] - 2026-12-01\n\n- New.\n\n## [1.1.0]\n\n- Old.\n", "utf-8"
    )
    assert changelog.section((tmp_path / "CHANGELOG.md").read_text("utf-8"), "1.2.0") == "- New."
    assert changelog.problems(tmp_path, "1.2.0") == ["CITATION.cff says 1.1.0"]
    assert changelog.problems(tmp_path, "1.3.0") == [
        "pyproject.toml says 1.2.0",
        "CITATION.cff says 1.1.0",
        "CHANGELOG.md has no section [1.3.0]",
    ]


def test_make_reference_keeps_every_chapter_that_the_profile_holds_for() -> None:
    """Those whose numbers depend on encoders, but for what natural.yaml says nothing to."""
    listed = re.search(r"^NATURAL := (.*?[^\\])$", text("Makefile"), re.S | re.M)
    assert listed is not None
    declared = {
        name: execution.declared_parameters(jupytext.read(execution.source(name))) for name in execution.chapters()
    }
    of_encoders = {name for name, own in declared.items() if {"encoders", "encoder"} & set(own)}
    silent = {
        name
        for name, value in profiles.read(str(ROOT / "notebooks" / "profiles" / "natural.yaml")).items()
        if value is None
    }
    assert set(listed[1].replace("\\", "").split()) == of_encoders - silent
