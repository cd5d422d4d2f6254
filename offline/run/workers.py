"""Networks side by side, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from multiprocessing.queues import SimpleQueue
from typing import NamedTuple

import numpy as np
import torch

from bci_app.errors import FileError
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.datasets.base import WindowSet
from offline.datasets.processes import deaf_to_interrupts, process_pool
from offline.presets import Preset
from offline.run.fold import FoldResult, Task, run_task
from offline.run.settings import Until
from offline.run.watch import Progress, Report


@dataclass(frozen=True)
class Frame:
    """What all networks of a run have in common: windows, preset, preprocessing, and where to stop."""

    windows: WindowSet
    preset: Preset
    preprocessing: PreprocessingSpec
    until: Until = "end"

    def run(self, task: Task, report: Report) -> FoldResult | None:
        """Run one network."""
        return run_task(self.windows, task, self.preset, self.preprocessing, report=report, until=self.until)


class _Mapped(NamedTuple):
    """A memory-mapped array on its way to another process, which maps it too."""

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: str

    def open(self) -> np.memmap:
        return np.memmap(self.path, dtype=self.dtype, mode="r", offset=self.offset, shape=self.shape)


_frame: Frame | None = None
_queue: SimpleQueue[Progress] | None = None


def run_tasks(frame: Frame, tasks: Sequence[Task], *, processes: int, report: Report) -> list[FoldResult | None]:
    """Run networks, several at once where `processes` allows; None for one that was stopped before its end.

    Every network computes on one thread, so that its result does not depend on how many run at once.

    Raises
    ------
    FileError
        If a process was killed.
    """
    if processes <= 1 or len(tasks) == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return [frame.run(task, report) for task in tasks]
        finally:
            torch.set_num_threads(threads)
    queue: SimpleQueue[Progress] = multiprocessing.get_context("spawn").SimpleQueue()
    killed = FileError(
        "A process that trained a network was killed",
        found=f"{processes} processes at once",
        expected="memory for all of them",
        fix="Give the same command again, with fewer --processes; it goes on where it was.",
    )
    with process_pool(
        min(processes, len(tasks)), killed=killed, initializer=_start, initargs=(*_light(frame), queue)
    ) as pool:
        with deaf_to_interrupts():
            futures = [pool.submit(_work, task) for task in tasks]
        _follow(futures, queue, report)
        return [future.result() for future in futures]


def _light(frame: Frame) -> tuple[Frame, _Mapped | None]:
    """Take the tokens out if they lie in a file: they may be larger than memory."""
    tokens = frame.windows.tokens
    if not isinstance(tokens, np.memmap) or tokens.filename is None or not tokens.flags.c_contiguous:
        return frame, None
    mapped = _Mapped(str(tokens.filename), tokens.offset, tokens.shape, tokens.dtype.str)
    return replace(frame, windows=replace(frame.windows, tokens=np.empty((0, *tokens.shape[1:]), np.float32))), mapped


def _follow(futures: Sequence[Future[FoldResult | None]], queue: SimpleQueue[Progress], report: Report) -> None:
    """Pass progress on until all folds are done; the first failure is raised at once."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=0.2)
        while not queue.empty():
            report(queue.get())
        for future in done:
            future.result()


def _start(frame: Frame, mapped: _Mapped | None, queue: SimpleQueue[Progress]) -> None:
    """Prepare a worker; it ends with its parent, even one that is killed."""
    global _frame, _queue
    _queue = queue
    _frame = frame if mapped is None else replace(frame, windows=replace(frame.windows, tokens=mapped.open()))
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Task) -> FoldResult | None:
    assert _frame is not None
    assert _queue is not None
    return _frame.run(task, _queue.put)
