"""A real Slurm of one node, from Debian's packages (slurm-wlm, munge), for as long as a test needs it.

It writes /etc/slurm/slurm.conf, where jobs look for it, only if there is none, and removes it afterwards.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

CONF = Path("/etc/slurm/slurm.conf")
TOOLS = ("slurmctld", "slurmd", "sbatch", "munged")
SETTINGS = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MinJobAge=3600
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=1
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why a Slurm cannot be started here; empty where it can."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        return f"{missing[0]} is not there: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "Slurm is started as root"
    return "this machine has a Slurm of its own" if CONF.exists() else ""


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _until(wanted: bool, *command: str) -> None:
    for _ in range(150):
        if _works(*command) == wanted:
            return
        time.sleep(0.2)
    raise RuntimeError(f"{' '.join(command)} does not {'work' if wanted else 'end'}")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[None]:
    """Slurm runs in the block; its files but slurm.conf are in `folder`."""
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    daemons: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        log = (folder / "output.log").open("ab")
        daemons.append(subprocess.Popen(command, stdout=log, stderr=log))

    CONF.parent.mkdir(exist_ok=True)
    with CONF.open("x", encoding="utf-8") as file:
        file.write(SETTINGS.format(host=host, folder=folder))
    try:
        if not _works("munge", "-n"):
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", "munge", "munge")
            start("runuser", "-u", "munge", "--", "/usr/sbin/munged", "--foreground")
            _until(True, "munge", "-n")
        start("/usr/sbin/slurmctld", "-D")
        _until(True, "scontrol", "ping")
        start("/usr/sbin/slurmd", "-D")
        _until(True, "sh", "-c", "sinfo -h -o %t | grep -qx idle")
        yield
    finally:
        _works("scancel", "--user", "root")
        with contextlib.suppress(RuntimeError):
            _until(True, "sh", "-c", 'test -z "$(squeue -h)"')
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        CONF.unlink()
