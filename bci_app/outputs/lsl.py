"""Predictions as LSL streams."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bci_app.errors import BciError
from bci_app.events import Prediction
from bci_app.outputs.base import OutputKind
from bci_app.sources.lsl.library import load_pylsl
from bci_app.stream import Marker, StreamInfo

if TYPE_CHECKING:
    from bci_app.bundle.spec import Bundle


class _LslOutput:
    """An LSL outlet that is there from `start` to `close`.

    Parameters
    ----------
    name : str
        Name of the stream.

    Raises
    ------
    BciError
        If the name is empty.

    Attributes
    ----------
    uid : str
        Identity of the newest outlet, as receivers see it; empty before `start`.
    """

    def __init__(self, name: str) -> None:
        if not name.strip():
            raise BciError("An LSL stream must have a name", found=repr(name), fix="Name it, for example: predictions.")
        self._name = name
        self._outlet: Any = None
        self.uid = ""

    @property
    def place(self) -> str:
        """Where predictions go."""
        return f"The LSL stream {self._name!r}"

    def close(self) -> None:
        """Withdraw the stream. May be called twice."""
        self._outlet = None

    def _announce(self, outlet: Any) -> None:
        self._outlet, self.uid = outlet, outlet.get_info().uid()

    def _source_id(self, bundle: Bundle, info: StreamInfo) -> str:
        """Return an identity that survives a restart of the app, so that receivers find the stream again."""
        return f"bci-app/{self._name}/{bundle.name}/{info.source_id or info.name}"


class LslPredictionOutput(_LslOutput):
    """An LSL stream of predictions, one sample for each window, at no fixed rate.

    Channels are ``TARGET/CLASS`` (the probability of this window) and ``TARGET/CLASS/smoothed`` for
    each target and class, then ``valid`` (1 or 0), ``quality`` (0 to 1) and ``sample`` (index of the
    window's last sample in the source stream). Probabilities of an invalid window are nan. A sample's
    stamp is the LSL time of the window's last sample.

    Parameters
    ----------
    name : str
        Name of the stream; its type is ``Predictions``.
    """

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Announce the stream.

        Raises
        ------
        DependencyError
            If liblsl is missing.
        """
        pylsl = load_pylsl()
        labels = prediction_labels(bundle)
        header = pylsl.StreamInfo(
            self._name,
            "Predictions",
            len(labels),
            pylsl.IRREGULAR_RATE,
            pylsl.cf_double64,
            self._source_id(bundle, info),
        )
        desc = header.desc()
        desc.append_child_value("manufacturer", "bci-app")
        desc.append_child_value("bundle", bundle.name)
        desc.append_child_value("source", info.name)
        channels = desc.append_child("channels")
        for label in labels:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("type", "Prediction")
        self._announce(pylsl.StreamOutlet(header))

    def publish(self, prediction: Prediction) -> None:
        """Send one sample."""
        if self._outlet is not None:
            self._outlet.push_sample(prediction_values(prediction), prediction.time)


def prediction_labels(bundle: Bundle) -> list[str]:
    """Name the channels of a stream of predictions."""
    labels = []
    for target in bundle.targets:
        labels += [f"{target.name}/{name}" for name in target.classes]
        labels += [f"{target.name}/{name}/smoothed" for name in target.classes]
    return [*labels, "valid", "quality", "sample"]


def prediction_values(prediction: Prediction) -> list[float]:
    """Return the values of a prediction in the order of those channels."""
    values: list[float] = []
    for target in prediction.targets:
        for probabilities in (target.probability, target.smoothed):
            values += probabilities if probabilities is not None else [math.nan] * len(target.classes)
    return [*values, float(prediction.valid), prediction.quality, float(prediction.sample)]


class LslMarkerOutput(_LslOutput):
    """An LSL stream of markers: changes of the predictions, and the session's own events.

    A marker is sent when the most probable class of a target changes (``mental_load: high``) and when
    predictions become invalid (``invalid: gap``) or valid again; and for each event of the app (a key, a
    note) and of its source (an annotation of a file, a board's trigger), with its own text and time.

    Parameters
    ----------
    name : str
        Name of the stream; its type is ``Markers``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._sent: dict[str, str] = {}

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Announce the stream.

        Raises
        ------
        DependencyError
            If liblsl is missing.
        """
        pylsl = load_pylsl()
        source_id = f"{self._source_id(bundle, info)}/markers"
        header = pylsl.StreamInfo(self._name, "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, source_id)
        self._announce(pylsl.StreamOutlet(header))
        self._sent = {}

    def publish(self, prediction: Prediction) -> None:
        """Send markers of what has changed with this prediction."""
        reasons = ", ".join(reason.value for reason in prediction.reasons)
        self._send_change("", "valid" if prediction.valid else f"invalid: {reasons}", prediction.time)
        for target in prediction.targets:
            if target.smoothed is not None:
                best = max(range(len(target.classes)), key=target.smoothed.__getitem__)
                self._send_change(target.name, f"{target.name}: {target.classes[best]}", prediction.time)

    def mark(self, marker: Marker) -> None:
        """Send an event of the session."""
        if self._outlet is not None:
            self._outlet.push_sample([marker.text], marker.time)

    def _send_change(self, about: str, text: str, time: float) -> None:
        if self._sent.get(about) != text:
            self._sent[about] = text
            self.mark(Marker(time, text))


PREDICTIONS = OutputKind("Send predictions as an LSL stream of this name.", LslPredictionOutput)
MARKERS = OutputKind(
    "Send changes of the predictions, and the session's events, as an LSL marker stream of this name.", LslMarkerOutput
)
