"""Processes that work for this one."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any

from bci_app.errors import BciError


@contextmanager
def process_pool(
    processes: int,
    *,
    killed: BciError,
    initializer: Callable[..., object] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Iterator[ProcessPoolExecutor]:
    """Open a pool whose processes end at once when it is left by an exception.

    They are spawned: threads may be running here (OpenMP, a progress bar), and forking then can hang.

    Raises
    ------
    BciError
        `killed`, if one of them was.
    """
    others = multiprocessing.active_children()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=initializer, initargs=initargs) as pool:
        try:
            yield pool
        except BaseException as error:
            # A broken pool ends its processes too, but misses one that was just being started, and then waits for it
            # for ever. Futures are left alone: the pool's own thread fails over cancelled ones.
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise killed from error
            raise


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Let processes that are started meanwhile never hear Ctrl-C.

    A terminal sends it to all of them at once; this process is the one to answer it, and ends the others. One that
    comes meanwhile is answered afterwards.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True

    resource_tracker.ensure_running()  # it would unblock the signal when it is started with the first process
    previous = signal.signal(signal.SIGINT, note)  # may reach any thread
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # processes inherit it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)
        if came:
            signal.raise_signal(signal.SIGINT)
