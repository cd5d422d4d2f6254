"""A run that the system kills, again and again, ends as one that nothing happened to."""

import json
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.offline.processes import start_command

FOLD, FINAL = Path("subjects/fold01/mental_load"), Path("final/mental_load")
COMMAND = (
    "run --dataset eegmat --subjects 4 --protocol subjects --folds 1 --epochs 3 --generations 2 --finetune 3 "
    "--search-controls --search-setting population=12 --search-setting kept=6 --search-setting mutations=6 "
    "--search-setting crossovers=6 --processes 1"
)  # fmt: skip


def begin(out: Path, root: Path) -> BaseProcess:
    folders = ("--out", out, "--root", root, "--cache", out.parent / "cache")
    return start_command(*COMMAND.split(), *folders, errors=out.with_suffix(".errors"))


def finish(run: BaseProcess, out: Path) -> None:
    run.join()
    assert run.exitcode == 0, out.with_suffix(".errors").read_text()


def evaluations(folder: Path) -> list[tuple[object, ...]]:
    """Return all that a search has kept but what time it took."""
    path = folder / "search.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(evaluations)") if row[1] != "seconds"]
        if not columns:
            return []
        return connection.execute(f"SELECT {', '.join(columns)} FROM evaluations ORDER BY rowid").fetchall()


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "training": lambda out: (out / FOLD / "supernet.safetensors").exists(),
    "search": lambda out: len(evaluations(out / FOLD)) >= 12,
    "calibration": lambda out: (out / FOLD / "calibration-subnet.safetensors").exists(),
    "fine-tuning": lambda out: (out / FOLD / "finetune-subnet.safetensors").exists(),
    "fine-tuning of a control": lambda out: (out / FOLD / "finetune-median.safetensors").exists(),
    "the search of the exported model": lambda out: len(evaluations(out / FINAL)) >= 12,
}


@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as on POSIX")
def test_a_run_killed_in_every_stage_ends_with_the_same_bytes(tmp_path: Path, arithmetic_npz: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(begin(whole, arithmetic_npz), whole)
    for moment, reached in MOMENTS.items():
        run = begin(killed, arithmetic_npz)
        while not reached(killed):
            assert run.is_alive(), f"it ended before {moment}"
            time.sleep(0.005)
        run.kill()
        run.join()
        assert run.exitcode == -signal.SIGKILL, moment
        assert (killed / "run.lock").exists()
    finish(begin(killed, arithmetic_npz), killed)

    for network in (FOLD, FINAL):
        assert len(evaluations(whole / network)) >= 20
        assert evaluations(killed / network) == evaluations(whole / network)
        for file in ("subnet.safetensors", "logits.npz", "training.csv", "front.csv", "hypervolume.csv", "result.json"):
            assert (killed / network / file).read_bytes() == (whole / network / file).read_bytes(), network / file
    for path in ("subjects/splits.json", "subjects/predictions.npz", "bundle/mental-load/model.onnx",
                 "bundle/mental-load/golden.npz"):  # fmt: skip
        assert (killed / path).read_bytes() == (whole / path).read_bytes(), path
    cards = [json.loads((out / "bundle/mental-load/bundle.json").read_text()) for out in (killed, whole)]
    for card in cards:  # of another day, around midnight
        del card["provenance"]["created"]
    assert cards[0] == cards[1]
    assert files(killed) == files(whole)


def files(out: Path) -> set[str]:
    """Return what is left in a run's folder; TensorBoard names its files by the time."""
    return {str(path.relative_to(out)) for path in out.rglob("*") if "tensorboard" not in path.parts}
