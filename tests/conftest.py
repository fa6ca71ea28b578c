import gzip
import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:  # read when torch is imported, here and in all that tests start
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers of several threads each wait for one another

import numpy as np
import papermill
import pytest
from jaxtyping import install_import_hook
from PIL import Image

install_import_hook("rt_utils", "shape_checks.checked")  # before anything of the package is imported

import in_process  # noqa: E402

from rt_utils.models import public_files  # noqa: E402
from rt_utils.models.catalogue import PUBLIC  # noqa: E402
from rt_utils.pages import execution  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


# The slow files that take minutes each. xdist hands out whole files: one of these begun last would run on alone.
DEAR_FIRST = ("pipeline", "natural_profile", "sweeps", "paper_profile", "audit", "chapter", "sweeps_on_slurm")


@pytest.hookimpl(tryfirst=True)  # before those that were not asked for are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at a whole chapter's run is slow. Begin with the dear files, in that order; the others stay."""
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    rank = {f"test_{name}.py": place for place, name in enumerate(DEAR_FIRST)}
    assert all((ROOT / "tests" / name).is_file() for name in rank), "a dear file has another name"
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither read nor fill the cache of the book."""
    os.environ["RT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


IN_KERNELS = papermill.execute_notebook
papermill.execute_notebook = in_process.execute_notebook  # but for tests marked `kernel`, and in other processes


@pytest.fixture(autouse=True)
def _a_kernel_for_those_who_ask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("kernel"):
        monkeypatch.setattr(papermill, "execute_notebook", IN_KERNELS)


def let_attacks_take_one_step(patch: pytest.MonkeyPatch) -> None:
    """For tests of what a chapter does with what attacks find; in this process, so that no other is started."""
    patch.setenv("LOKY_MAX_CPU_COUNT", "1")
    patch.setenv("RT_CACHE", f"{os.environ['RT_CACHE']}-one-step")  # no other test meets what so weak attacks found
    from rt_utils.evaluation import attacks, halving  # here, since few tests need foolbox

    pgd, climb = attacks._pgd, halving._climb

    def one(model: object, values: object, x: object, threat: object, its: Any, *start: object) -> object:
        return pgd(model, values, x, threat, replace(its, steps=min(1, its.steps), refine=0), *start)

    def one_a_rung(
        values: object, x: object, threat: object, start: object, velocity: object, sizes: list[float], momentum: float
    ) -> object:
        return climb(values, x, threat, start, velocity, sizes[:1], momentum)

    patch.setattr(attacks, "_pgd", one)
    patch.setattr(halving, "_climb", one_a_rung)


@pytest.fixture
def attacks_of_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    let_attacks_take_one_step(monkeypatch)


def run_in(folder: Path, chapter: str, values: dict[str, Any]) -> Path:
    """Run a chapter with these values in `folder`, where its page is out.ipynb and its results are; returns it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        execution.run(chapter, values, Path("out.ipynb"), progress=False)
    return folder


def unpack_fashion_mnist(shared: Path, root: Path) -> None:
    """The real files, as torchvision wants them below `root`."""
    (root / "FashionMNIST" / "raw").mkdir(parents=True)
    for path in (shared / "FashionMNIST" / "raw").glob("*.gz"):
        with gzip.open(path) as packed, (root / "FashionMNIST" / "raw" / path.stem).open("wb") as file:
            shutil.copyfileobj(packed, file)


@pytest.fixture(scope="session")
def public_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real files under the names of the cards, for $RT_MODELS; skipped where ../shared is absent."""
    files = sorted((ROOT.parent / "shared" / "encoders").glob("*.*th"))
    if not files:
        pytest.skip("../shared/encoders is absent")
    root = tmp_path_factory.mktemp("real")
    (root / "public").mkdir()
    by_digest = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in files}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_MODELS", str(root))
        for name in PUBLIC:
            public_files.place(name).symlink_to(by_digest[public_files.card(name)["sha256"]])
    return root


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Two classes of 20 images each that a probe can tell apart: bright above, or bright below."""
    rng = np.random.default_rng(0)
    for name, rows in (("above", slice(0, 20)), ("below", slice(20, 40))):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 80, (40, 40, 3), dtype=np.uint8)
            pixels[rows] += 150
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i:02}.png")
    return tmp_path / "images"
