"""The status line: source, outputs, rate, loss, age, prediction time, CPU, battery."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QWidget

from bci_app.events import Phase
from bci_app.gui.theme import GRID
from bci_app.gui.widgets import Figure, elided_label, label, show_elided
from bci_app.presentation.notices import LOST
from bci_app.presentation.profiles import profile_figures, profile_name, verdict_sentence
from bci_app.presentation.state import LiveStatus, Session

# Figures beyond these are worth checking.
_SLOW_SHARE = 0.02
_OLD_S = 0.5
_LOW_BATTERY = 15
# Room that outputs keep in a narrow window, in pixels.
_SENT = 15 * GRID
# Stretch of what is shown whole before anything else gets room.
_FIRST = 1000


class StatusLine(QWidget):
    """Figures keep their places. A figure that is worth checking is coloured."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        row.setSpacing(3 * GRID)
        self.setFixedHeight(4 * GRID)
        self._watching = False
        self._profile = self._profile_tip = ""
        self.source = elided_label("no source", tone="muted")
        row.addWidget(self.source, _FIRST)
        self.rate = Figure("rate", "0000.0 / 0000 Hz", "effective rate over the last 10 s, and nominal rate")
        self.loss = Figure("loss", "00.00 %", "share of samples lost since the session was opened")
        self.age = Figure(
            "age",
            "00000 ms",
            "age of the newest sample; unknown where a recording was played at another speed than ×1, or waits",
        )
        self.compute = Figure("prediction", "000.0 ms", "time that the network takes for one prediction")
        self.cpu = Figure("CPU", "000 %", "of one core, by this program")
        self.battery = Figure("battery", "000 %", "charge of the device, as it states it")
        self.phase = label("", tone="muted")
        row.addWidget(self.phase)
        self.profile = elided_label(tone="muted")
        row.addWidget(self.profile, _FIRST)
        self.sent = elided_label(tone="muted")
        row.addWidget(self.sent, _FIRST)
        row.addStretch(1)
        self._figures = (self.rate, self.loss, self.age, self.compute, self.cpu)
        for figure in (*self._figures, self.battery):
            row.addWidget(figure)
        self.battery.hide()
        self.sent.hide()
        self.profile.hide()

    def show_session(self, session: Session | None) -> None:
        """Name the source."""
        self._watching = session is not None and session.bundle is None
        for figure in self._figures:
            figure.show()
        if session is None:
            show_elided(self.source, "no source")
            self.source.setToolTip("")
            self.phase.setText("")
            for part in (self.sent, self.profile):
                part.hide()
            for figure in self._figures:
                figure.show_value("–")
            return
        info = session.info
        host = f" on {info.host}" if info.host else ""
        text = f"{info.name}{host} · {len(info.channels)} channels"
        show_elided(self.source, text)
        self.source.setToolTip(f"{text}\n{session.source_text}".rstrip())
        profile = session.profile
        self.profile.setVisible(profile is not None)
        if profile is not None:
            self._profile = f"profile {profile_name(profile)}"
            show_elided(self.profile, self._profile)
            figures = " · ".join(profile_figures(profile))
            self._profile_tip = f"predicts with this person’s profile: {figures}\n{verdict_sentence(profile)}"
            self.profile.setToolTip(self._profile_tip)

    def show_study(self, recording: Path) -> None:
        """Name the file of a study, whose page has its own figures."""
        show_elided(self.source, f"study in {recording.name}")
        self.source.setToolTip(str(recording))
        for figure in self._figures:
            figure.hide()

    def show_status(self, live: LiveStatus) -> None:
        """Show the figures of this moment."""
        if live.learning:
            show_elided(self.profile, f"{self._profile} · {live.learning}")
            self.profile.setToolTip(f"{live.learning}\n{self._profile_tip}")
        status = live.status
        lost = live.silence == LOST
        # Without a model there is nothing that contact is checked for.
        watching = self._watching and status.phase is Phase.CONTACT
        self.phase.setText(live.silence or ("watching" if watching else status.phase.value))
        effective, nominal = status.effective_rate, status.nominal_rate
        if isfinite(effective) and not live.silence:
            off = abs(effective / nominal - 1) > _SLOW_SHARE
            self.rate.show_value(f"{effective:.1f} / {nominal:g} Hz", tone="warning" if off else "")
        else:
            self.rate.show_value(f"– / {nominal:g} Hz")
        self.loss.show_value(f"{100 * status.loss:.{_decimals(status.loss)}f} %", tone="warning" if status.lost else "")
        age = status.age_s
        if isfinite(age):
            text = f"{1000 * age:.0f} ms" if age < 10 else f"{age:.0f} s"
            self.age.show_value(text, tone="bad" if lost else "warning" if age > _OLD_S and not live.silence else "")
        else:
            self.age.show_value("–")
        timed = isfinite(status.compute_ms) and not live.silence
        self.compute.show_value(f"{status.compute_ms:.1f} ms" if timed else "–")
        battery = status.device.battery if status.device is not None else None
        self.battery.setVisible(battery is not None)
        if battery is not None:
            self.battery.show_value(f"{battery:.0f} %", tone="warning" if battery < _LOW_BATTERY else "")
        text = f"sends {', '.join(sent.word for sent in live.sent)}"
        show_elided(self.sent, text)
        # The source's name gives way first.
        self.sent.setMinimumWidth(min(self.sent.fontMetrics().horizontalAdvance(text) + 2, _SENT))
        self.sent.setToolTip("\n".join(sent.detail for sent in live.sent))
        self.sent.setVisible(bool(live.sent))
        self.cpu.show_value(f"{live.cpu_percent:.0f} %" if isfinite(live.cpu_percent) else "–")


def _decimals(loss: float) -> int:
    """Show even one lost sample in ten thousand."""
    return 1 if loss == 0 or loss >= 0.001 else 2
