"""What a result's code is: everything that it runs through, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from rt_utils.models.catalogue import load_encoder
from rt_utils.runtime import code_digest

ATTACKS = "rt_utils.evaluation.search"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, first on the path of `digest`."""
    shutil.copytree(ROOT / "rt_utils", tmp_path / "rt_utils", ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    return tmp_path


def digest(package: Path, *roots: str) -> str:
    code = f"from rt_utils.runtime.code_digest import digest; print(digest(frozenset({roots!r})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=package, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def append(package: Path, module: str, line: str) -> None:
    with (package / "rt_utils" / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


@pytest.mark.parametrize(
    "module",
    ["evaluation/search", "evaluation/attacks", "theory/statements", "theory/threat", "models/head", "runtime/devices"],
)
def test_attacks_depend_on_what_they_run_through(package: Path, module: str) -> None:
    before = digest(package, ATTACKS)
    append(package, module, "OTHER = 1")
    assert digest(package, ATTACKS) != before


def test_attacks_do_not_depend_on_pages_words_or_the_command_line(package: Path) -> None:
    before = digest(package, ATTACKS)
    for module in ("pages/tables", "pages/figures", "pages/ledger", "cli", "training/finetuning", "images/folder"):
        append(package, module, "OTHER = 1")
    append(package, "runtime/errors", "OTHER = 1")
    append(package, "evaluation/attacks", "# a comment")
    source = package / "rt_utils" / "evaluation" / "search.py"
    text = source.read_text("utf-8")
    assert "The attacks that a page runs" in text
    source.write_text(text.replace("The attacks that a page runs", "What a page runs"), "utf-8")
    assert digest(package, ATTACKS) == before


def test_an_encoder_depends_on_what_made_it_and_on_its_layers() -> None:
    robust = load_encoder("embedded/robust").code
    assert {"rt_utils.models.shipped", "rt_utils.models.networks.small_resnet"} <= robust
    other = code_digest.modules(load_encoder("torchvision/resnet18").code)
    assert "rt_utils.models.libraries" in other
    assert "rt_utils.models.networks.small_resnet" not in other


def test_versions_of_what_the_code_imports_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_other(package: str) -> str:
        monkeypatch.setattr(code_digest, "version", lambda name: "2" if name == package else "1")
        return code_digest.digest.__wrapped__(frozenset({ATTACKS}))

    assert with_other("foolbox") != with_other("none") == with_other("jupytext")
