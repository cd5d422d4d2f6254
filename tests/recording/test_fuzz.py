"""Damaged files give data or a message: no other exception, no hang, no flood of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recording.fuzz import damaged, originals, read_damaged

SEEDS = 30


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return originals()


@pytest.mark.parametrize(
    "name",
    ["a.edf", "a.bdf", "a.xdf", "a.txt", "muse.csv", "brainflow.csv", "rec.vhdr", "rec.vmrk", "a_raw.fif", "a.set"],
)
def test_damaged_files_give_data_or_a_message(tmp_path: Path, files: dict[str, bytes], name: str) -> None:
    assert read_damaged(tmp_path, name, files[name]) == "data"
    for seed in range(SEEDS):
        begin = time.process_time()  # other work on the machine does not count
        read_damaged(tmp_path, name, damaged(files[name], seed))
        assert time.process_time() - begin < 60, f"seed {seed} took too long"


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.name == "nt", reason="memory is measured by getrusage")
def test_thousands_of_damaged_files(tmp_path: Path, project_root: Path) -> None:
    """In a separate process, so that a crash of a library is seen and memory can be measured."""
    command = [sys.executable, "-W", "error", "-m", "tests.recording.fuzz", str(tmp_path), "1000", "2500"]
    done = subprocess.run(command, cwd=project_root, capture_output=True, text=True, timeout=1700, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["slowest_s"] < 5
    assert result["peak_mb"] < 1024
