"""The process that ours is compared with: MNE-LSL doing acquisition and a band-pass, no predictions."""

from __future__ import annotations

import time
from dataclasses import dataclass

_SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """What MNE-LSL's stream costs.

    Attributes
    ----------
    version : str
        Of mne-lsl.
    seconds : float
        Measured time.
    cpu_percent : float
        Of one core, the whole process.
    band_hz : tuple of float
        The band-pass, Butterworth of order 4 as ours.
    """

    version: str
    seconds: float
    cpu_percent: float
    band_hz: tuple[float, float]


def measure_peer(source_id: str, *, seconds: float, interval: float, band: tuple[float, float]) -> PeerFigures:
    """Acquire and filter a stream with MNE-LSL for so many seconds after settling."""
    from importlib.metadata import version

    from mne_lsl.stream import StreamLSL

    # Four seconds are kept: the window of the model that ours feeds.
    stream = StreamLSL(4, source_id=source_id).connect(acquisition_delay=interval, timeout=15)
    stream.filter(*band, iir_params={"order": 4, "ftype": "butter", "output": "sos"}, verbose="error")
    time.sleep(min(seconds, _SETTLE_SECONDS))
    cpu, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    cpu, elapsed = time.process_time() - cpu, time.monotonic() - began
    stream.disconnect()
    return PeerFigures(version("mne-lsl"), elapsed, 100 * cpu / elapsed, band)
