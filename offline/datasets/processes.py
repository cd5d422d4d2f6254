"""Starting and ending processes that work for this one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Let processes that are started meanwhile ignore Ctrl-C.

    A terminal sends it to all of them at once; this process is the one to answer it, and ends the others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)


def end_now(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool, whatever they are at.

    Futures are left alone: the pool's own thread gives them the failure, and fails itself over cancelled ones.
    """
    for process in list((pool._processes or {}).values()):
        process.terminate()
