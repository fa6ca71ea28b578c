"""Kernels that start together, beside foreign kernel specs, in odd temporary folders, or that die at their start."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import nbformat
import papermill
import pytest
from traitlets.config import Config

from rt_utils.runtime import kernels
from rt_utils.runtime.errors import InputError

WHICH = "import sys; print(sys.executable)"


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder for temporary files, in which nothing may be left."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)
        assert not list(Path(folder).iterdir())


async def answer(config: Config) -> str:
    """Start a kernel, wait until it has told what it is, and end it."""
    kernel = kernels.Kernel(config=config)
    await kernel.start_kernel()
    client = kernel.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=120)
        reply = await client.kernel_info(reply=True)
        return reply["content"]["implementation"]
    finally:
        client.stop_channels()
        await kernel.shutdown_kernel(now=True)


def start_at_once(count: int) -> None:
    async def all_of_them(configs: list[Config]) -> list[str]:
        return await asyncio.gather(*map(answer, configs))

    with ExitStack() as stack:
        configs = [stack.enter_context(kernels.place()) for _ in range(count)]
        assert {config.KernelManager.transport for config in configs} == {"ipc"}
        assert asyncio.run(all_of_them(configs)) == ["ipython"] * count


def test_a_few_kernels_at_once() -> None:
    start_at_once(4)


@pytest.mark.slow
@pytest.mark.parametrize("_time", range(5))
def test_twenty_kernels_at_once(_time: int) -> None:
    start_at_once(20)


def executed(folder: Path, source: str, **settings: str) -> str:
    """What a cell printed that papermill ran through the engine."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(notebook, folder / "in.ipynb")
    done = papermill.execute_notebook(
        folder / "in.ipynb", folder / "out.ipynb", engine_name=kernels.ENGINE, progress_bar=False, **settings
    )
    return "".join(output.text for output in done.cells[0].outputs)


def test_another_python_named_python3_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = ["/no/such/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Another", "language": "python"}), "utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert executed(tmp_path, WHICH).strip() == sys.executable


def test_a_long_temporary_folder_means_tcp(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = temporary / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with kernels.place() as config:
        assert config.KernelManager.transport == "tcp"
    assert executed(tmp_path, WHICH).strip() == sys.executable
    long.rmdir()


def test_start_up_files_of_the_users_own_ipython_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "ipython" / "profile_default"
    (own / "startup").mkdir(parents=True)
    (own / "startup" / "00.py").write_text("raise SystemExit(7)", "utf-8")
    (own / "ipython_kernel_config.py").write_text("get_config().InteractiveShellApp.exec_lines = ['x = 1']", "utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "start.py").write_text("y = 1", "utf-8")
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "start.py"))
    assert executed(tmp_path, "print('x' in globals(), 'y' in globals())").strip() == "False False"


def test_a_module_in_the_folder_where_rt_is_called_takes_no_librarys_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("jinja2", "statistics", "torch"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a script of ones own')", "utf-8")
    monkeypatch.chdir(tmp_path)
    found = executed(tmp_path, "import importlib.util as u; print(u.find_spec('torch').origin); import statistics")
    assert Path(found.strip()).parent != tmp_path


def breaks_the_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Put a module in the place of the one that starts a kernel."""
    folder.mkdir()
    (folder / "ipykernel_launcher.py").write_text(code, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise OSError('no room\\nfor a kernel')", "for a kernel"),
        ("raise SystemExit(3)", "Kernel died before replying to kernel_info"),
    ],
)
@pytest.mark.slow
def test_a_kernel_that_dies_at_its_start_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    breaks_the_kernel(tmp_path / "modules", monkeypatch, code)
    with pytest.raises(InputError) as caught:
        executed(tmp_path, WHICH)
    assert str(caught.value) == f"the notebook's kernel died at its start: {why}"


@pytest.mark.slow
def test_rt_says_one_line_of_a_kernel_that_dies_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_the_kernel(tmp_path / "modules", monkeypatch, "raise OSError('no room')")
    command = [str(Path(sys.executable).parent / "rt"), "run", "setting", "-o", "new/out.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "rt: the notebook's kernel died at its start: OSError: no room\n"
    assert os.listdir(tmp_path) == ["modules"]


def test_a_kernel_whose_first_start_fails_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tmp_path / "first"
    code = f"""
from pathlib import Path
if not Path({str(first)!r}).exists():
    Path({str(first)!r}).touch()
    raise OSError("Address already in use")
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""
    breaks_the_kernel(tmp_path / "modules", monkeypatch, code)
    assert executed(tmp_path, WHICH).strip() == sys.executable
    assert first.exists()


pytestmark = pytest.mark.kernel


def test_a_failing_cell_and_a_dying_kernel_are_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        executed(tmp_path, "1 / 0")
    with pytest.raises(RuntimeError, match=r"^Kernel died$"):
        executed(tmp_path, "import os; os._exit(1)")
