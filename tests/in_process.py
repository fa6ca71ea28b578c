"""Notebooks executed in the tests' own process: no kernel imports torch anew, and run-time checks see chapters too.

It stands for papermill.execute_notebook where papermill itself and its kernel are not what is tested.
"""

import sys
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook, parameterize_path
from traitlets.config import Config


def _outputs(captured: Any) -> list[nbformat.NotebookNode]:
    """What a cell showed, in the order: printed, displayed."""
    printed = [nbformat.v4.new_output("stream", name="stdout", text=captured.stdout)] if captured.stdout else []
    if captured.stderr:
        printed.append(nbformat.v4.new_output("stream", name="stderr", text=captured.stderr))
    shown = [nbformat.v4.new_output("display_data", o.data or {}, metadata=o.metadata or {}) for o in captured.outputs]
    return [*printed, *shown]


def execute_notebook(source: str, output: str, parameters: dict[str, Any], **_: Any) -> nbformat.NotebookNode:
    """Parametrise paths and notebook as papermill does, run its cells, and write it. Raises PapermillExecutionError."""
    source, output = (parameterize_path(path, parameters) for path in (source, output))
    notebook = load_notebook_node(source)
    notebook.metadata.setdefault("kernelspec", {"name": "python3", "language": "python", "display_name": "Python 3"})
    if parameters:
        notebook = parameterize_notebook(notebook, parameters)
    InteractiveShell.clear_instance()
    # The instance, since only its displays are captured.
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        for count, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
            with capture_output() as captured:
                shell.display_trap.hook = sys.displayhook  # of a cell's last expression too
                result = shell.run_cell(cell.source, store_history=True)
            cell.outputs = _outputs(captured)
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                raise PapermillExecutionError(count, count, cell.source, type(error).__name__, str(error), [])
    finally:
        InteractiveShell.clear_instance()
        nbformat.write(notebook, Path(output))
    return notebook
