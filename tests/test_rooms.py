"""The rooms: imports go one way, also those by name; what only checks a name loads nothing heavy."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

BIN = Path(sys.executable).parent
PACKAGE = ROOT / "rt_utils"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
STOREYS = [storey.split(" | ") for storey in CONTRACTS[0]["layers"]]


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import contracts, checked for the package in `folder`."""
    command = [str(BIN / "lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "rt_utils", ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    (tmp_path / "rt_utils" / "models" / "shipped").mkdir()
    for name in ("pyproject.toml", "rt_utils/models/shipped/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_make_check_looks_at_the_imports() -> None:
    assert "lint-imports" in (ROOT / "Makefile").read_text("utf-8")
    assert "lint-imports" in (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    done = linted(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "seen"),
    [
        (
            "theory/threat.py",
            "from rt_utils.images import places",
            "rt_utils.theory.threat -> rt_utils.images.places",
        ),
        (
            "runtime/cache.py",
            "def later():\n    import rt_utils.evaluation.probe",
            "rt_utils.runtime.cache -> rt_utils.evaluation.probe",
        ),
        (
            "training/finetuning.py",
            "from rt_utils.pages import tables",
            "rt_utils.training.finetuning -> rt_utils.pages.tables",
        ),
        ("images/places.py", "from rt_utils.images import folder", "No circle BROKEN"),
        ("attic.py", "", "rt_utils.attic"),
    ],
    ids=["a sibling's", "upward, inside a function", "between pages and training", "a circle in a room", "a new room"],
)
def test_a_planted_import_is_refused(package: Path, file: str, line: str, seen: str) -> None:
    with (package / "rt_utils" / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    done = linted(package)
    assert done.returncode == 1
    assert seen in " ".join(done.stdout.split())


def storey(module: str) -> int:
    """0 for the highest."""
    return next(number for number, rooms in enumerate(STOREYS) if module.split(".")[1] in rooms)


def test_modules_that_are_named_in_texts_are_in_the_same_room_or_below() -> None:
    """What `lazily` or a server of processes imports by its name is seen by no linter."""
    named = 0
    for path in PACKAGE.rglob("*.py"):
        own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("rt_utils."):
                named += 1
                same_room = node.value.split(".")[1] == own.split(".")[1]
                assert same_room or storey(node.value) > storey(own), f"{own} names {node.value}"
    assert named > 5


LIGHT = """
import sys
import jupytext
from rt_utils.pages import execution
from rt_utils.theory import threat
from rt_utils.pages import parameters, profiles
from rt_utils.images.catalogue import check_data_set
from rt_utils.models.catalogue import check_encoder

for chapter in execution.chapters():
    declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
    profile = profiles.for_chapter("notebooks/profiles/embedded.yaml", chapter, declared, execution.chapters())
    parameters.check(declared | profile)
for name, value in (("eps", 8), ("norm", "l7"), ("steps", 0), ("epss", 1), ("data", "digit"), ("data", "folder:/no"),
                    ("encoders", "embedded/robst"), ("encoders", "file:no.pt@torchvision/resnet18")):
    wrong = {name: value}
    try:
        parameters.check(wrong)
    except parameters.InputError:
        continue
    sys.exit(f"{wrong} was taken")
check_data_set("digits"), check_encoder("natural/robust"), threat.Threat.parse("l2", "1/2")
print(*sorted({"torch", "torchvision", "numpy", "pandas", "sklearn", "matplotlib"} & {*sys.modules}))
"""


def test_what_only_checks_names_and_values_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("\n", "")


@pytest.mark.parametrize("arguments", [["list"], ["run", "theorem_2_criterion", "-p", "eps", "8"]])
def test_rt_answers_without_torch(arguments: list[str], tmp_path: Path) -> None:
    """It takes a second or less; torch alone would take two."""
    (tmp_path / "torch.py").write_text("raise RuntimeError('torch is imported')", "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [str(BIN / "rt"), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "torch" not in done.stderr
    answer = done.stdout if arguments == ["list"] else done.stderr
    assert ("theorem_2_criterion\n" in answer) if arguments == ["list"] else answer.startswith("rt: eps 8 is out of")


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_nothing_but_paths_climbs_from_its_own_file() -> None:
    for path in PACKAGE.rglob("*.py"):
        own, nodes = path.relative_to(PACKAGE).as_posix(), [*ast.walk(ast.parse(path.read_text("utf-8")))]
        climbs = any(isinstance(node, ast.Name) and node.id == "__file__" for node in nodes)
        assert climbs == (own == "runtime/paths.py"), own
        assert not any(name.startswith("importlib.resources") for node in nodes for name in imported(node)), own
