"""The streams of a recording: what each is called, its channels, and what the metadata hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from bci_app import __version__
from bci_app.events import Prediction, Reason
from bci_app.montage.names import is_electrode
from bci_app.recording.xdf import APP_TIME_TYPE, INDEX_CHANNELS, INDEX_TYPE
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel
from bci_app.stream import DeviceState, StreamInfo

PREDICTIONS_TYPE = "Predictions"
"""Type of the stream of predictions."""
ARTEFACTS = ("muscle", "movement")
"""What a window may hold beside the brain, one channel of 0 and 1 each."""
ARTEFACT_SCORE = "artefact score"

Layout = tuple[tuple[str, tuple[str, ...]], ...]
"""Names and classes of the targets of predictions."""


def known_metadata(info: StreamInfo) -> dict[str, object]:
    """Return what a recorder knows of a session."""
    return {
        "application": f"bci-app {__version__}",
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "device": {
            "name": info.name,
            "kind": info.kind,
            "source_id": info.source_id,
            "host": info.host,
            "rate": info.rate,
        },
    }


def text_header(name: str, kind: str, channel: str) -> StreamHeader:
    """Describe a stream of texts."""
    return StreamHeader(name, kind, (XdfChannel(channel, type=kind),), format="string")


def samples_header(info: StreamInfo) -> StreamHeader:
    """Describe the source's samples."""
    return StreamHeader(
        name=info.name,
        type="EEG",
        channels=tuple(
            XdfChannel(name, unit, "EEG" if is_electrode(name) else "Misc")
            for name, unit in zip(info.channels, info.units, strict=True)
        ),
        rate=info.rate,
        source_id=info.source_id,
        hostname=info.host,
        description={"source_kind": info.kind},
    )


def index_header(info: StreamInfo) -> StreamHeader:
    """Describe the stream of the chunks' places."""
    return place_header(f"{info.name} index", source_id=info.source_id)


def place_header(name: str, *, source_id: str = "") -> StreamHeader:
    """Describe a stream of the places of chunks: first index, samples, samples lost before, new start."""
    channels = tuple(XdfChannel(channel, "samples", "Index") for channel in INDEX_CHANNELS)
    return StreamHeader(name, INDEX_TYPE, channels, format="int64", source_id=source_id)


def beside_header(name: str, xml: str, format_: str, n_channels: int) -> StreamHeader:
    """Describe a stream beside: as its sender does."""
    channels = tuple(XdfChannel(f"Ch{number}") for number in range(1, n_channels + 1))
    return StreamHeader(name, "", channels, format=format_, xml=xml)


def app_time_header(info: StreamInfo) -> StreamHeader:
    """Describe the stream of the times at which samples were due, one value for each sample."""
    channel = XdfChannel("time", "seconds", "Time")
    return StreamHeader(f"{info.name} app time", APP_TIME_TYPE, (channel,), source_id=info.source_id)


def device_header(info: StreamInfo, state: DeviceState) -> StreamHeader:
    """Describe what a device reports about itself."""
    channels = [] if state.battery is None else [XdfChannel("battery", "percent", "Battery")]
    channels += [XdfChannel(name, "ohm", "Impedance") for name, _ in state.resistances]
    return StreamHeader(f"{info.name} device", "Device", tuple(channels), source_id=info.source_id)


def predictions_header(layout: Layout) -> StreamHeader:
    """Describe the predictions of some targets."""
    channels = [
        XdfChannel("sample", "samples", "Index"),
        XdfChannel("valid", "", "Validity"),
        *(XdfChannel(f"invalid: {reason.value}", "", "Validity") for reason in Reason),
        XdfChannel("quality", "", "Quality"),
        XdfChannel("age", "milliseconds", "Latency"),
        XdfChannel("compute", "milliseconds", "Latency"),
        *(XdfChannel(name, "", "Artefact") for name in (*ARTEFACTS, ARTEFACT_SCORE)),
    ]
    for name, classes in layout:
        channels += [XdfChannel(f"{name}: {label}", "", "Probability") for label in classes]
        channels += [XdfChannel(f"{name}: {label}, smoothed", "", "Probability") for label in classes]
    return StreamHeader("Predictions", PREDICTIONS_TYPE, tuple(channels))


def prediction_values(prediction: Prediction) -> Iterator[float]:
    """Return the values in the order of `predictions_header`."""
    yield prediction.sample
    yield prediction.valid
    yield from (reason in prediction.reasons for reason in Reason)
    yield from (prediction.quality, prediction.age_ms, prediction.compute_ms)
    yield from (prediction.artefact == name for name in ARTEFACTS)
    yield prediction.artefact_score
    for target in prediction.targets:
        missing = (np.nan,) * len(target.classes)
        yield from target.probability or missing
        yield from target.smoothed or missing
