"""The signals with their controls: amplitude, time, filter, channels."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QStackedWidget, QToolButton, QVBoxLayout

from bci_app.events import ContactLevel, Phase
from bci_app.gui.desk import Desk
from bci_app.gui.panel import Panel
from bci_app.gui.theme import Theme
from bci_app.gui.views.signals import AMPLITUDES, SPANS, TraceCanvas
from bci_app.gui.widgets import Choice, EmptyPanel, PanelTitle, Toggles
from bci_app.montage.names import canonical, is_electrode
from bci_app.presentation.state import LiveStatus, Picked, Session, SessionLog
from bci_app.presentation.traces import FILTERS, DisplayFilter, TraceHistory

# Spreads that fit in one row of the picture.
_SPREADS_A_ROW = 5.0
_JUDGE_SECONDS = 2.0
# A shorter silence is a late packet.
_SILENT = 2.0
# Pixels from which the title line has room for words.
_ROOMY = 480


class SignalsPanel(Panel):
    """The middle column. `filter_asked` carries a DisplayFilter, `channels_changed` the `Picked` channels."""

    filter_asked = pyqtSignal(object)
    own_filter_asked = pyqtSignal()
    channels_changed = pyqtSignal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._traces: TraceHistory | None = None
        self._visible: list[int] = []
        self._selected: frozenset[int] = frozenset()
        self._amplitude = AMPLITUDES.index(100)
        self._judged = False
        self._wanted: frozenset[str] = frozenset()  # channels whose contact is judged
        self._good: frozenset[str] = frozenset()
        self._picked: Picked | None = None
        self._span = SPANS.index(10)
        self.amplitude = Choice([f"{value} µV a row" for value in AMPLITUDES], "amplitude scale (Up, Down, wheel)")
        self.span = Choice([f"{value} s" for value in SPANS], "time scale (Left, Right, Ctrl + wheel)")
        self._filters: tuple[DisplayFilter, ...] = FILTERS
        self.filter = Choice(
            [entry.title for entry in FILTERS],
            "filter of the display; the model and the recording are untouched (F)",
            more="own filter …",
        )
        self.channels = QToolButton()
        self.channels.setProperty("kind", "quiet")
        self.channels.setToolTip("channels to show")
        self.channels.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.channels.setMenu(Toggles(self.channels))
        self.channels.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._controls = (self.channels, self.filter, self.amplitude, self.span)
        column.addWidget(PanelTitle("Signals", self._controls))
        self.canvas = TraceCanvas(theme)
        self.empty = EmptyPanel("The signals of all channels will be here.", "Choose a source, then connect.")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.canvas)
        column.addWidget(self.stack, 1)
        self.amplitude.chosen.connect(self.set_amplitude)
        self.span.chosen.connect(self.set_span)
        self.filter.chosen.connect(lambda index: self.filter_asked.emit(self._filters[index]))
        self.filter.more_asked.connect(self.own_filter_asked)
        self.canvas.amplitude_asked.connect(self.step_amplitude)
        self.canvas.span_asked.connect(self.step_span)
        self.canvas.channel_clicked.connect(self.toggle_selected)
        self.show_filters(FILTERS, FILTERS[0])
        self._show_scales()
        self.show_session(None)

    def attach(self, desk: Desk) -> None:
        """Draw the session's samples, follow the other panels' picks, and remember the display filter."""
        self._desk = desk
        controller = desk.controller
        controller.traces_extended.connect(self.extend)
        controller.traces_replaced.connect(self.canvas.rebuild)
        controller.opening.connect(lambda _: self.empty.show_opening(True))
        controller.failed.connect(lambda _: self.empty.show_opening(False))
        self.channels_changed.connect(desk.channels_changed)
        self.channels_changed.connect(lambda picked: controller.spectra.pick(picked.channels))
        desk.channel_asked.connect(self.toggle_selected)
        desk.electrode_asked.connect(self.select_electrode)
        self.filter_asked.connect(self.choose_filter)
        self.own_filter_asked.connect(lambda: desk.action_asked.emit("settings"))
        desk.preferences.own_filter_changed.connect(self.choose_filter)
        self.choose_filter(desk.preferences.filter)

    # What is shown -----------------------------------------------------------------------------

    def show_session(self, session: Session | None) -> None:
        """Show another stream, or none."""
        traces, log = (session.traces, session.log) if session is not None else (None, SessionLog())
        self.empty.show_opening(False)
        self._traces = traces
        self._judged = False
        for control in self._controls:
            control.setVisible(traces is not None)
        self.stack.setCurrentWidget(self.canvas if traces is not None else self.empty)
        names = traces.channels if traces is not None else ()
        self._wanted = frozenset(canonical(name) for name in session.judged) if session else frozenset()
        self._good, self._picked = frozenset(), None
        self._visible = [i for i, name in enumerate(names) if is_electrode(name) or canonical(name) in self._wanted]
        self._visible = self._visible or list(range(len(names)))
        self._selected = frozenset()
        self._fill_menu(names)
        bundle = session.bundle if session is not None else None
        hop = bundle.preprocessing.hop_seconds if bundle is not None else 0.0
        window = session.window_seconds if session is not None else 0.0
        self.canvas.show_session(traces, log, self._visible, hop=hop, window=window)
        self._report_channels()

    def show_status(self, live: LiveStatus) -> None:
        """Colour the traces by contact, and hatch what does not arrive."""
        self.canvas.show_contacts(live.contacts)
        good = frozenset(canonical(c.channel) for c in live.contacts if c.level is ContactLevel.GOOD)
        if good != self._good:
            self._good = good
            self._report_channels()
        hatched = live.silent > _SILENT or live.status.phase is Phase.LOST
        self.canvas.show_silence(live.silent if hatched else 0.0, live.silence or "no signal")

    def extend(self) -> None:
        """Draw what is new."""
        self.canvas.extend()
        if not self._judged and self._traces is not None:
            spread = self._traces.spread(_JUDGE_SECONDS)
            if np.isfinite(spread) and spread > 0:
                self._judged = True
                fitting = [i for i, value in enumerate(AMPLITUDES) if value >= _SPREADS_A_ROW * spread]
                self.set_amplitude(fitting[0] if fitting else len(AMPLITUDES) - 1)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.canvas.show_theme(theme)

    def choose_filter(self, display_filter: DisplayFilter) -> None:
        """Show the signal through a display filter, and remember it."""
        preferences = self._desk.preferences
        preferences.filter = display_filter
        self.show_filters(preferences.filters, display_filter)
        self._desk.controller.set_display_filter(display_filter)

    def next_filter(self) -> None:
        """Show the signal through the next display filter."""
        filters = self._desk.preferences.filters
        present = self._desk.controller.feed.display_filter
        self.choose_filter(filters[(filters.index(present) + 1) % len(filters) if present in filters else 0])

    def show_filters(self, filters: tuple[DisplayFilter, ...], chosen: DisplayFilter) -> None:
        """Offer these display filters, with one of them chosen."""
        if filters != self._filters:
            self._filters = filters
            self.filter.show_entries([entry.title for entry in filters])
        self.filter.show_choice(filters.index(chosen))

    # Scales ------------------------------------------------------------------------------------

    def set_amplitude(self, index: int) -> None:
        """Choose one of `AMPLITUDES`."""
        self._amplitude = min(max(index, 0), len(AMPLITUDES) - 1)
        self._judged = True
        self._show_scales()

    def set_span(self, index: int) -> None:
        """Choose one of `SPANS`."""
        self._span = min(max(index, 0), len(SPANS) - 1)
        self._show_scales()

    def step_amplitude(self, step: int) -> None:
        """Show more (+1) or fewer (−1) µV in a row."""
        self.set_amplitude(self._amplitude + step)

    def step_span(self, step: int) -> None:
        """Show more (+1) or fewer (−1) seconds."""
        self.set_span(self._span + step)

    def larger(self) -> None:
        """Show fewer µV in a row."""
        self.step_amplitude(-1)

    def smaller(self) -> None:
        """Show more µV in a row."""
        self.step_amplitude(1)

    def longer(self) -> None:
        """Show more seconds."""
        self.step_span(1)

    def shorter(self) -> None:
        """Show fewer seconds."""
        self.step_span(-1)

    @property
    def span_index(self) -> int:
        """The choice among `SPANS`."""
        return self._span

    def _show_scales(self) -> None:
        self.amplitude.show_choice(self._amplitude)
        self.span.show_choice(self._span)
        self.canvas.show_scales(AMPLITUDES[self._amplitude], SPANS[self._span])

    # Channels ----------------------------------------------------------------------------------

    def toggle_selected(self, channel: int) -> None:
        """Pick a channel for the spectrum, or no longer."""
        self._selected ^= {channel}
        self._report_channels()

    def select_electrode(self, name: str) -> None:
        """Pick a channel by its electrode, or no longer."""
        names = self._traces.channels if self._traces is not None else ()
        for index, channel in enumerate(names):
            if canonical(channel) == canonical(name):
                self.toggle_selected(index)

    @property
    def selected_names(self) -> frozenset[str]:
        """Names of the picked channels."""
        names = self._traces.channels if self._traces is not None else ()
        return frozenset(names[index] for index in self._selected)

    def _fill_menu(self, names: tuple[str, ...]) -> None:
        menu = self.channels.menu()
        assert menu is not None
        menu.clear()
        for index, name in enumerate(names):
            action = menu.addAction(name)
            assert action is not None
            action.setCheckable(True)
            action.setChecked(index in self._visible)
            action.toggled.connect(lambda on, index=index: self._toggle_visible(index, on))
        menu.addSeparator()
        menu.addAction("all", lambda: self._show_all(True))
        menu.addAction("none", lambda: self._show_all(False))

    def _show_all(self, on: bool) -> None:
        menu = self.channels.menu()
        assert menu is not None
        for action in menu.actions():
            if action.isCheckable():
                action.setChecked(on)

    def _toggle_visible(self, index: int, on: bool) -> None:
        visible = set(self._visible) | {index} if on else set(self._visible) - {index}
        self._visible = sorted(visible)
        self._selected &= visible
        self._report_channels()

    def _report_channels(self) -> None:
        names = self._traces.channels if self._traces is not None else ()
        self._count_channels()
        self.canvas.show_channels(self._visible, self._selected)
        visible = {index: canonical(names[index]) for index in self._visible}
        if self._selected:
            chosen = sorted(self._selected)
            what = ", ".join(canonical(names[i]) for i in chosen[:4]) + (" …" if len(chosen) > 4 else "")
        else:
            chosen, what = self._averaged()
        picked = Picked(visible, self._selected, tuple(chosen), what)
        if picked != self._picked:
            self._picked = picked
            self.channels_changed.emit(picked)

    def _count_channels(self) -> None:
        """Say how many channels are shown, without the word where there is no room for it."""
        count, total = len(self._visible), len(self._traces.channels) if self._traces is not None else 0
        shown = f"{count}" if count == total else f"{count} of {total}"
        word = f" channel{'' if total == 1 else 's'}" if self.width() >= _ROOMY else ""
        self.channels.setText(f"{shown}{word}")

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Fit the title line to the width."""
        super().resizeEvent(event)
        self._count_channels()

    def _averaged(self) -> tuple[list[int], str]:
        """Return the channels of the spectrum's mean if none is picked, and what they are called.

        Bad channels would spoil the mean. Channels that are not judged, such as a reference, do not belong to it.
        """
        names = [canonical(name) for name in self._traces.channels] if self._traces is not None else []
        judged = [index for index in self._visible if names[index] in self._wanted] or self._visible
        good = [index for index in judged if names[index] in self._good]
        chosen = good or judged
        if len(chosen) < 2:
            return chosen, "".join(names[index] for index in chosen)
        return chosen, f"mean of {len(chosen)} {'good' if good else 'channels'}"
