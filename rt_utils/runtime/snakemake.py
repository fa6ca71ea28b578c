"""Start Snakemake, and follow it until it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rt_utils.runtime.progress import Progress

LOOK = 0.2  # seconds between two looks


def follow(
    arguments: Sequence[str],
    log: Path,
    progress: Progress,
    look: Callable[[], None],
    *,
    folder: Path | None = None,
    path: str | None = None,
) -> int:
    """Run `snakemake` with these arguments until it ends; its exit status.

    Args:
        arguments: What stands behind `snakemake`.
        log: A file that takes what it says; not a pipe, since its jobs may outlive this process. One that is there is
            removed first: jobs that outlived an earlier run go on in their own.
        progress: Ticks meanwhile, and is closed.
        look: Called again and again, once more when it has ended; tells `progress` what it finds.
        folder: Where it runs; none: here.
        path: The PATH that it sees, if another one.

    Ctrl-C reaches Snakemake too, which ends its jobs; this process goes on until it has.
    """
    environment = {**os.environ, "PYTHONUTF8": "1"} | ({"PATH": path} if path else {})
    command = [sys.executable, "-P", "-m", "snakemake", *arguments]  # -P: no module of the folder where the user is
    log.unlink(missing_ok=True)
    with log.open("wb") as file:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ended = False
        while not ended:
            ended = process.poll() is not None  # before the look, so that it misses nothing
            look()
            progress.tick()
            if not ended:
                time.sleep(LOOK)
    finally:
        progress.close()
        signal.signal(signal.SIGINT, before)
    return process.returncode
