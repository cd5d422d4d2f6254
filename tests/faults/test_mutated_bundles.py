"""A damaged bundle is loaded or refused with one message: no crash, no hang, no flood of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bci_app.bundle import LoadedBundle


@pytest.mark.skipif(os.name == "nt", reason="memory is measured by getrusage")
@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=(pytest.mark.soak, pytest.mark.timeout(900)))])
def test_damaged_bundles_are_loaded_or_refused(
    bundle: LoadedBundle, tmp_path: Path, project_root: Path, count: int, report: Callable[..., None]
) -> None:
    """In a separate process, so that a crash of ONNX Runtime is seen and memory can be measured."""
    command = [sys.executable, "-W", "error", "-m", "tests.faults.mutated_bundles", str(bundle.folder), str(tmp_path)]
    done = subprocess.run(
        [*command, "0", str(count)], cwd=project_root, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert result["error"] > count / 3
    assert result["slowest_s"] < 5
    assert result["peak_mb"] < 1024
    report(
        "damaged bundle",
        tried=f"{count}",
        lost=f"{result['error']} refused with a message, {result['bundle']} loaded; 0 crashes",
        recovered=f"slowest {result['slowest_s']:.2f} s, {result['peak_mb']} MB at most",
    )
