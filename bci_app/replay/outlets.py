"""The LSL outlets of a replay: one of samples and one of markers."""

from __future__ import annotations

from typing import Any

from bci_app.montage.names import is_electrode
from bci_app.sources.lsl.header import REPLAY
from bci_app.sources.lsl.library import load_pylsl
from bci_app.stream import StreamInfo

_OUTLET_BUFFER_SECONDS = 60
_MICROVOLTS = {"uV", "µV", "μV"}


def data_outlet(info: StreamInfo, name: str, source_id: str) -> Any:
    """Announce a stream of samples, and return its outlet."""
    pylsl = load_pylsl()
    # Double precision: receivers get the file's values exactly.
    header = pylsl.StreamInfo(name, "EEG", len(info.channels), info.rate, pylsl.cf_double64, source_id)
    desc = header.desc()
    desc.append_child_value("manufacturer", REPLAY)
    channels = desc.append_child("channels")
    for label, unit in zip(info.channels, info.units, strict=True):
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        # The spelling of the XDF convention; a micro sign does not reach every receiver unharmed.
        channel.append_child_value("unit", "microvolts" if unit in _MICROVOLTS else unit)
        channel.append_child_value("type", "EEG" if is_electrode(label) else "MISC")
    return pylsl.StreamOutlet(header, 0, _OUTLET_BUFFER_SECONDS)


def marker_outlet(name: str, source_id: str) -> Any:
    """Announce a stream of markers, and return its outlet."""
    pylsl = load_pylsl()
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0.0, pylsl.cf_string, source_id))
