"""Sources by text: ``KIND:WHAT?key=value&…``.

A new source is one module and one entry of `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from bci_app.errors import BciError, SourceError
from bci_app.montage.names import canonical
from bci_app.sources.base import Source
from bci_app.stream import MAX_RATE, UNITS, is_voltage


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user states in place of a stream's own description; None where nothing is stated.

    Raises
    ------
    SourceError
        If no stream can be as stated.
    """

    channels: tuple[str, ...] | None = None
    rate: float | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 < self.rate <= MAX_RATE:
            raise SourceError(
                "A stream cannot have this rate",
                found=f"--rate {self.rate:g}",
                expected=f"a rate in Hz, above 0 and up to {MAX_RATE:g}",
            )
        if self.unit is not None and not is_voltage(self.unit):
            raise SourceError("A stream of EEG cannot have this unit", found=f"--unit {self.unit}", expected=UNITS)
        names = [canonical(name) for name in self.channels or ()]
        if self.channels is not None and (not all(names) or len(set(names)) != len(names)):
            raise SourceError(
                "These cannot be the names of a stream's channels",
                found=f"--channels {','.join(self.channels)}",
                expected="each channel named, and no name twice",
            )

    def refuse(self, kind: str, *names: str) -> None:
        """Raise SourceError if one of the overrides `names` is given: a `kind` source has its own.

        Raises
        ------
        SourceError
            As said.
        """
        for name in names:
            if getattr(self, name) is not None:
                raise SourceError(
                    f"A {kind} source states its {name} itself",
                    found=f"--{name} {getattr(self, name)}",
                    fix=f"Leave --{name} out.",
                )


@dataclass(frozen=True, slots=True)
class Listing:
    """A source that can be opened.

    Attributes
    ----------
    kind : str
        Its kind.
    text : str
        What opens it, or its pattern.
    description : str
        What it is.
    """

    kind: str
    text: str
    description: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source.

    Attributes
    ----------
    usage : str
        Pattern of its texts.
    open : callable
        Makes the source from what follows the colon.
    listing : callable
        Lists what is there now.
    """

    usage: str
    open: Callable[[str, Overrides], Source]
    listing: Callable[[], list[Listing]]


def _open_lsl(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.lsl.header import LslSelector
    from bci_app.sources.lsl.source import LslSource

    return LslSource(LslSelector.parse(what), channels=overrides.channels, rate=overrides.rate, unit=overrides.unit)


def _list_lsl() -> list[Listing]:
    from bci_app.sources.lsl.senders import since
    from bci_app.sources.lsl.source import list_lsl_streams

    streams = list_lsl_streams()
    addresses = [stream.address for stream in streams]
    listings = []
    for stream, address in zip(streams, addresses, strict=True):
        alike = addresses.count(address) > 1
        rate = f"{stream.rate:g} Hz" if stream.rate else "irregular"
        what = f"{stream.type or 'no type'}, {stream.n_channels} channels, {rate}, on {stream.hostname}"
        text = stream.instance_address if alike else address
        listings.append(Listing("lsl", text, f"{what}, {since(stream)}" if alike else what))
    return listings


def _open_brainflow(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.brainflow.source import BrainFlowSource

    board, options = split_options(what)
    return BrainFlowSource(board, options, channels=overrides.channels, rate=overrides.rate, unit=overrides.unit)


def _list_brainflow() -> list[Listing]:
    from bci_app.sources.brainflow.boards import boards_with_eeg, parameters_of, way_of

    listings = []
    for name in boards_with_eeg():
        options = "&".join(f"{parameter}=…" for parameter in parameters_of(name))
        listings.append(
            Listing("brainflow", f"brainflow:{name}{f'?{options}' if options else ''}", f"board, {way_of(name)}")
        )
    return listings


_FILE_OPTIONS = ("speed", "stream", "board")


@dataclass(frozen=True, slots=True)
class FileText:
    """What the text of a file source says.

    Attributes
    ----------
    paths : tuple of Path
        Recordings, one after the other.
    speed : float or None
        Factor; None for as fast as possible.
    stream, board : str or None
        As `read_recording` takes them.
    """

    paths: tuple[Path, ...]
    speed: float | None = 1.0
    stream: str | None = None
    board: str | None = None


def parse_file(what: str) -> FileText:
    """Read what follows ``file:``.

    Raises
    ------
    SourceError
        If no file is named or an option cannot be read.
    """
    from bci_app.sources.file import parse_speed

    if Path(what).is_file():
        # A name that holds a question mark or a semicolon is taken as it is.
        return FileText((Path(what),))
    text, options = split_options(what, known=_FILE_OPTIONS)
    paths = [Path(text)] if Path(text).is_file() else [Path(part) for part in text.split(";") if part.strip()]
    if not paths:
        raise SourceError("No file is named", expected="file:PATH, or file:PATH;PATH for several")
    return FileText(
        tuple(paths),
        speed=parse_speed(options.get("speed", "1")),
        stream=options.get("stream"),
        board=options.get("board"),
    )


def _open_file(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.file import FileSource

    overrides.refuse("file", "channels", "rate", "unit")
    said = parse_file(what)
    return FileSource(said.paths, speed=said.speed, stream=said.stream, board=said.board)


def _list_file() -> list[Listing]:
    return [Listing("file", "file:PATH?speed=max", "a recording; several with ; between them")]


def _open_synthetic(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.synthetic import OPTIONS, open_synthetic

    overrides.refuse("synthetic", "unit")
    name, options = split_options(what, known=OPTIONS)
    if name:
        raise SourceError(
            "A synthetic source has no name", found=repr(name), expected="synthetic: or synthetic:?key=value&…"
        )
    return open_synthetic(options, channels=overrides.channels, rate=overrides.rate)


def _list_synthetic() -> list[Listing]:
    return [Listing("synthetic", "synthetic:", "a simulated participant: 19 channels, 250 Hz, microvolts")]


KINDS: dict[str, Kind] = {
    "lsl": Kind("lsl:NAME, or lsl:name=…,type=…,source_id=…,hostname=…", _open_lsl, _list_lsl),
    "brainflow": Kind("brainflow:BOARD?serial_port=…&mac_address=…", _open_brainflow, _list_brainflow),
    "file": Kind("file:PATH?speed=max", _open_file, _list_file),
    "synthetic": Kind(
        "synthetic:?participant=0&effect=1&montage=10-20&speed=max&seconds=60", _open_synthetic, _list_synthetic
    ),
}


def split_options(text: str, *, known: Sequence[str] | None = None) -> tuple[str, dict[str, str]]:
    """Split ``WHAT?key=value&key=value``.

    The last question mark counts, and values may hold ``%`` escapes. A question mark that no
    ``key=value`` follows belongs to WHAT.

    Parameters
    ----------
    text : str
        What follows the kind.
    known : sequence of str, optional
        Keys that are possible; any if None.

    Raises
    ------
    SourceError
        If a key is unknown or given twice.
    """
    what, mark, tail = text.rpartition("?")
    if not mark or (tail and "=" not in tail.split("&")[0]):
        return text, {}
    options: dict[str, str] = {}
    for part in tail.split("&") if tail else []:
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or key in options or (known is not None and key not in known):
            raise SourceError(
                "Cannot read the options of a source",
                found=repr(part),
                expected=f"each of {', '.join(known)} at most once" if known else "key=value, each key once",
                fix="Write options as ?key=value&key=value after the name.",
            )
        options[key] = unquote(value)
    return what, options


def open_source(
    text: str, *, channels: Sequence[str] | None = None, rate: float | None = None, unit: str | None = None
) -> Source:
    """Make a source from its text. It is not started.

    Parameters
    ----------
    text : str
        ``lsl:…``, ``brainflow:…``, ``file:…`` or ``synthetic:…``.
    channels, rate, unit : optional
        State what the stream lacks.

    Raises
    ------
    SourceError
        If the kind is unknown, the text cannot be read or no stream can be as stated.
    """
    kind, colon, what = text.partition(":")
    if not colon or kind.strip().lower() not in KINDS:
        usages = " · ".join(entry.usage for entry in KINDS.values())
        # "C:\\recording.edf" and "recording.edf" are paths that lack their kind.
        looks_like_file = not colon or len(kind) == 1 or Path(text.partition("?")[0]).exists()
        raise SourceError(
            "Unknown kind of source",
            found=repr(text),
            expected=f"one of {', '.join(KINDS)} ({usages})",
            fix=f"For a recording write file:{text}" if looks_like_file else None,
        )
    overrides = Overrides(None if channels is None else tuple(channels), rate, unit)
    return KINDS[kind.strip().lower()].open(what, overrides)


def list_sources() -> list[Listing]:
    """List what can be opened now; a kind whose library is missing says so instead."""
    listings: list[Listing] = []
    for name, kind in KINDS.items():
        try:
            listings += kind.listing()
        except BciError as error:
            listings.append(Listing(name, kind.usage, str(error)))
    return listings
