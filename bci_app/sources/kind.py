"""What a kind of source is: how its text is read, opened and listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from bci_app.errors import SourceError
from bci_app.montage.names import canonical
from bci_app.sources.base import Source
from bci_app.stream import MAX_RATE, UNITS, is_voltage


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user states in place of a stream's own description; None where nothing is stated.

    Attributes
    ----------
    channels : tuple of str or None
        Names of all channels.
    rate : float or None
        Hz.
    unit : str or None
        Of channels that state none.
    undescribed : bool
        Whether the stream may lack names and units: it is only recorded or watched.

    Raises
    ------
    SourceError
        If no stream can be as stated.
    """

    channels: tuple[str, ...] | None = None
    rate: float | None = None
    unit: str | None = None
    undescribed: bool = False

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
