"""One cell of a sweep: what a job runs. Its folder appears whole or not at all, and no two jobs compute it at once.

Run as `python -m rt_utils.pages.sweep.cell PLAN NAME`. It ends with 1 and one line where the cell fails.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rt_utils.pages import execution
from rt_utils.pages.sweep.places import Places, made_by
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file


@contextlib.contextmanager
def one_gpu(gpus: Sequence[str], locks: Path) -> Iterator[None]:
    """One of these GPUs, which no other job of the sweep uses meanwhile, is all that the block's processes see.

    Nothing changes where there are none: Slurm gives a job its own.
    """
    lock = None
    while gpus and lock is None:
        for gpu in gpus:
            lock = FileLock(locks / f"gpu-{gpu}")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                lock = None
            else:
                os.environ["CUDA_VISIBLE_DEVICES"] = gpu
                break
        else:
            time.sleep(0.2)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _said(text: str, chapter: str, work: Path, places: Places, name: str) -> str:
    """An error's line as it is shown: without the chapter, which all cells share; the notebook is moved."""
    failed = work / f"{chapter}.failed.ipynb"
    if failed.exists():
        os.replace(failed, places.notebook(name))
    return text.removeprefix(f"{chapter}: ").replace(str(failed), str(places.notebook(name)))


def _put_in_place(work: Path, target: Path) -> None:
    """Rename the finished folder to `target`, whose name stands in its texts from then on."""
    for path in (*work.glob("*.ipynb"), *work.glob("*.json")):
        path.write_text(path.read_text("utf-8").replace(str(work), str(target)), "utf-8")
    if target.exists():  # other code made it
        os.replace(target, work.with_name(f"{work.name}.old"))
    os.replace(work, target)


def compute(plan: dict[str, Any], name: str) -> None:
    """Run the chapter under the cell's parameters, unless its results are there. Raises InputError where it fails."""
    places, chapter = Places(Path(plan["folder"])), plan["chapter"]
    made = made_by(chapter)
    with FileLock(places.locks / name):  # a job of a driver that was killed may still compute it
        for left in places.work.glob(f"{name}.*"):
            shutil.rmtree(left, ignore_errors=True)
        if places.done(name, made):
            return
        work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=places.work))
        Path(plan["run"], "running", name).touch()
        started = time.time()
        try:
            with one_gpu(plan["gpus"], places.locks):
                given = {**plan["cells"][name], "results": str(work)}
                execution.run(chapter, given, work / f"{chapter}.ipynb", progress=False)
        except InputError as error:
            line = _said(str(error), chapter, work, places, name)
            with whole_file(places.reason(name)) as partial:
                partial.write_text(f"{line}\n", "utf-8")
            raise InputError(f"{name}: {line}") from None
        else:
            record = {**made, "seconds": round(time.time() - started, 1), "parameters": plan["cells"][name]}
            (work / "cell.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
            os.chmod(work, 0o755)  # mkdtemp's is for its owner alone
            _put_in_place(work, places.cells / name)
            for path in (places.reason(name), places.notebook(name)):
                path.unlink(missing_ok=True)
        finally:
            for left in places.work.glob(f"{name}.*"):
                shutil.rmtree(left, ignore_errors=True)


def main() -> None:
    """The job. A plan that is gone is that of a driver which was killed, and whose place another has taken."""
    path, name = sys.argv[1:]
    try:
        plan = json.loads(Path(path).read_text("utf-8"))
        os.chdir(plan["directory"])  # where names of files and folders were meant
        compute(plan, name)
    except FileNotFoundError as error:
        sys.exit(f"rt: {name}: not begun, {error.filename} is gone")
    except InputError as error:
        sys.exit(f"rt: {error}")


if __name__ == "__main__":
    main()
