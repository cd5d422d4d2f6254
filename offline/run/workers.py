"""Folds side by side, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import NamedTuple

import torch

from offline.datasets.base import Split, WindowSet
from offline.presets import Preset
from offline.run.fold import FoldResult, Progress, Report, run_fold


class Job(NamedTuple):
    """A fold to be run: its split, seed and folder."""

    split: Split
    seed: int
    folder: Path


@dataclass(frozen=True)
class _Shared:
    """What every job of a worker process needs."""

    windows: WindowSet
    preset: Preset
    queue: SimpleQueue[Progress]


_shared: _Shared | None = None


def run_jobs(
    windows: WindowSet, preset: Preset, jobs: Sequence[Job], *, processes: int, report: Report
) -> list[FoldResult]:
    """Run folds, several at once where `processes` allows.

    Every fold computes on one thread, so that its result does not depend on how many run at once.
    """
    if processes <= 1 or len(jobs) == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return [
                run_fold(windows, job.split, preset, seed=job.seed, folder=job.folder, report=report) for job in jobs
            ]
        finally:
            torch.set_num_threads(threads)
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[Progress] = context.SimpleQueue()
    with ProcessPoolExecutor(
        min(processes, len(jobs)), mp_context=context, initializer=_start, initargs=(_Shared(windows, preset, queue),)
    ) as pool:
        futures = [pool.submit(_work, job) for job in jobs]
        try:
            _follow(futures, queue, report)
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            for process in (pool._processes or {}).values():
                process.terminate()
            raise


def _follow(futures: Sequence[Future[FoldResult]], queue: SimpleQueue[Progress], report: Report) -> None:
    """Pass progress on until all folds are done or one has failed."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=0.2)
        while not queue.empty():
            report(queue.get())
        for future in done:
            if future.exception() is not None:
                return


def _start(shared: _Shared) -> None:
    """Prepare a worker; it ends with its parent, even one that is killed."""
    global _shared
    _shared = shared
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job) -> FoldResult:
    assert _shared is not None
    return run_fold(
        _shared.windows, job.split, _shared.preset, seed=job.seed, folder=job.folder, report=_shared.queue.put
    )
