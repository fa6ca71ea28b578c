"""Runs tests against a copy of the package in forked processes, from a server that has imported all else.

`python planting.py COPY TEMPORARY` reads one line of JSON after another, each a list of tests, and answers each with
pytest's exit code and the end of its output. A fresh process for each, because the copy changes between them.
"""

import contextlib
import gc
import importlib
import json
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
# What the package and its tests import, apart from themselves. What is missing here costs time and nothing else.
BEFORE = (
    *("beartype", "eagerpy", "filelock", "foolbox", "hypothesis", "jaxtyping", "joblib", "jupytext"),
    *("matplotlib.pyplot", "nbformat", "numpy", "pandas", "papermill", "PIL.Image", "pyautoattack.autopgd_base"),
    *("pytest", "safetensors.torch", "scipy.stats", "seaborn", "sklearn.datasets", "sklearn.model_selection"),
    *("torch", "torch._dynamo", "torchvision", "tqdm", "yaml"),
)


def tests(copy: str, temporary: Path, chosen: list[str]) -> int:
    """Pytest's exit code: 0 where all pass, 1 where one fails; others say that they could not be run."""
    import pytest

    sys.dont_write_bytecode = True  # two versions of a file may have the same size and second
    for name in [name for name in sys.modules if name.partition(".")[0] == "rt_utils"]:
        del sys.modules[name]  # papermill loaded its engine from the package itself, not from the copy
    sys.path.insert(0, copy)
    os.environ["PYTHONPATH"] = copy  # of the processes that a test starts
    options = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--timeout=300", f"--basetemp={temporary / 'run'}"]
    return int(pytest.main([*options, "-c", str(TESTS.parent / "pyproject.toml"), *(f"{TESTS}/{t}" for t in chosen)]))


def main(copy: str, temporary: Path) -> None:
    """Answer until the input ends."""
    for name in BEFORE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        output = temporary / "output"
        child = os.fork()
        if child == 0:
            with output.open("w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            code = tests(copy, temporary, json.loads(line))
            sys.stdout.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([code, output.read_text("utf-8", "replace")[-2000:]]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
