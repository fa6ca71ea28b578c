"""The server from which workers are forked: what an interrupt leaves on the screen."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

SCRIPT = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have had it ignored
from rt_utils.runtime import processes

if __name__ == "__main__":
    try:
        processes.context()
        print("started", flush=True)
        time.sleep(20)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_an_interrupt_while_the_server_imports_leaves_no_traceback() -> None:
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        time.sleep(0.3)  # the server takes seconds to import torch
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert out == "interrupted\n"
    assert err == ""


OWN = """
from rt_utils.runtime import processes

if __name__ == "__main__":
    print(list(processes.run([(abs, (-1,)), (abs, (-2,))], 2)))
"""


def test_a_module_of_the_users_own_takes_no_place_of_pythons(tmp_path: Path) -> None:
    """In the folder where the user is; the module itself is imported from elsewhere, as `rt` is."""
    for name in ("queue", "random", "torch"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a script of one\\'s own')", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    script = tmp_path / "elsewhere" / "script.py"
    script.write_text(OWN, "utf-8")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "[1, 2]\n", done.stderr[-500:]


def test_a_worker_of_the_tests_has_one_thread() -> None:
    in_a_worker = "PYTEST_XDIST_WORKER" in os.environ
    assert not in_a_worker or torch.get_num_threads() == 1
    assert not in_a_worker or os.environ["OMP_NUM_THREADS"] == "1"  # for kernels that tests start
