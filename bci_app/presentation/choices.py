"""What can be chosen before a session: sources, recordings, models, and whether they fit. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote

from bci_app.bundle import Bundle, LoadedBundle, load_bundle, shipped_models
from bci_app.bundle.decoder import stream_pipeline
from bci_app.errors import BciError, SourceError
from bci_app.events import Contact, ContactLevel
from bci_app.learn.profile import load_profile
from bci_app.montage.names import canonical, is_electrode, match_channels
from bci_app.presentation.opening import ProfileUse, Ready
from bci_app.presentation.player import Player
from bci_app.recording import read_recording
from bci_app.sources.brainflow.boards import boards_with_eeg, find_board, layout_of, parameters_of
from bci_app.sources.file_kind import parse_file
from bci_app.sources.kind import split_options
from bci_app.sources.lsl.header import LslSelector, announced, channel_headers, stream_info
from bci_app.sources.lsl.library import load_pylsl
from bci_app.sources.lsl.source import LslDiscovery
from bci_app.sources.registry import open_source
from bci_app.stream import StreamInfo

SYNTHETIC = "synthetic:"
# Every stream of markers, those that come later too.
ALL_MARKERS = "type=Markers"
_ANSWER_SECONDS = 3.0
_POLL_SECONDS = 0.05
_MOST_RECORDINGS = 100


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source, and what the user states in place of what it says itself.

    Attributes
    ----------
    text : str
        As ``--source`` takes it.
    channels, rate, unit : optional
        Names, Hz, unit; None where nothing is stated.
    """

    text: str
    channels: tuple[str, ...] | None = None
    rate: float | None = None
    unit: str | None = None

    @property
    def kind(self) -> str:
        """Kind of source."""
        return self.text.partition(":")[0].strip().lower()

    @property
    def what(self) -> str:
        """What follows the kind."""
        return self.text.partition(":")[2]

    def for_model(self, bundle: Bundle | None) -> SourceChoice:
        """Return the source for a model: a test signal without a montage takes that of the model."""
        if bundle is None or self.kind != "synthetic" or self.channels is not None:
            return self
        options = dict(parse_qsl(self.what.partition("?")[2]))
        if {"montage", "channels"} & set(options):
            return self
        options["montage"] = ",".join(bundle.preprocessing.channels)
        text = "&".join(f"{key}={quote(value, safe=',')}" for key, value in options.items())
        return replace(self, text=f"{SYNTHETIC}?{text}")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A bundle that was found; `failure` says why it cannot be used, if it cannot."""

    folder: Path
    bundle: Bundle | None
    failure: BciError | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.bundle.title if self.bundle is not None else self.folder.name


@dataclass(frozen=True, slots=True)
class Fit:
    """How a stream and a model go together.

    Attributes
    ----------
    electrodes : tuple of Contact
        Every channel of the model: unknown level if the stream has it, else missing.
    extra : tuple of str
        Electrodes of the stream that the model does not use.
    problem : BciError or None
        Why the model cannot run on the stream.
    """

    electrodes: tuple[Contact, ...]
    extra: tuple[str, ...]
    problem: BciError | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Channels of the model that the stream lacks."""
        return tuple(contact.channel for contact in self.electrodes if contact.level is ContactLevel.MISSING)


def list_models(folders: Sequence[Path] = ()) -> list[ModelChoice]:
    """List the bundles that ship, then those in `folders`."""
    shipped = shipped_models()
    found = sorted(entry for entry in shipped.iterdir() if entry.is_dir()) if shipped.is_dir() else []
    return [read_model(folder) for folder in dict.fromkeys([*found, *folders])]


def read_model(folder: Path) -> ModelChoice:
    """Read a bundle, or why it cannot be read."""
    try:
        return ModelChoice(folder, load_bundle(folder).spec)
    except BciError as error:
        return ModelChoice(folder, None, error)


def list_recordings(folder: Path) -> list[Path]:
    """List the recordings that the app made in a folder, the newest first."""
    found = []
    for path in folder.glob("*.xdf") if folder.is_dir() else ():
        with suppress(OSError):  # removed meanwhile
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)][:_MOST_RECORDINGS]


def list_boards() -> list[tuple[str, tuple[str, ...]]]:
    """List BrainFlow's boards with the parameters that each is usually reached by.

    Raises
    ------
    DependencyError
        If BrainFlow does not load.
    """
    return [(name, parameters_of(name)) for name in boards_with_eeg()]


def describe_source(choice: SourceChoice) -> StreamInfo:
    """Find out what a source would deliver, without starting it.

    Raises
    ------
    BciError
        If it cannot be found or read, or its description is incomplete.
    """
    if choice.kind == "lsl":
        return _describe_lsl(choice)
    if choice.kind == "file":
        said = parse_file(choice.what)
        recording = read_recording(said.paths[0], stream=said.stream, board=said.board)
        return (recording if choice.channels is None else recording.renamed(choice.channels)).info
    if choice.kind == "brainflow":
        board, options = split_options(choice.what)
        name, board_id = find_board(board)
        layout = layout_of(name, find_board(options["master_board"])[1] if "master_board" in options else board_id)
        names = choice.channels or layout.names
        return StreamInfo(
            name, names, choice.rate or layout.rate, (choice.unit or "uV",) * len(names), kind="brainflow"
        )
    # To start a synthetic source costs nothing.
    source = open_source(choice.text, channels=choice.channels, rate=choice.rate, unit=choice.unit)
    info = source.start()
    source.stop()
    return info


def _describe_lsl(choice: SourceChoice) -> StreamInfo:
    selector = LslSelector.parse(choice.what)
    discovery = LslDiscovery()
    try:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while not (found := [info for info in discovery.infos() if selector.matches(announced(info))]):
            if time.monotonic() > deadline:
                raise SourceError("The stream is no longer there", expected=str(selector), fix="Choose another one.")
            time.sleep(_POLL_SECONDS)
    finally:
        discovery.close()
    pylsl = load_pylsl()
    # Only its header is asked for: a replay that waits for a receiver must go on waiting.
    inlet = pylsl.StreamInlet(found[0], max_buflen=1, recover=False)
    try:
        headers = channel_headers(inlet.info(_ANSWER_SECONDS))
    except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
        raise SourceError(
            "The stream is announced but does not answer",
            expected=f"an answer within {_ANSWER_SECONDS:g} s",
            fix="Restart the sending program.",
        ) from error
    return stream_info(announced(found[0]), headers, channels=choice.channels, rate=choice.rate, unit=choice.unit)


def fit(info: StreamInfo, bundle: Bundle) -> Fit:
    """Compare a stream with what a model needs."""
    problem: BciError | None = None
    spec = bundle.preprocessing
    try:
        spec = bundle.for_stream(info.channels, info.units).preprocessing
        found: list[int | None] = match_channels(spec.channels, info.channels)
    except BciError as error:
        return Fit(tuple(Contact(name, ContactLevel.UNKNOWN) for name in spec.channels), (), error)
    electrodes = tuple(
        Contact(name, ContactLevel.MISSING if place is None else ContactLevel.GOOD)
        for name, place in zip(spec.channels, found, strict=True)
    )
    wanted = {canonical(name) for name in spec.channels}
    extra = tuple(canonical(name) for name in info.channels if is_electrode(name) and canonical(name) not in wanted)
    try:
        stream_pipeline(bundle, channels=info.channels, rate=info.rate, units=info.units)
    except BciError as error:
        problem = error
    return Fit(electrodes, extra, problem)


def of_player(player: Player, bundle: LoadedBundle | None) -> Ready:
    """Return the session of a recording that is played."""
    return Ready(player.source(), bundle, player, player.markers)


def preparation(choice: SourceChoice, folder: Path | None, use: ProfileUse | None = None) -> Callable[[], Ready]:
    """Return what opens a source, and a model and a profile, if there are any.

    A recording goes through LSL, like any device.
    """

    def prepare() -> Ready:
        bundle = load_bundle(folder) if folder is not None else None
        person = load_profile(use.folder) if use is not None else None
        learning = use is not None and use.learning
        if choice.kind != "file":
            source = open_source(
                choice.text,
                channels=choice.channels,
                rate=choice.rate,
                unit=choice.unit,
                undescribed=bundle is None,
            )
            return Ready(source, bundle, profile=person, learning=learning)
        played = of_player(Player.of_files(parse_file(choice.what), channels=choice.channels), bundle)
        return replace(played, profile=person, learning=learning)

    return prepare
