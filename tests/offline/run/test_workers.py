"""Networks in separate processes, when the processes do not live."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from bci_app.errors import FileError
from offline.datasets.windows import make_windows
from offline.protocols import make_splits
from offline.run.fold import KINDS, RIVALS, SUBNET, FoldResult, Task
from offline.run.watch import Progress
from offline.run.workers import NetworkFrame, run_tasks
from tests.offline.run.planted import PRESET, SPEC, Planted


def test_a_process_that_is_killed_is_told_with_what_to_do(tmp_path: Path) -> None:
    windows = make_windows(Planted(), SPEC)
    splits = make_splits(windows, "subjects", folds=3)[:2]
    tasks = [[Task(split.name, split, ("load",), 5, 0, tmp_path / split.name)] for split in splits]

    def kill_the_first() -> None:
        """Not before the second is there: what is killed while it starts blocks the one that starts it."""
        deadline = time.monotonic() + 120
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


def test_networks_that_go_through_all_stages_together_end_as_alone(tmp_path: Path) -> None:
    windows = make_windows(Planted(), SPEC)
    preset = PRESET.changed(epochs=2, generations=1, finetune=2, search_controls=2)

    def run(name: str, together: int) -> list[FoldResult]:
        splits = make_splits(windows, "subjects", folds=3)[:2]
        tasks = [Task(s.name, s, ("load",), 5 + n, 0, tmp_path / name / s.name) for n, s in enumerate(splits)]
        stacks = [tasks[i : i + together] for i in range(0, len(tasks), together)]
        found = run_tasks(NetworkFrame(windows, preset, SPEC), stacks, processes=1, report=reported.append)
        return [result for stack in found for result in stack if result is not None]

    reported: list[Progress] = []
    torch.set_default_dtype(torch.float64)
    try:
        fused, alone = run("fused", 2), run("alone", 1)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {"calibration of a control: largest", "fine-tuning of a control: sample-1"} <= {p.stage for p in reported}
    for found, expected in zip(fused, alone, strict=True):
        assert found.summary.arch == expected.summary.arch
        assert found.summary.search_controls is not None
        assert found.summary.search_controls == expected.summary.search_controls
        assert set(found.logits) == {*KINDS, SUBNET, *RIVALS}
        for kind, logits in found.logits.items():
            assert logits.dtype == np.float64
            np.testing.assert_allclose(logits, expected.logits[kind], rtol=0, atol=1e-9)
            assert found.summary.temperatures[kind] == pytest.approx(expected.summary.temperatures[kind], abs=1e-7)


def _works(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline())
    return False
