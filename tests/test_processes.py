"""The server from which workers are forked: what an interrupt leaves on the screen."""

import os
import signal
import subprocess
import sys
import time

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
