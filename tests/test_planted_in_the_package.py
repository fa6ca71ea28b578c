"""An error is planted in a copy of the package, one at a time, and the fast test named beside it must fail.

The errors are of the kinds that tests of numbers tend to miss: what lies outside the threat, keys of the cache, flags,
which points and labels, strength, seeds, precision, constants. They are listed in planted.py; those that are planted in
chapters are in test_planted_errors.py.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from planted import PLANTED

Run = Callable[..., tuple[int, str]]
forked = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")


def packages(root: Path) -> list[Path]:
    return [path.parent for path in root.glob("*/__init__.py")]


def sources(root: Path) -> dict[Path, str]:
    return {path: path.read_text("utf-8") for package in packages(root) for path in package.rglob("*.py")}


def place(files: dict[Path, str], right: str) -> Path:
    """The one file in which `right` stands, once. Modules may move and be renamed."""
    found = {path: count for path, text in files.items() if (count := text.count(right))}
    assert list(found.values()) == [1], f"{right!r} stands {sum(found.values())} times: {sorted(map(str, found))}"
    return next(iter(found))


def test_what_is_replaced_stands_in_the_package_once() -> None:
    files = sources(ROOT)
    for right, wrong, _ in PLANTED:
        assert place(files, right)
        assert wrong != right


def copied(source: str, target: str) -> None:
    """Code is copied, to be altered; weights and the like are linked."""
    if source.endswith(".py"):
        shutil.copy(source, target)
    else:
        os.symlink(source, target)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with a copy of its packages, and links to the rest."""
    folder = tmp_path_factory.mktemp("copy")
    for path in ROOT.iterdir():
        if path in packages(ROOT):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, folder / path.name, copy_function=copied, ignore=ignored)
        elif not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def run(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs tests against the copy as it is now, in a process of their own: pytest's exit code, and what it printed."""
    command = [sys.executable, str(Path(__file__).with_name("planting.py")), str(copy)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, str(tmp_path_factory.mktemp("planting"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as server:
        assert server.stdin
        assert server.stdout

        def answer(*tests: str) -> tuple[int, str]:
            print(json.dumps(tests), file=server.stdin, flush=True)
            code, output = json.loads(server.stdout.readline())
            return code, output

        yield answer


def each_planted() -> list[Any]:
    """Every fourth in CI, which is at least 40; with the others the sweep takes seven minutes."""
    marks = [pytest.mark.long if number % 4 else () for number in range(len(PLANTED))]
    return [
        pytest.param(right, wrong, test, marks=its, id=f"{right[:40]} -> {wrong[:40]}")
        for (right, wrong, test), its in zip(PLANTED, marks, strict=True)
    ]


@pytest.mark.slow
@forked
@pytest.mark.parametrize(("right", "wrong", "test"), each_planted())
def test_a_planted_error_is_caught(right: str, wrong: str, test: str, copy: Path, run: Run) -> None:
    files = sources(copy)
    path = place(files, right)
    path.write_text(files[path].replace(right, wrong), "utf-8")
    try:
        code, output = run(test)
    finally:
        path.write_text(files[path], "utf-8")
    assert code == 1, f"{test} ended with {code} and did not notice it: {output}"


@pytest.mark.slow
@forked
def test_without_an_error_the_same_tests_pass(run: Run) -> None:
    """Those of the errors planted in CI; CI runs every test of them from the package itself, too."""
    code, output = run(*sorted({test for _, _, test in PLANTED[::4]}))
    assert code == 0, output
