"""The demo: a session that plays through LSL into a shipped model.

By default the session is of a simulated participant, and their planted state goes out as a second LSL stream. One
person's rest and mental arithmetic can be downloaded and played instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.download import fetch_file
from bci_app.recording import Annotation, Recording, read_recording
from bci_app.replay import Replay, ReplayPhase, ReplaySource, ReplayThread
from bci_app.simulation import DIMENSIONS, Emotion, Script, Settings, SimulatedParticipant
from bci_app.sources.lsl.library import load_pylsl
from bci_app.stream import StreamInfo

_PARTICIPANT = 7
_EFFECT = 2.0
_RATE = 250.0
_SECONDS = 228.0
_TRUTH_RATE = 10.0
_WORDS = {(1, 1): "excited", (-1, -1): "sad", (1, -1): "calm", (-1, 1): "tense"}

_EEGMAT = "https://physionet.org/files/eegmat/1.0.0/"
# The minutes that show rest and mental arithmetic: half of the rest is the baseline, and the other half shows what the
# model says about rest. Both files end with 2 s of padding.
_MINUTES = (
    ("Subject01_1.edf", "e8c8bd03146127f6084e36282b20bf9236cd5e5459e8a9129b05963bdbbb461a", 120.0, "rest"),
    ("Subject01_2.edf", "da7ad48824d5c92a5a12b90495f4ceca98dbc91fca1d3e85f009dbc640b32ca7", 0.0, "mental arithmetic"),
)


@dataclass(frozen=True, slots=True)
class Session:
    """What a demo plays.

    Attributes
    ----------
    title : str
        What it is, for the user.
    bundle : str
        Name of the model that it is played into.
    recordings : sequence of Recording
        One after the other.
    script : Script or None
        The planted course of emotion of a simulated participant.
    """

    title: str
    bundle: str
    recordings: Sequence[Recording]
    script: Script | None = None


def simulated_session() -> Session:
    """Make a session of a simulated participant: rest, then four stated emotions in turn. No person was recorded."""
    script, settings = Script.shipped(), Settings(rate=_RATE, effect=_EFFECT, noise=0.5, reference="linked-ears")
    participant = SimulatedParticipant(_PARTICIPANT, settings, script=script)
    n = round(_SECONDS * _RATE)
    name = "simulated participant"
    units = ("µV",) * len(settings.channels)
    info = StreamInfo(name, settings.channels, _RATE, units, kind="file", n_samples=n)
    recording = Recording(
        Path(name), "simulated", info, participant.samples(0, n), np.arange(n) / _RATE, annotations=_stretches(script)
    )
    return Session(f"simulated participant {_PARTICIPANT}, effect {_EFFECT:g}", "synthetic-vad", [recording], script)


def _stretches(script: Script) -> tuple[Annotation, ...]:
    """Name the stretches of a script in which the state stays."""
    found = []
    rows = zip(script.times, script.states, strict=True)
    for (start, state), (end, following) in pairwise(rows):
        if state == following:
            word = _WORDS.get((int(np.sign(state.valence)), int(np.sign(state.arousal))), "rest")
            found.append(Annotation(start, end - start, f"simulated: {word}"))
    return tuple(found)


def mental_load_session() -> Session:
    """Download and cut one person's rest and mental arithmetic (EEGMAT, Subject 01).

    Raises
    ------
    FileError
        If the files cannot be downloaded or read.
    """
    recordings = []
    for name, sha256, start, what in _MINUTES:
        recording = read_recording(fetch_file(_EEGMAT + name, f"sha256:{sha256}", "eegmat"))
        recordings.append(_minute(recording, start, what))
    return Session("Subject 01 of EEGMAT, rest then arithmetic", "mental-load", recordings)


def _minute(recording: Recording, start: float, what: str) -> Recording:
    rate = recording.info.rate
    rows = slice(round(start * rate), round((start + 60.0) * rate))
    return replace(
        recording,
        info=replace(recording.info, n_samples=rows.stop - rows.start),
        data=recording.data[rows],
        times=recording.times[rows] - recording.times[rows.start],
        annotations=(Annotation(0.0, 60.0, what),),
    )


SESSIONS: Mapping[str, Callable[[], Session]] = MappingProxyType(
    {"simulated": simulated_session, "eegmat": mental_load_session}
)
"""What the demo can play, by name."""


class TruthStream:
    """The planted state of a simulated participant as an LSL stream beside the replay of their EEG.

    Parameters
    ----------
    script : Script
        Its course over the seconds of the recording.
    source_id : str
        Identity of the stream.
    """

    def __init__(self, script: Script, source_id: str) -> None:
        self._script = script
        self._source_id = source_id
        self.outlet: Any = None
        self._tick = -1.0
        self.state = Emotion()
        """The state at the newest sample that was sent."""

    def open(self) -> None:
        """Announce the stream: valence, arousal and dominance from -1 to 1, ten times a second."""
        pylsl = load_pylsl()
        header = pylsl.StreamInfo(
            "demo, simulated participant, truth",
            "Simulated",
            len(DIMENSIONS),
            _TRUTH_RATE,
            pylsl.cf_float32,
            self._source_id,
        )
        channels = header.desc().append_child("channels")
        for name in DIMENSIONS:
            channels.append_child("channel").append_child_value("label", name)
        self.outlet = pylsl.StreamOutlet(header)

    def follow(self, seconds: NDArray[np.float64], stamps: NDArray[np.float64]) -> None:
        """Send the states that belong to samples of the replay, with their stamps."""
        states = self._script.at(seconds)
        self.state = Emotion(*states[-1].tolist())
        ticks = np.floor(seconds * _TRUTH_RATE + 1e-6)
        begun = np.flatnonzero(np.diff(ticks, prepend=self._tick))
        self._tick = float(ticks[-1])
        for row in begun:
            self.outlet.push_sample(states[row].tolist(), float(stamps[row]))

    def close(self) -> None:
        """Withdraw the stream."""
        self.outlet = None


class SimulatedReplay(ReplaySource):
    """A replay of a simulated participant, whose state is known.

    Parameters
    ----------
    replay : Replay
        Of their EEG.
    stream : TruthStream
        Of their state.
    ends : bool
        As of `ReplaySource`.
    """

    def __init__(self, replay: Replay, stream: TruthStream, *, ends: bool = False) -> None:
        super().__init__(replay, ends=ends)
        self._stream = stream

    @property
    def truth(self) -> Emotion:
        """The state at the newest sample that was sent."""
        return self._stream.state


@dataclass(frozen=True, slots=True)
class Replayed:
    """A running replay.

    Attributes
    ----------
    text : str
        Names its stream, as ``--source`` takes it.
    thread : ReplayThread
        The thread that plays it.
    truth : TruthStream or None
        The planted state, if the participant is simulated.
    """

    text: str
    thread: ReplayThread
    truth: TruthStream | None

    def source(self, *, ends: bool = False) -> ReplaySource:
        """Return the source that receives it; `ends` as of `ReplaySource`."""
        replay = self.thread.replay
        if self.truth is None:
            return ReplaySource(replay, ends=ends)
        return SimulatedReplay(replay, self.truth, ends=ends)

    @property
    def over(self) -> bool:
        """Whether it was played to its end."""
        return self.thread.replay.status().phase is ReplayPhase.FINISHED


@contextmanager
def replayed(session: Session) -> Iterator[Replayed]:
    """Replay a session as an LSL stream on this machine for the time of a with statement."""
    source_id = f"bci-app-demo-{uuid.uuid4().hex[:12]}"
    truth = None if session.script is None else TruthStream(session.script, f"{source_id}-truth")
    on_sent = None if truth is None else truth.follow
    replay = Replay(
        session.recordings, name=f"demo, {session.recordings[0].info.name}", source_id=source_id, on_sent=on_sent
    )
    thread = ReplayThread(replay)
    if truth is not None:
        truth.open()
    thread.start()
    try:
        yield Replayed(f"lsl:source_id={replay.source_id}", thread, truth)
    finally:
        thread.stop()
        if truth is not None:
            truth.close()
