"""Tasks side by side, each in its own process."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from bci_app.errors import FileError
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.datasets.base import WindowSet
from offline.datasets.processes import deaf_to_interrupts, process_pool
from offline.device import CPU, Device, keep_freed_memory
from offline.presets import Preset
from offline.run.fold import FoldResult, Task
from offline.run.settings import Until
from offline.run.stages import run_networks
from offline.run.watch import Progress, Report

AnyTask = TypeVar("AnyTask", contravariant=True)
Result = TypeVar("Result", covariant=True)


class Frame(Protocol[AnyTask, Result]):
    """What all tasks of a kind have in common; it is sent to each process once."""

    def run(self, task: AnyTask, report: Report) -> Result:
        """Do one task."""
        ...


@dataclass(frozen=True)
class NetworkFrame:
    """What all networks of a run have in common: windows, preset, preprocessing, and where to stop."""

    windows: WindowSet
    preset: Preset
    preprocessing: PreprocessingSpec
    until: Until = "end"
    device: Device = CPU

    def run(self, tasks: Sequence[Task], report: Report) -> list[FoldResult | None]:
        """Run networks together, those of equal shape on stacked weights."""
        return run_networks(
            self.windows, tasks, self.preset, self.preprocessing,
            report=report, until=self.until, device=self.device, fuse=len(tasks),
        )  # fmt: skip


_frame: Frame[Any, Any] | None = None
_queue: SimpleQueue[Progress] | None = None


def run_tasks(
    frame: Frame[AnyTask, Result], tasks: Sequence[AnyTask], *, processes: int, report: Report
) -> list[Result]:
    """Do tasks, several at once where `processes` allows, and return their results in order.

    Every task computes on one thread, so that its result does not depend on how many run at once.

    Raises
    ------
    FileError
        If a process was killed.
    """
    if processes <= 1 or len(tasks) == 1:
        keep_freed_memory()
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
        fix="Run the same command again, with fewer --processes; it goes on where it was.",
    )
    with process_pool(min(processes, len(tasks)), killed=killed, initializer=_start, initargs=(frame, queue)) as pool:
        with deaf_to_interrupts():
            futures = [pool.submit(_work, task) for task in tasks]
        _follow(futures, queue, report)
        return [future.result() for future in futures]


def _mapped(array: np.memmap) -> tuple[Any, ...]:
    """Send a memory-mapped array as the name of its file: it may be larger than memory."""
    whole: Any = array.base  # a view of a part has the whole array as its base
    if isinstance(whole, mmap.mmap) and array.filename is not None and array.flags.c_contiguous:
        return np.memmap, (str(array.filename), array.dtype.str, "r", array.offset, array.shape)
    return np.array, (np.asarray(array),)


ForkingPickler.register(np.memmap, _mapped)


def _follow(futures: Sequence[Future[Any]], queue: SimpleQueue[Progress], report: Report) -> None:
    """Pass progress on until all folds are done; the first failure is raised at once."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=0.2)
        while not queue.empty():
            report(queue.get())
        for future in done:
            future.result()


def _start(frame: Frame[Any, Any], queue: SimpleQueue[Progress]) -> None:
    """Prepare a worker; it ends with its parent, even one that is killed."""
    global _frame, _queue
    _frame, _queue = frame, queue
    keep_freed_memory()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Any) -> Any:
    assert _frame is not None
    assert _queue is not None
    return _frame.run(task, _queue.put)
