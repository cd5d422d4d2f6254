"""What the model says: before it can, what it waits for; then a gauge and a timeline for each target."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from bci_app.bundle.spec import Bundle
from bci_app.events import Phase
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.gauge import Gauge
from bci_app.gui.views.plane import Plane
from bci_app.gui.views.timeline import SPAN, Timeline, silent_seconds, words_width
from bci_app.gui.widgets import EmptyPanel, PanelTitle, label
from bci_app.presentation.scores import scores
from bci_app.presentation.state import ContactSummary, LiveStatus, Session, SessionLog, Step

_PLANE = ("valence", "arousal")  # from left to right, from below to above
# Of the height that the plane is to have at least, while timelines can make room for it.
_PLANE_SHARE = 0.42
# The least height of one of several timelines, and what the figures of the time axis add to it.
_LOW, _TIMES = 4 * GRID, 3 * GRID


class Preparing(QWidget):
    """The steps before the first prediction: contact, then rest."""

    start_asked = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 0)
        column.setSpacing(GRID)
        self.title = label(role="strong")
        self.value = label(role="large")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.advice = label(tone="muted", wrap=True)
        self.button = QPushButton()
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.start_asked)
        for part in (self.title, self.value, self.bar, self.advice):
            column.addWidget(part)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addStretch()
        column.addSpacing(GRID)
        column.addLayout(row)
        column.addStretch()

    def show_contact(self, session: Session, summary: ContactSummary) -> None:
        """Ask for good contact, then for the start."""
        total = sum(summary.counts.values())
        usable = total - summary.unusable - sum(n for level, n in summary.counts.items() if level.value == "unknown")
        allowed = int(_spared(session) * total)
        ready = total - usable <= allowed
        self.title.setText("Check contact")
        self.value.setText(f"{usable} of {total} usable")
        self.bar.setValue(round(1000 * usable / max(total, 1)))
        if ready:
            self.advice.setText(
                f"Ask the participant to sit still and relax. The rest baseline takes {session.baseline_seconds:.0f} s."
                if session.baseline_seconds
                else "Contact is good enough to begin."
            )
        else:
            names = ", ".join(contact.channel for contact in summary.wanting[: min(summary.unusable, 6)])
            needs = f"at least {total - allowed} of its" if allowed else "all"
            self.advice.setText(
                f"Mend {names} first: the model needs {needs} {total} electrodes."
                if names
                else "Contact is judged from the first seconds of signal."
            )
        self._show_button("Start rest baseline" if session.baseline_seconds else "Start", primary=True, enabled=ready)

    def show_baseline(self, session: Session, live: LiveStatus) -> None:
        """Count down."""
        status = live.status
        left = (1 - status.baseline_progress) * session.baseline_seconds
        settling = status.phase is Phase.WARMING_UP
        self.title.setText("Rest baseline")
        self.value.setText(f"{left:.0f} s left")
        self.bar.setValue(round(1000 * status.baseline_progress))
        summary = ContactSummary.of(status.contacts)
        if settling:
            self.advice.setText("Filters are settling. The participant sits still and relaxes.")
        elif summary.unusable > _spared(session) * len(status.contacts):
            names = ", ".join(contact.channel for contact in summary.wanting[: summary.unusable][:6])
            self.advice.setText(f"The countdown waits: contact of {names} is bad.")
        else:
            self.advice.setText("The participant sits still and relaxes. Predictions are made relative to this rest.")
        self._show_button("Start again", primary=False, enabled=True)

    def _show_button(self, text: str, *, primary: bool, enabled: bool) -> None:
        kind = "primary" if primary else ""
        if self.button.property("kind") != kind:
            self.button.setProperty("kind", kind)
            style = self.button.style()
            assert style is not None
            style.polish(self.button)
        self.button.setText(text)
        self.button.setEnabled(enabled)
        self.button.setToolTip("Ctrl+B" if enabled else self.advice.text())


class Watching(QWidget):
    """What stands here in a session without a model."""

    model_asked = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 0)
        column.setSpacing(GRID)
        column.addWidget(label("Watching signals only", role="strong"))
        text = "There is no model, so there are no predictions. Contact, spectrum, markers and recording work."
        column.addWidget(label(text, tone="muted", wrap=True))
        button = QPushButton("Choose a model")
        button.setToolTip("choose source and model (Ctrl+O)")
        button.clicked.connect(self.model_asked)
        row = QHBoxLayout()
        row.addWidget(button)
        row.addStretch()
        column.addSpacing(GRID)
        column.addLayout(row)
        column.addStretch()


class Running(QWidget):
    """Gauges and timelines of one bundle's targets."""

    def __init__(self, bundle: Bundle, theme: Theme) -> None:
        super().__init__()
        self._bundle = bundle
        self._hop = bundle.preprocessing.hop_seconds
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        column.setSpacing(0)
        targets = {target.name: target for target in bundle.targets}
        self.plane: Plane | None = None
        if all(name in targets for name in _PLANE):
            self.plane = Plane(targets[_PLANE[0]], targets[_PLANE[1]], theme)
            column.addWidget(self.plane, 12)
        self.gauges: list[Gauge] = []
        self.timelines: list[Timeline] = []
        compact = len(bundle.targets) > 1
        width = words_width(bundle.targets)
        for index, target in enumerate(bundle.targets):
            gauge = Gauge(target, index, theme, compact=compact)
            timeline = Timeline(target, index, theme, axis_width=width)
            timeline.setMaximumHeight((56 if compact else 160) * GRID)
            timeline.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
            timeline.show_margin(0.1 if compact else 0.04)
            column.addWidget(gauge)
            column.addSpacing(GRID // 2 if compact else GRID)
            column.addWidget(timeline, 2)
            self.gauges.append(gauge)
            self.timelines.append(timeline)
        column.addStretch(0)
        self._show_timelines(self.timelines)

    def fit(self, size: QSize) -> None:
        """Make the best of a size: the plane has half of it, and where that is not left timelines yield."""
        if self.plane is None:
            return
        self.plane.fit_width(size.width() - 4 * GRID)
        beside = [timeline for timeline in self.timelines if timeline.target.name not in _PLANE]
        rest = size.height() - GRID - sum(gauge.sizeHint().height() + GRID // 2 for gauge in self.gauges)
        shown: Sequence[Timeline] = ()
        for shown in (self.timelines, beside, ()):
            if rest - self._least(shown) >= _PLANE_SHARE * size.height():
                break
        self._show_timelines(shown)

    @staticmethod
    def _least(timelines: Sequence[Timeline]) -> int:
        return len(timelines) * _LOW + (_TIMES if timelines else 0)

    def _show_timelines(self, shown: Sequence[Timeline]) -> None:
        """Show these, the last of them with the figures of the time axis."""
        for timeline in self.timelines:
            times = timeline in shown[-1:]
            timeline.setVisible(timeline in shown)
            timeline.show_times(times)
            if len(self.timelines) > 1:
                timeline.setMinimumHeight(_LOW + (_TIMES if times else 0))

    def show_log(self, log: SessionLog, live: LiveStatus | None, now: float) -> None:
        """Show what was said up to `now`."""
        if not isfinite(now):
            return
        recent = log.since(now - SPAN - self._hop)
        known = live.silence if live is not None else ""
        silent = known or "no signal"
        last = log.last()
        stale = last is None or bool(known) or now - last.time > silent_seconds(self._hop)
        for timeline in self.timelines:
            timeline.show_predictions(recent, now, hop=self._hop, silent=silent)
        if last is not None and last.valid and not stale:
            for index, gauge in enumerate(self.gauges):
                gauge.show_prediction(last.targets[index])
            if self.plane is not None:
                self.plane.show_predictions(recent, windows=self._bundle.smoothing.windows)
            return
        known_reasons = last.reasons if last is not None and not stale else ()
        reason = ", ".join(reason.value for reason in known_reasons) or silent
        for gauge in self.gauges:
            gauge.show_nothing(reason)
        if self.plane is not None:
            self.plane.show_nothing(reason)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        for gauge, timeline in zip(self.gauges, self.timelines, strict=True):
            gauge.show_theme(theme)
            timeline.show_theme(theme)
        if self.plane is not None:
            self.plane.show_theme(theme)


class _Fitting(QScrollArea):
    """Tells what it holds how much of it can be seen."""

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Tell."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Tell."""
        running, viewport = self.widget(), self.viewport()
        if isinstance(running, Running) and viewport is not None:
            running.fit(viewport.size())


class PredictionPanel(QWidget):
    """The right column; `baseline_asked` wants the rest baseline, for the first time or anew, `model_asked` a model."""

    baseline_asked = pyqtSignal()
    model_asked = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._session: Session | None = None
        self._log = SessionLog()
        self._live: LiveStatus | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID)
        column.setSpacing(0)
        self.caution = label("not for use on people", tone="warning")
        self.title = PanelTitle("Prediction", [self.caution], margin=2 * GRID)
        self.repeat = QPushButton("Repeat rest")
        self.repeat.setProperty("kind", "quiet")
        self.repeat.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.repeat.setToolTip("measure the rest baseline anew (Ctrl+B)")
        self.repeat.clicked.connect(self.baseline_asked)
        self.stack = QStackedWidget()
        self.empty = EmptyPanel("The model’s predictions will be here.", "Choose a source and a model, then connect.")
        self.preparing = Preparing()
        self.preparing.start_asked.connect(self.baseline_asked)
        self.watching = Watching()
        self.watching.model_asked.connect(self.model_asked)
        self.running: Running | None = None
        self._scroll = _Fitting()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for page in (self.empty, self.watching, self.preparing, self._scroll):
            self.stack.addWidget(page)
        column.addWidget(self.stack, 1)
        self.digest: QLabel = label(tone="faint")
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID, 0, GRID, 0)
        row.addWidget(self.digest, 1)
        row.addWidget(self.repeat)
        column.addLayout(row)
        self.show_session(None, self._log)

    def show_session(self, session: Session | None, log: SessionLog) -> None:
        """Show the targets of another session, or none."""
        self._session, self._log, self._live = session, log, None
        for part in (self.digest, self.repeat):
            part.hide()
        self.caution.setVisible(session is not None and session.caution)
        if session is None or session.bundle is None:
            self.running = None
            self.stack.setCurrentWidget(self.empty if session is None else self.watching)
            return
        self.digest.setText(digest(session.bundle))
        self.digest.setToolTip(worth(session.bundle))
        self.running = Running(session.bundle, self._theme)
        self._scroll.setWidget(self.running)
        self._scroll.fit()

    def show_status(self, live: LiveStatus) -> None:
        """Show the page of the present step."""
        self._live = live
        if self._session is None or self.running is None:
            return
        if live.step in (Step.CONNECT, Step.CONTACT):
            self.preparing.show_contact(self._session, ContactSummary.of(live.contacts))
        elif live.step is Step.BASELINE:
            self.preparing.show_baseline(self._session, live)
        self.stack.setCurrentWidget(self._scroll if live.step is Step.RUN else self.preparing)
        self.digest.setVisible(live.step is Step.RUN)
        self.repeat.setVisible(live.step is Step.RUN and bool(self._session.baseline_seconds))
        self.refresh(live.now)

    def press_baseline(self) -> None:
        """Press the button that measures the rest baseline, if it is there and allows it."""
        page = self.stack.currentWidget()
        if page is self.preparing:
            self.preparing.button.click()
        elif page is self._scroll and not self.repeat.isHidden():
            self.repeat.click()

    def refresh(self, now: float) -> None:
        """Show the log as it is at `now` (LSL time)."""
        if self.running is not None and self.stack.currentWidget() is self._scroll:
            self.running.show_log(self._log, self._live, now)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        if self.running is not None:
            self.running.show_theme(theme)


def _spared(session: Session) -> float:
    """Give the share of electrodes that the model can do without."""
    return session.bundle.max_interpolated if session.bundle is not None else 1.0


def digest(bundle: Bundle) -> str:
    """Say in a line what a number of this model is made of."""
    spec = bundle.preprocessing
    smoothing = f", mean of {bundle.smoothing.windows}" if bundle.smoothing.windows > 1 else ""
    return f"{spec.window_seconds:g} s windows{smoothing}"


def worth(bundle: Bundle) -> str:
    """Say how often the model speaks, and what it reached on data that it never met."""
    origin = bundle.provenance
    how_often = f"one window every {bundle.preprocessing.hop_seconds:g} s"
    return "\n".join([how_often, *scores(bundle), f"tested on {origin.dataset}, {origin.protocol}"])
