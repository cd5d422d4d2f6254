"""MNE-LSL as sender and receiver, in a separate process: it brings its own liblsl.

``python -m tests.lsl_peers receive SOURCE_ID SECONDS OUT.npz`` stores what its StreamLSL received;
``python -m tests.lsl_peers play FILE NAME SOURCE_ID`` plays a file with its PlayerLSL until killed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from bci_app.sources.lsl.library import LOOPBACK_CONFIG


def receive(source_id: str, n_samples: int, out: Path) -> None:
    import numpy as np
    from mne_lsl.stream import StreamLSL

    stream = StreamLSL(60, source_id=source_id).connect(acquisition_delay=0.02, processing_flags=None, timeout=15)
    deadline = time.monotonic() + 120
    while True:
        data, times = stream.get_data()
        got = times > 0
        if got.sum() >= n_samples or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    np.savez(out, data=data[:, got].T, times=times[got], names=stream.ch_names)
    stream.disconnect()


def play(file: str, name: str, source_id: str) -> None:
    import mne
    from mne_lsl.player import PlayerLSL

    raw = mne.io.read_raw_edf(file, preload=True, verbose="error")
    player = PlayerLSL(raw, chunk_size=25, name=name, source_id=source_id)
    player.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        time.sleep(1)


if __name__ == "__main__":
    with tempfile.NamedTemporaryFile("w", suffix=".cfg", delete=False) as config:
        config.write(LOOPBACK_CONFIG)
    os.environ["LSLAPICFG"] = config.name
    if sys.argv[1] == "receive":
        receive(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        play(*sys.argv[2:5])
