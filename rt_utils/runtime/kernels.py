"""Starting a notebook's kernel: this Python's own, on sockets that no other kernel can be given.

Jupyter looks for free TCP ports, closes them, and hands them to the kernel. Two kernels that start together can be
given the same one, and one of them dies. Here each kernel has a folder of its own instead, with its sockets in it.
Papermill knows this as its engine `rt`: `rt run` uses it, and so does `papermill --engine rt`.

Nor does it run what lies about: start-up files and settings of the user's own IPython, or a `torch.py` in the folder
where `rt` is called, which IPython would import in the place of the library.
"""

import contextlib
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from traitlets import default
from traitlets.config import Config
from zmq import ZMQError

from rt_utils.runtime.errors import InputError

ENGINE = "rt"  # its name in pyproject.toml's entry points
START_TIMEOUT = 300  # seconds; papermill's own 60 are short on a busy or slow machine


def _holds_sockets(folder: Path) -> bool:
    """Whether sockets can lie in `folder`: not on Windows, not on every disk, and not where its path is too long."""
    if not hasattr(socket, "AF_UNIX"):
        return False
    path = folder / "k-0"  # as long as the kernel's own, k-1 to k-5
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


@contextlib.contextmanager
def place() -> Iterator[Config]:
    """The settings of one kernel, whose files and sockets lie in a temporary folder that is removed at the end.

    Where sockets cannot lie in that folder, the kernel is on TCP.
    """
    with tempfile.TemporaryDirectory(prefix="rt-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = {"connection_file": str(folder / "kernel.json"), "transport": "tcp"}
        if _holds_sockets(folder):
            settings |= {"transport": "ipc", "ip": str(folder / "k")}
        yield Config({"KernelManager": settings})


def _stderr(config: Config) -> Path:
    """The file that the kernel's standard error goes to."""
    return Path(config.KernelManager.connection_file).with_name("stderr.txt")


def _said(config: Config) -> str:
    """What the kernel said there."""
    path = _stderr(config)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _arguments(config: Config) -> list[str]:
    """What the kernel is started with: see this module's docstring."""
    profiles = Path(config.KernelManager.connection_file).with_name("ipython")
    profiles.mkdir(exist_ok=True)
    return [
        "--IPKernelApp.log_level=CRITICAL",  # not a word on its transport at every start
        f"--IPKernelApp.ipython_dir={profiles}",
        "--IPKernelApp.ignore_cwd=True",
        "--IPKernelApp.exec_PYTHONSTARTUP=False",
    ]


class Kernel(AsyncKernelManager):
    """A kernel of this Python, made with the settings of `place`. Raises RuntimeError where it does not start."""

    @default("kernel_spec_manager")
    def _no_other_python(self) -> KernelSpecManager:
        """Where it looks in no folder, python3 is the Python that runs this, whatever JUPYTER_PATH holds."""
        return KernelSpecManager(kernel_dirs=[])

    async def start_kernel(self, **settings: Any) -> None:  # type: ignore[override]  # its base is asynchronous too
        try:
            with _stderr(self.config).open("wb") as file:
                await super().start_kernel(stderr=file, **settings)
        except OSError as error:
            raise RuntimeError(error.strerror or str(error)) from error


def _begun(notebook: NotebookNode) -> bool:
    """Whether any of its cells was given to a kernel."""
    return any(cell.metadata.papermill["start_time"] for cell in notebook.cells)


class KernelDiedError(InputError):
    """A kernel that could not be given a single cell."""


def _execute(notebook: NotebookNode, kernel_name: str, settings: dict[str, Any]) -> NotebookNode:
    """The notebook, executed by a kernel of its own. Raises KernelDiedError."""
    from papermill.engines import NBClientEngine  # here, since papermill loads this module while it is being loaded

    with place() as config:
        try:
            executed = NBClientEngine.execute_notebook(
                notebook, kernel_name, config=config, extra_arguments=_arguments(config), **settings
            )
        except (RuntimeError, ZMQError) as error:
            if not _begun(notebook):
                why = (_said(config).strip() or str(error)).splitlines()[-1]
                raise KernelDiedError(f"the notebook's kernel died at its start: {why}") from None
            sys.stderr.write(_said(config))
            raise
        sys.stderr.write(_said(config))
        return executed


class Engine:
    """Papermill's default engine with a `Kernel`."""

    @classmethod
    def execute_notebook(cls, nb: NotebookNode, kernel_name: str, **settings: Any) -> NotebookNode:
        """The executed notebook. Raises InputError where the kernel dies at its start, twice."""
        settings |= {"start_timeout": START_TIMEOUT, "kernel_manager_class": Kernel}
        try:
            return _execute(nb, kernel_name, settings)
        except KernelDiedError:  # on TCP another process may have taken its ports; it gets new ones
            return _execute(nb, kernel_name, settings)

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        return NATIVE_KERNEL_NAME

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        return "python"
