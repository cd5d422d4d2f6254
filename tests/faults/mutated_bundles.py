"""Damaged bundles: loading one gives a bundle or a `BundleError`, soon and in little memory.

``python -m tests.faults.mutated_bundles BUNDLE FOLDER FIRST COUNT`` loads COUNT damaged copies and prints
what happened as JSON; it ends with a traceback at the first thing that is neither.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import sha256
from bci_app.errors import BciError
from tests.recording.fuzz import damaged

FILES = ("bundle.json", "model.onnx", "golden.npz", "model.onnx, signed")


def damage(bundle: Path, folder: Path, seed: int) -> str:
    """Copy a bundle and damage one of its files; gives which."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bundle, folder)
    kind = FILES[seed % len(FILES)]
    name = kind.split(",", maxsplit=1)[0]
    content = damaged((folder / name).read_bytes(), seed)
    (folder / name).write_bytes(content)
    if kind.endswith("signed"):
        # As somebody does who alters the graph on purpose.
        card = (folder / "bundle.json").read_text(encoding="utf-8")
        (folder / "bundle.json").write_text(re.sub(r"[0-9a-f]{64}", sha256(content), card), encoding="utf-8")
    return kind


def load(folder: Path) -> str:
    """Load a bundle, run it and check it; gives ``bundle``, or the summary of the error."""
    try:
        loaded = load_bundle(folder)
        spec = loaded.spec.preprocessing
        shape = (1, len(spec.channels), spec.n_features)
        Predictor(loaded.spec, loaded.model).predict(np.zeros(shape, dtype=np.float32))
        check_bundle(loaded)
    except BciError as error:
        return error.summary
    return "bundle"


def main(bundle: str, folder: str, first: str, count: str) -> None:
    import resource  # not on Windows

    slowest, outcomes = 0.0, {"bundle": 0, "error": 0}
    for seed in range(int(first), int(first) + int(count)):
        kind = damage(Path(bundle), Path(folder) / "b", seed)
        sys.stderr.write(f"{seed} {kind}\n")
        sys.stderr.flush()
        begin = time.process_time()
        outcomes["bundle" if load(Path(folder) / "b") == "bundle" else "error"] += 1
        slowest = max(slowest, time.process_time() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    sys.stdout.write(json.dumps({**outcomes, "slowest_s": round(slowest, 3), "peak_mb": round(peak)}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
