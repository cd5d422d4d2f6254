"""Networks in processes of their own, when the processes do not live."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bci_app.errors import FileError
from offline.datasets.windows import make_windows
from offline.protocols import make_splits
from offline.run.fold import Task
from offline.run.workers import NetworkFrame, run_tasks
from tests.offline.run.test_run import PRESET, SPEC, Planted


def test_a_process_that_is_killed_is_told_with_what_to_do(tmp_path: Path) -> None:
    windows = make_windows(Planted(), SPEC)
    tasks = [Task(s.name, s, ("load",), 5, 0, tmp_path / s.name) for s in make_splits(windows, "subjects", folds=3)[:2]]

    def kill_the_first() -> None:
        """Not before the second is there: what is killed while it starts blocks the one that starts it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            workers = [worker for worker in psutil.Process().children() if _works(worker)]
            if len(workers) == 2:
                min(workers, key=lambda worker: worker.pid).kill()
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    with pytest.raises(FileError, match=r"was killed.*fewer --processes; it goes on where it was"):
        run_tasks(NetworkFrame(windows, PRESET, SPEC), tasks, processes=2, report=lambda _: None)
    killer.join()


def _works(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline())
    return False
