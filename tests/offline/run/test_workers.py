"""Networks in processes of their own, when the processes do not live."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from bci_app.errors import FileError
from offline.datasets.windows import make_windows
from offline.protocols import make_splits
from offline.run.fold import Task
from offline.run.watch import Progress
from offline.run.workers import NetworkFrame, SupernetFrame, run_tasks
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


def test_networks_whose_supernets_were_trained_together_end_as_alone(tmp_path: Path) -> None:
    windows = make_windows(Planted(), SPEC)

    def tasks(folder: Path) -> list[Task]:
        splits = make_splits(windows, "subjects", folds=3)[:2]
        return [Task(s.name, s, ("load",), 5 + n, 0, folder / s.name) for n, s in enumerate(splits)]

    reported: list[Progress] = []
    run_tasks(SupernetFrame(windows, PRESET), [tasks(tmp_path / "fused")], processes=1, report=reported.append)
    assert {progress.network for progress in reported} == {task.name for task in tasks(tmp_path)}
    frame = NetworkFrame(windows, PRESET, SPEC)
    fused = run_tasks(frame, tasks(tmp_path / "fused"), processes=1, report=lambda _: None)
    alone = run_tasks(frame, tasks(tmp_path / "alone"), processes=1, report=lambda _: None)
    for found, expected in zip(fused, alone, strict=True):
        assert found is not None
        assert expected is not None
        assert found.summary.epochs == expected.summary.epochs
        np.testing.assert_allclose(found.logits["supernet"], expected.logits["supernet"], atol=1e-3)


def _works(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline())
    return False
