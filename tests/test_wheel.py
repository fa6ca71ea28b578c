"""The package as others install it: built, put elsewhere, and used from a folder that is not the book's."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent
USE = """
import sys
import torch
import rt_utils
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages.published import published_table
from rt_utils.runtime import paths

assert rt_utils.__file__.startswith(sys.argv[1]), rt_utils.__file__
encoder = load_encoder("embedded/robust")
features = encoder.features(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
assert features.shape == (2, encoder.width) and features.isfinite().all()
assert load_encoder("natural/robust").width and len(published_table("table3"))
print(features.sum().item(), paths.cache())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "rt_utils", source / "rt_utils", ignore=shutil.ignore_patterns("__pycache__", "*.state.*"))
    command = [BIN / "uv", "build", "--wheel", "--no-build-isolation", "--offline", "--python", sys.executable]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = (source / "dist").glob("*.whl")
    return built


def test_it_holds_every_module_and_every_file(wheel: Path) -> None:
    files = subprocess.run(["git", "ls-files", "rt_utils"], cwd=ROOT, capture_output=True, text=True, check=True)
    expected = set(files.stdout.split())
    assert {"rt_utils/py.typed", "rt_utils/models/shipped/embedded/robust.json"} <= expected
    assert expected - {*zipfile.ZipFile(wheel).namelist()} == set()


def test_a_shipped_encoder_is_loaded_from_it(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = [BIN / "uv", "pip", "install", "--offline", "--no-deps", "--target", target, wheel]
    subprocess.run([*install, "--python", sys.executable], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    environment.pop("RT_CACHE", None)
    command = [sys.executable, "-c", USE, str(target)]
    done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == str(elsewhere / ".cache" / "rt")
    assert not any(elsewhere.iterdir())  # nothing is written to load an encoder
