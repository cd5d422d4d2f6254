"""Opening a session away from the window's thread: devices and files take seconds. No Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bci_app.bundle import LoadedBundle
from bci_app.engine import Engine, EngineThread
from bci_app.errors import BciError
from bci_app.learn.personal import PersonalPredictor
from bci_app.learn.prequential import Prequential
from bci_app.learn.profile import Profile, ProfileSpec
from bci_app.presentation.player import Player
from bci_app.sources.base import Source


@dataclass(frozen=True, slots=True)
class Ready:
    """A source and a model that can become a session.

    Attributes
    ----------
    source : Source
        Not started yet.
    bundle : LoadedBundle or None
        Without a model signals are watched and recorded.
    player : Player or None
        Of the recording that is the source, if it is one.
    markers : tuple of str
        LSL marker streams that belong to the source.
    profile : Profile or None
        A person's profile for the bundle, if one is used.
    learning : bool
        Whether each rating of the session scores the profile's head and then updates it.
    """

    source: Source
    bundle: LoadedBundle | None
    player: Player | None = None
    markers: tuple[str, ...] = ()
    profile: Profile | None = None
    learning: bool = False


class ProfileUse(NamedTuple):
    """A profile that is to be used.

    Attributes
    ----------
    folder : Path
        Where it lies.
    learning : bool
        Whether each rating of the session scores its head and then updates it.
    """

    folder: Path
    learning: bool = False


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """What belongs to a session beside its source.

    Attributes
    ----------
    markers : tuple of str
        LSL marker streams whose events are received.
    beside : tuple of str
        LSL streams of samples that are recorded too.
    drop : tuple of str
        Channels of the source that predictions may not use. They are recorded.
    """

    markers: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A session whose engine is started."""

    engine: Engine
    source: Source
    player: Player | None
    profile: ProfileSpec | None = None
    learning: Prequential | None = None

    def stop(self) -> None:
        """Close both."""
        self.engine.stop()
        if self.player is not None:
            self.player.close()


@dataclass(frozen=True, slots=True)
class Running:
    """A session whose engine runs in its thread."""

    thread: EngineThread
    source: Source
    player: Player | None

    def stop(self) -> None:
        """Close everything. May be called twice."""
        self.thread.stop()
        if self.player is not None:
            self.player.close()


class Opening:
    """Opens a session in a separate thread, after closing the one before.

    Parameters
    ----------
    prepare : callable
        Finds source and bundle. It may take long, and raise BciError.
    old : Running or None
        Closed first: few devices can be open twice.
    wait_for_baseline : bool
        As for `Engine`.
    buffer_seconds : float
        As for `Engine`.
    streams : StreamChoice
        Which further streams belong to the session, and which channels predictions may not use.

    Attributes
    ----------
    opened : Opened or None
        The result, once `done`.
    failure : Exception or None
        Why there is none.
    """

    def __init__(
        self,
        prepare: Callable[[], Ready],
        old: Running | None,
        *,
        wait_for_baseline: bool,
        buffer_seconds: float,
        streams: StreamChoice,
    ) -> None:
        self.opened: Opened | None = None
        self.failure: Exception | None = None
        self._prepare = prepare
        self._old = old
        self._wait_for_baseline = wait_for_baseline
        self._buffer_seconds = buffer_seconds
        self._streams = streams
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """True once there is a result."""
        return not self._thread.is_alive()

    def cancel(self, timeout: float = 2.0) -> None:
        """Close what has been or will be opened."""
        self._cancelled.set()
        self._thread.join(timeout)
        if self.done and self.opened is not None:
            self.opened.stop()
            self.opened = None

    def _run(self) -> None:
        try:
            if self._old is not None:
                self._old.stop()
            opened = self._open(self._prepare())
        except BciError as error:
            self.failure = error
            return
        except Exception as error:
            # A fault of the program: kept for the window, which shows it; the terminal has where it was.
            self.failure = error
            raise
        if self._cancelled.is_set():
            opened.stop()
            return
        self.opened = opened

    def _open(self, ready: Ready) -> Opened:
        with ExitStack() as undo:
            if ready.player is not None:
                undo.callback(ready.player.close)
            predictor = learning = None
            if ready.bundle is not None and ready.profile is not None:
                predictor = PersonalPredictor(ready.bundle, ready.profile)
                learning = Prequential(predictor) if ready.learning else None
            engine = Engine(
                ready.source,
                ready.bundle,
                predictor=predictor,
                wait_for_baseline=self._wait_for_baseline,
                buffer_seconds=self._buffer_seconds,
                markers=(*self._streams.markers, *ready.markers),
                beside=self._streams.beside,
                drop=self._streams.drop,
                show_first=True,
            )
            engine.start()
            undo.pop_all()
        profile = ready.profile.spec if ready.profile is not None else None
        return Opened(engine, ready.source, ready.player, profile, learning)
