"""The rest baseline that benchmarks predict against."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bci_app.engine.engine import Engine
from bci_app.engine.rest import rest_of_recording
from bci_app.preprocessing.spec import NoBaseline
from bci_app.recording import Recording
from bci_app.simulation import Settings, SimulatedParticipant
from bci_app.stream import StreamInfo

# Hz, of the simulated rest; and seconds by which it is longer than a baseline without refused windows.
_RATE, _SPARE_SECONDS = 250.0, 10.0


def use_simulated_rest(engine: Engine) -> None:
    """Let a started engine use the rest of the simulated participant whose signal benchmarks send, if it needs one."""
    if engine.spec is None:
        return
    spec = engine.spec.preprocessing
    if isinstance(spec.baseline, NoBaseline):
        return
    n = round((spec.baseline.samples / spec.rate + spec.window_seconds + _SPARE_SECONDS) * _RATE)
    info = StreamInfo("simulated", spec.channels, _RATE, ("uV",) * len(spec.channels), kind="file", n_samples=n)
    signal = SimulatedParticipant(0, Settings(spec.channels, _RATE)).samples(0, n)
    recording = Recording(Path("simulated"), "simulated", info, signal, np.arange(n) / _RATE)
    rest = rest_of_recording(recording, engine.spec)
    if rest is not None:
        engine.set_rest(rest)
