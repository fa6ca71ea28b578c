"""Work in processes of one thread each. They are forked from a server that has imported the package, so that the
hundreds of megabytes of torch are in memory once, and they end when the process that started them does.
"""

import contextlib
import functools
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from typing import Any

import joblib
import torch
from filelock import FileLock

from rt_utils.runtime import cache
from rt_utils.runtime.devices import device
from rt_utils.runtime.large_arrays import LARGE

Job = tuple[Callable[..., Any], tuple[Any, ...]]
_preloaded = [__name__]
Task = tuple[cache.Entry, Callable[..., Any], tuple[Any, ...]]  # the result's place, what computes it


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _has_forkserver() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


def _start() -> None:
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))  # an interrupt of the whole group leaves no traceback
    if _has_forkserver():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _call(pickled: bytes) -> bytes:
    function, arguments = pickle.loads(pickled)
    return pickle.dumps(function(*arguments))


def preload(module: str) -> None:
    """Let the server import `module` too, whose functions run in processes. It is for the module itself to say so."""
    if module not in _preloaded:
        _preloaded.append(module)


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """A Python that starts here would look into the user's folder first, and import a `random.py` there as its own."""
    given = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if given is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = given


@functools.cache
def context() -> Any:
    """How processes start; the first call starts the server, so that it imports while the caller goes on."""
    if not _has_forkserver():
        return multiprocessing.get_context("spawn")
    chosen = multiprocessing.get_context("forkserver")
    chosen.set_forkserver_preload(_preloaded)
    # An interrupt while the server still imports would leave its traceback above the one line that names the mistake.
    with _safe_path():
        resource_tracker.ensure_running()  # starting it, which the server's start does, lifts the block
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        forkserver.ensure_running()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return chosen


def ready(workers: int) -> int:
    """How many processes `workers` asks for; 0: one for each core, or this one alone where there is a GPU.

    More than one are being prepared from here on.
    """
    # The cores are those of this container; $LOKY_MAX_CPU_COUNT, where it is set, at most.
    count = workers or (1 if device().type == "cuda" else joblib.cpu_count())
    if count > 1:
        context()
    return count


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` in this process, in one thread."""
    device()  # with it glibc keeps what is freed: a search on sparse codes takes a fifth less time
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return function(*arguments)
    finally:
        torch.set_num_threads(threads)


def run(jobs: Iterable[Job], workers: int) -> Iterator[Any]:
    """The results of `function(*arguments)` for every job, in order, from `workers` processes of one thread each.

    At most one worker means this process. One thread each, whatever OMP_NUM_THREADS says: that beats one process on
    several threads, and numbers do not depend on how many processes there are. Threads instead would not do: torch at
    times aborts at exit when autograd ran in them. Jobs travel as plain pickles, because torch's own pickler would send
    tensors through shared memory, which is small in containers. At most a few jobs a worker are pickled at any time.
    """
    if workers <= 1:
        yield from (alone(function, *arguments) for function, arguments in jobs)
        return
    waiting: deque[Future[bytes]] = deque()
    with ProcessPoolExecutor(workers, mp_context=context(), initializer=_start) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(_call, pickle.dumps(job)))
                if len(waiting) > 6 * workers:
                    yield pickle.loads(waiting.popleft().result())
            while waiting:
                yield pickle.loads(waiting.popleft().result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def compute(tasks: Sequence[Task], workers: int) -> list[Any]:
    """The value of every task: from the cache, or computed in `workers` processes and kept at once.

    At most one worker means this process, and so does a task with large tensors, which would be copied. What another
    chapter is computing at the same time is left to it, and taken from the cache when it is there.
    """
    if any(isinstance(a, torch.Tensor) and a.nbytes > LARGE for task in tasks for a in task[2]):
        workers = 1
    values: dict[int, Any] = {}
    left = [i for i, task in enumerate(tasks) if not cache.holds(task[0])]
    while left:
        claims: deque[tuple[int, FileLock]] = deque()
        elsewhere: list[int] = []

        def jobs(left: list[int] = left, claims: Any = claims, elsewhere: Any = elsewhere) -> Iterator[Job]:
            for i in left:
                claim = cache.claim(tasks[i][0])
                if claim is None:
                    elsewhere.append(i)
                elif cache.holds(tasks[i][0]):
                    claim.release()
                else:
                    claims.append((i, claim))
                    yield tasks[i][1:]

        for value in run(jobs(), workers):
            i, claim = claims.popleft()
            values[i] = cache.kept(tasks[i][0], partial(_identity, value))
            claim.release()
        if elsewhere == left:
            time.sleep(0.1)
        left = elsewhere
    for i, (entry, function, arguments) in enumerate(tasks):
        if i not in values:
            values[i] = cache.kept(entry, partial(alone, function, *arguments))
    return [values[i] for i in range(len(tasks))]


def _identity(value: Any) -> Any:
    return value


def kept(entry: cache.Entry, function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` from the cache, or computed in this process, in one thread, and kept: `compute` of one."""
    return compute([(entry, function, arguments)], 1)[0]
