"""Engines: what runs the jobs of a sweep. A job whose worker dies is started again from its checkpoint."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bci_app.errors import BciError, DependencyError, FileError
from offline.run.watch import DONE, Progress, Report
from offline.run.workers import run_tasks
from offline.sweep.jobs import Job, JobFrame, Store

RETRIES = 3
"""Times that a job is started again after its worker died."""


_CONNECT_SECONDS = 5.0
_REPORT_SECONDS = 0.5
"""Least time between two reports of a job on a cluster."""


class Engine(Protocol):
    """Runs jobs to their end."""

    def __call__(self, frame: JobFrame, jobs: Sequence[Job], report: Report) -> None:
        """Run jobs; their results are in the store then."""


@dataclass(frozen=True)
class LocalEngine:
    """Processes on this machine."""

    processes: int
    address: str | None = None

    def __call__(self, frame: JobFrame, jobs: Sequence[Job], report: Report) -> None:
        """Run jobs in processes, each on one thread."""
        store = Store(frame.url)
        for attempt in range(RETRIES + 1):
            left = [job for job in jobs if not store.finished(job.key)]
            if not left:
                return
            try:
                run_tasks(frame, left, processes=self.processes, report=report)
            except FileError as error:
                if attempt == RETRIES or "was killed" not in str(error):
                    raise


@dataclass(frozen=True)
class RayEngine:
    """A Ray cluster: an existing one by its address, or one started on this machine."""

    processes: int
    address: str | None = None

    def __call__(self, frame: JobFrame, jobs: Sequence[Job], report: Report) -> None:
        """Run jobs as Ray tasks of one core, or of one GPU each where networks are trained on one.

        Raises
        ------
        DependencyError
            If Ray is not installed.
        FileError
            If the cluster cannot be reached, or a job's worker died too often.
        """
        if not jobs:
            return
        if self.address:
            _require_reachable(self.address)
        try:
            import ray
        except ImportError as error:
            raise DependencyError(
                "Ray is not installed", expected="the extra 'cluster'", fix="Run pip install 'bci-app[cluster]'."
            ) from error
        cores = None if self.address else self.processes
        try:
            ray.init(address=self.address, num_cpus=cores, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _unreachable(self.address or "of this machine", error) from error
        try:
            self._run(frame, jobs, report)
        finally:
            ray.shutdown()

    def _run(self, frame: JobFrame, jobs: Sequence[Job], report: Report) -> None:
        import ray as cluster

        gpus = 1 if frame.networks.device.name == "cuda" else 0
        remote = cluster.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_work)
        shared = cluster.put(frame)
        board = cluster.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Board).remote()
        waiting = {remote.remote(shared, job, board): job for job in jobs}
        while waiting:
            done, _ = cluster.wait(list(waiting), timeout=_REPORT_SECONDS)
            for progress in cluster.get(board.take.remote()):
                report(progress)
            for reference in done:
                job = waiting.pop(reference)
                try:
                    cluster.get(reference)
                except cluster.exceptions.RayTaskError as error:
                    raise (error.cause if isinstance(error.cause, BciError) else error) from None
                except cluster.exceptions.RayError as error:
                    raise FileError(
                        f"The worker of job {job.task.name} died {RETRIES + 1} times",
                        found=str(error).splitlines()[0],
                        fix="Check the memory of the machines, and start the sweep again; it continues.",
                    ) from error
                report(Progress(job.task.name, DONE, 1, 1))


def _require_reachable(address: str) -> None:
    """Check that something listens at ``host:port``, for which Ray itself takes more than a minute.

    Raises
    ------
    FileError
        If nothing does. Addresses of another form are left to Ray.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> FileError:
    return FileError(
        f"The Ray cluster {address} cannot be reached",
        found=str(error),
        expected="the address of a running cluster, as host:port",
        fix="Check --address; start a cluster with: ray start --head.",
    )


class _Board:
    """Where the jobs of a cluster leave their progress for the driver."""

    def __init__(self) -> None:
        self._latest: dict[str, Progress] = {}

    def put(self, progress: Progress) -> None:
        """Take the progress of one network."""
        self._latest[progress.network] = progress

    def take(self) -> list[Progress]:
        """Return the latest progress of every network since the last call."""
        latest, self._latest = self._latest, {}
        return list(latest.values())


def _work(frame: JobFrame, job: Job, board: Any) -> None:
    import torch

    from offline.device import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(1)
    reported = 0.0

    def report(progress: Progress) -> None:
        nonlocal reported
        if time.monotonic() - reported > _REPORT_SECONDS:
            board.put.remote(progress)
            reported = time.monotonic()

    frame.run(job, report)


ENGINES: dict[str, Callable[[int, str | None], Engine]] = {"local": LocalEngine, "ray": RayEngine}
"""Engines by name, made of processes at once and an address."""
