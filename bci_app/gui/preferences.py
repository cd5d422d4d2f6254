"""What the window remembers from one start to the next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QObject, QSettings, pyqtSignal

from bci_app.gui.theme import SCALES, read_scale
from bci_app.presentation.traces import FILTERS, DisplayFilter

MARKER_KEYS = tuple(f"F{number}" for number in range(1, 9))
ADDRESSES = {"osc": "127.0.0.1:9000", "ws": "8765"}
"""Kinds of output that go to an address, and what is proposed for each."""


class Preferences(QObject):
    """The user's choices, stored as they are made.

    Signals: `marker_texts_changed` carries the texts of all keys, `own_filter_changed` a DisplayFilter,
    `lsl_changed` whether LSL streams are sent, and `address_changed` a kind of output and where it goes, or nothing.
    """

    marker_texts_changed = pyqtSignal(object)
    own_filter_changed = pyqtSignal(object)
    lsl_changed = pyqtSignal(bool)
    address_changed = pyqtSignal(str, str)

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings

    @property
    def recordings(self) -> Path:
        """Folder of recordings and pictures."""
        return Path(str(self._settings.value("recordings", Path.home() / "bci-app recordings")))

    @recordings.setter
    def recordings(self, folder: Path) -> None:
        self._settings.setValue("recordings", str(folder))

    @property
    def marker_texts(self) -> tuple[str, ...]:
        """What F1 to F8 mark. A key without a text marks its own name."""
        said = read_texts(self._settings, "marker texts")
        return tuple(
            text.strip() or key for key, text in zip(MARKER_KEYS, [*said, *MARKER_KEYS[len(said) :]], strict=False)
        )

    @marker_texts.setter
    def marker_texts(self, texts: Sequence[str]) -> None:
        self._settings.setValue("marker texts", [text.strip() for text in texts])
        self.marker_texts_changed.emit(self.marker_texts)

    @property
    def own_filter(self) -> DisplayFilter | None:
        """The display filter that the user has made, or None."""
        try:
            low, high, notch = map(float, read_texts(self._settings, "own filter"))
        except ValueError:
            return None
        return DisplayFilter.own(low, high, notch or None) if 0 < low < high else None

    @own_filter.setter
    def own_filter(self, display_filter: DisplayFilter) -> None:
        numbers = (display_filter.low, display_filter.high or 0.0, display_filter.notch or 0.0)
        self._settings.setValue("own filter", [f"{number:g}" for number in numbers])
        self.own_filter_changed.emit(display_filter)

    @property
    def filters(self) -> tuple[DisplayFilter, ...]:
        """All display filters that can be chosen."""
        own = self.own_filter
        return FILTERS if own is None or own in FILTERS else (*FILTERS, own)

    @property
    def filter(self) -> DisplayFilter:
        """The display filter that was chosen last."""
        title = str(self._settings.value("filter", ""))
        return next((entry for entry in self.filters if entry.title == title), FILTERS[0])

    @filter.setter
    def filter(self, display_filter: DisplayFilter) -> None:
        self._settings.setValue("filter", display_filter.title)

    @property
    def lsl(self) -> bool:
        """Whether predictions and events are sent as LSL streams."""
        return bool(self._settings.value("send lsl", False, type=bool))

    @lsl.setter
    def lsl(self, on: bool) -> None:
        self._settings.setValue("send lsl", on)
        self.lsl_changed.emit(on)

    def sent_to(self, kind: str) -> str:
        """Return the address that a kind of output goes to, one of `ADDRESSES`; empty if it is off."""
        return self.address(kind) if self._settings.value(f"send {kind}", False, type=bool) else ""

    def send_to(self, kind: str, address: str) -> None:
        """Send a kind of output to an address, or not at all where it is empty."""
        self._settings.setValue(f"send {kind}", bool(address))
        if address:
            self._settings.setValue(f"{kind} address", address)
        self.address_changed.emit(kind, address)

    def address(self, kind: str) -> str:
        """Return the address that a kind of output went to last."""
        return str(self._settings.value(f"{kind} address", ADDRESSES[kind]))

    @property
    def scale(self) -> float:
        """Size of everything from the next start on, one of `SCALES`."""
        return read_scale(self._settings)

    @scale.setter
    def scale(self, scale: float) -> None:
        self._settings.setValue("scale", scale)

    def step_scale(self, step: int) -> float:
        """Take the next larger (+1) or smaller (−1) size, if there is one."""
        index = min(max(SCALES.index(self.scale) + step, 0), len(SCALES) - 1)
        self.scale = SCALES[index]
        return self.scale


def read_texts(settings: QSettings, key: str, default: Sequence[str] = ()) -> list[str]:
    """Return a stored list. Qt returns a list of one text, or of none, as something else."""
    if not settings.contains(key):
        return list(default)
    value = settings.value(key)
    if value is None:
        return []
    return [str(part) for part in value] if isinstance(value, list | tuple) else [str(value)]
