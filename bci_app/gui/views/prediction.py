"""What the model answers. Before it can answer: what it waits for."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from bci_app.bundle.spec import Bundle
from bci_app.events import Phase
from bci_app.gui.desk import Desk
from bci_app.gui.panel import Panel
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.plane import Plane
from bci_app.gui.views.target_row import TargetRow
from bci_app.gui.views.target_view import TargetView
from bci_app.gui.views.targets import target_views
from bci_app.gui.views.timeline import SPANS
from bci_app.gui.widgets import Choice, EmptyPanel, PanelTitle, label
from bci_app.presentation.answers import Answers
from bci_app.presentation.scores import scores, weaknesses
from bci_app.presentation.state import ContactSummary, LiveStatus, Session, Step

_SPACE = GRID // 2
# Height of a main view in a window that has no room for it.
_SMALLEST = 14 * GRID


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
                f"Fix {names} first: the model needs {needs} {total} electrodes."
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
    """The page of a session without a model."""

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
    """The views of one model's targets, which share the height."""

    def __init__(self, bundle: Bundle, theme: Theme) -> None:
        super().__init__()
        self.bundle = bundle
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID // 2, 2 * GRID, 0)
        column.setSpacing(_SPACE)
        self.views = target_views(bundle, theme)
        for view in self.views:
            column.addWidget(view)
        column.addStretch(1)

    @property
    def plane(self) -> Plane | None:
        """The plane of valence and arousal, if there is one."""
        return next((view for view in self.views if isinstance(view, Plane)), None)

    @property
    def rows(self) -> list[TargetRow]:
        """The row of each target."""
        return [view for view in self.views if isinstance(view, TargetRow)]

    def fit(self, size: QSize) -> bool:
        """Share out a size: main views first. Where that leaves too little, views of the same targets are hidden.

        Returns
        -------
        bool
            Whether what is shown fits.
        """
        width = size.width() - 4 * GRID
        main = [view for view in self.views if view.main]
        others = [view for view in self.views if not view.main]
        covered = {name for view in main for name in view.targets}
        extra = [view for view in others if not covered.issuperset(view.targets)]
        room = size.height() - GRID // 2
        shown: Sequence[TargetView] = ()
        for shown in (others, extra, ()):
            # The height of a row depends on whether it is the lowest.
            for view in others:
                view.show_last(view in shown[-1:])
            if not main or sum(view.least_height(width) + _SPACE for view in (*main, *shown)) <= room:
                break
        for view in others:
            view.setVisible(view in shown)
        room -= _SPACE * (len(main) + len(shown))
        for view in main:
            least = sum(other.least_height(width) for other in shown)
            height = max(min(view.most_height(width), room - least), _SMALLEST)
            view.setFixedHeight(height)
            room -= height
        _share(shown, width, room)
        return sum(view.least_height(width) for view in shown) <= room

    def show_answers(self, answers: Answers) -> None:
        """Show what the model answered."""
        for view in self.views:
            view.show_answers(answers)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        for view in self.views:
            view.show_theme(theme)


def _share(views: Sequence[TargetView], width: int, room: int) -> None:
    """Share out a height: each view gets its least height, and all the same part of the rest up to its most."""
    spare = max(0, room - sum(view.least_height(width) for view in views))
    for number, view in enumerate(views):
        part = spare // (len(views) - number)
        least = view.least_height(width)
        height = max(least, min(least + part, view.most_height(width)))
        view.setFixedHeight(height)
        spare -= height - least


class _Fitting(QScrollArea):
    """A scroll area that fits its contents into what can be seen."""

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Fit."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Fit the contents into the visible size."""
        running, viewport = self.widget(), self.viewport()
        if isinstance(running, Running) and viewport is not None:
            fits = running.fit(viewport.size())
            policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if fits else Qt.ScrollBarPolicy.ScrollBarAsNeeded
            self.setVerticalScrollBarPolicy(policy)


class PredictionPanel(Panel):
    """The right column. `baseline_asked` asks for the rest baseline, `model_asked` for a model."""

    baseline_asked = pyqtSignal()
    model_asked = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._session: Session | None = None
        self._live: LiveStatus | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID // 2)
        column.setSpacing(0)
        self.caution = label("not for use on people", tone="warning")
        self.caution.setContentsMargins(0, 0, GRID, 0)
        self.span = Choice(list(SPANS), "time that the timelines show")
        self.span.chosen.connect(self.choose_span)
        self.title = PanelTitle("Prediction", [self.caution, self.span])
        self.repeat = QPushButton("Repeat rest")
        self.repeat.setProperty("kind", "quiet")
        self.repeat.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.repeat.setToolTip("measure the rest baseline again (Ctrl+B)")
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
        self.choose_span(0)
        self.show_session(None)

    def attach(self, desk: Desk) -> None:
        """Follow the session's predictions."""
        controller = desk.controller
        controller.predictions_added.connect(lambda _: self.refresh(controller.feed.stream_time.now))
        controller.opening.connect(lambda _: self.empty.show_opening(True))
        controller.failed.connect(lambda _: self.empty.show_opening(False))
        self.baseline_asked.connect(controller.start_baseline)
        self.model_asked.connect(lambda: desk.action_asked.emit("connect"))

    def choose_span(self, index: int) -> None:
        """Let the timelines show one of `SPANS`."""
        self.span.show_choice(index)
        self._span = list(SPANS.values())[index]
        if self._live is not None:
            self.refresh(self._live.now)

    def show_session(self, session: Session | None) -> None:
        """Show the targets of another session, or none."""
        self._session, self._live = session, None
        self.empty.show_opening(False)
        self.span.hide()
        for part in (self.digest, self.repeat):
            part.hide()
        self.caution.setVisible(session is not None and session.caution)
        if session is None or session.bundle is None:
            self.running = None
            self.stack.setCurrentWidget(self.empty if session is None else self.watching)
            return
        # An emotion goes with trials of minutes, a single state is watched from moment to moment.
        self.choose_span(1 if len(session.bundle.targets) > 1 else 0)
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
        for part in (self.digest, self.span):
            part.setVisible(live.step is Step.RUN)
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
        """Show what was answered up to `now` (LSL time)."""
        session = self._session
        if session is None or session.bundle is None or self.running is None:
            return
        answers = Answers.of(session.log, self._live, session.bundle, now=now, span=self._span)
        if answers is not None and self.stack.currentWidget() is self._scroll:
            self.running.show_answers(answers)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        if self.running is not None:
            self.running.show_theme(theme)


def _spared(session: Session) -> float:
    """Return the share of electrodes that the model can do without."""
    return session.bundle.max_bad_share if session.bundle is not None else 1.0


def digest(bundle: Bundle) -> str:
    """Return in a line what an answer of this model is made of."""
    spec = bundle.preprocessing
    smoothing = f", mean of {bundle.smoothing.windows}" if bundle.smoothing.windows > 1 else ""
    return f"{spec.window_seconds:g} s windows{smoothing}"


def worth(bundle: Bundle) -> str:
    """Return how often the model answers, and what it reached on data that it had not seen."""
    origin = bundle.provenance
    how_often = f"one window every {bundle.preprocessing.hop_seconds:g} s"
    return "\n".join(
        [how_often, *scores(bundle), *weaknesses(bundle), f"tested on {origin.dataset}, {origin.protocol}"]
    )
