"""A window for the participant: large and calm, only the plane or one gauge, and nothing while they rate."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from bci_app.bundle.spec import Bundle, Target
from bci_app.events import TargetPrediction
from bci_app.gui.desk import Desk
from bci_app.gui.theme import GRID, Theme, color, font, mix
from bci_app.gui.views.plane import Place, Plane
from bci_app.gui.views.target_view import TargetView
from bci_app.presentation.answers import Answers, verdict
from bci_app.presentation.state import LiveStatus, Session, Step

_SPAN = 10.0  # seconds of answers that are looked at
# A window this large in pixels shows writing in its usual size; a larger one shows it larger.
_USUAL = 420.0
_BAR = 10.0
_HANDLE = 16.0
_STRIPE = 8.0
UNKNOWN = "I don’t know"


class CalmPlane(Plane):
    """The plane with the present answer only, in a size that is read from a distance.

    Where one axis is undecided the answer is a stripe across it. Where both are, or there is no answer, the words
    "I don't know" stand in the middle.
    """

    calm = True

    def _paint_reason(self, painter: QPainter, frame: QRectF) -> None:
        _write_unknown(painter, frame, self._theme, self.reason)

    def _paint_place(self, painter: QPainter, place: Place) -> None:
        theme, frame, centre = self._theme, self.frame, self._at(place.x, place.y)
        if all(place.undecided):
            _write_unknown(painter, frame, theme)
        elif any(place.undecided):
            across, up = frame.width() * place.undecided[0], frame.height() * place.undecided[1]
            stripe = QRectF(0, 0, across or _STRIPE, up or _STRIPE)
            middle = frame.center()
            stripe.moveCenter(QPointF(middle.x() if across else centre.x(), middle.y() if up else centre.y()))
            painter.fillRect(stripe, color(theme.text, 0.35))
            painter.setPen(QColor(theme.text))
            top = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            unsure = self.targets[0] if place.undecided[0] else self.targets[1]
            painter.drawText(frame.adjusted(0, GRID / 2, 0, 0), top, f"{unsure}: {UNKNOWN}")
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.text))
            painter.drawEllipse(centre, _HANDLE / 2, _HANDLE / 2)

    @property
    def zoom(self) -> float:
        """How much larger than usual everything is drawn."""
        return max(1.0, min(self.width(), self.height()) / _USUAL)


class CalmGauge(TargetView):
    """One target: its answer as a large word, and where it lies between two classes.

    An undecided answer and none at all read "I don't know"; the scale is then empty.
    """

    def __init__(self, target: Target, index: int, theme: Theme) -> None:
        super().__init__()
        self.targets = (target.name,)
        self._target, self._index, self._theme = target, index, theme
        self._latest: TargetPrediction | None = None
        self.word = UNKNOWN
        self.reason = ""

    def show_answers(self, answers: Answers) -> None:
        """Show the newest answer."""
        self._latest = answers.latest_of(self.targets[0])
        found = verdict(self._latest) if self._latest is not None else None
        self.word = UNKNOWN if found is None or found.undecided else found.word
        self.reason = answers.reason
        self.setAccessibleName(self._target.title)
        self.setAccessibleDescription(f"{self.word} {self.reason}".strip())
        self.update()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw the title, the answer and the scale in the middle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        zoom = max(1.0, min(self.width(), self.height()) / _USUAL)
        painter.scale(zoom, zoom)
        theme, width, middle = self._theme, self.width() / zoom, self.height() / zoom / 2
        top = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font())
        painter.setPen(QColor(theme.muted))
        painter.drawText(QRectF(0, middle - 9 * GRID, width, 3 * GRID), top, self._target.title)
        painter.setFont(font(large=True))
        painter.setPen(QColor(theme.text))
        painter.drawText(QRectF(0, middle - 6 * GRID, width, 4 * GRID), top, self.word)
        if len(self._target.classes) == 2:
            self._paint_scale(painter, QRectF(width * 0.1, middle + GRID, width * 0.8, _BAR))

    def _paint_scale(self, painter: QPainter, bar: QRectF) -> None:
        theme, tint = self._theme, QColor(self._theme.target(self._index))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(mix(theme.background, theme.text, 0.12)))
        painter.drawRoundedRect(bar, _BAR / 2, _BAR / 2)
        painter.setFont(font())
        painter.setPen(QColor(theme.muted))
        metrics, below = QFontMetricsF(font()), bar.adjusted(0, 2 * GRID, 0, 4 * GRID)
        low, high = (metrics.elidedText(w, Qt.TextElideMode.ElideRight, bar.width() / 2) for w in self._target.classes)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, high)
        if self.reason:
            middle = Qt.AlignmentFlag.AlignHCenter
            painter.drawText(below.adjusted(0, 3 * GRID, 0, 3 * GRID), middle, self.reason)
        if self._latest is None or not self._latest.smoothed or self.word == UNKNOWN:
            return
        painter.setPen(QPen(QColor(theme.background), 3))
        painter.setBrush(tint)
        place = QPointF(bar.left() + self._latest.smoothed[-1] * bar.width(), bar.center().y())
        painter.drawEllipse(place, _HANDLE / 2 + 2, _HANDLE / 2 + 2)


def _write_unknown(painter: QPainter, frame: QRectF, theme: Theme, reason: str = "") -> None:
    """Write in the middle of a frame that there is no answer, and small below it why."""
    line = QRectF(frame.left(), frame.center().y() - 3 * GRID, frame.width(), 6 * GRID)
    painter.setFont(font(large=True))
    # The lines of the frame end where the words stand.
    words = QFontMetricsF(font(large=True)).horizontalAdvance(UNKNOWN) + 4 * GRID
    room = QRectF(0, 0, words, 9 * GRID if reason else 6 * GRID)
    room.moveCenter(QPointF(frame.center().x(), frame.center().y() + (1.5 * GRID if reason else 0)))
    painter.fillRect(room, QColor(theme.background))
    painter.setPen(QColor(theme.text))
    painter.drawText(line, Qt.AlignmentFlag.AlignCenter, UNKNOWN)
    painter.setFont(font())
    painter.setPen(QColor(theme.muted))
    painter.drawText(line.translated(0, 4 * GRID), Qt.AlignmentFlag.AlignCenter, reason)


def calm_planes(bundle: Bundle, theme: Theme) -> list[TargetView]:
    """Make the plane of a model that has valence and arousal."""
    targets = {target.name: target for target in bundle.targets}
    x, y = (targets.get(name) for name in Plane.targets)
    return [CalmPlane(x, y, theme)] if x is not None and y is not None else []


def calm_gauges(bundle: Bundle, theme: Theme) -> list[TargetView]:
    """Make a gauge for each target."""
    return [CalmGauge(target, index, theme) for index, target in enumerate(bundle.targets)]


# Each returns its views of a model. Left and Right go through all of them.
FEEDBACK_VIEWS: dict[str, Callable[[Bundle, Theme], list[TargetView]]] = {
    "plane": calm_planes,
    "gauge": calm_gauges,
}


class FeedbackWindow(QWidget):
    """One view at a time: Left and Right change it, F11 fills the screen, Escape closes the window.

    It shows nothing before the first answer, and nothing while a self-report is open: an answer must not be led by a
    prediction.

    Parameters
    ----------
    desk : Desk
        The session.
    theme : Theme
        Colours.
    """

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Feedback")
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.resize(80 * GRID, 80 * GRID)
        self._theme = theme
        self._controller = desk.controller
        self._live: LiveStatus | None = None
        self._rating = desk.rating
        self.stack = QStackedWidget()
        self.nothing = QWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(6 * GRID, 6 * GRID, 6 * GRID, 6 * GRID)
        column.addWidget(self.stack)
        self._controller.session_changed.connect(self._show_session)
        self._controller.status_changed.connect(self._show_status)
        self._controller.predictions_added.connect(self._refresh)
        desk.rating_changed.connect(self._show_rating)
        self._show_session(self._controller.session)
        self._to_another_screen()

    def _to_another_screen(self) -> None:
        """Fill the second screen, if there is one."""
        own = self.screen()
        others = [screen for screen in QGuiApplication.screens() if screen is not own]
        if others:
            self.setGeometry(others[0].availableGeometry())
            self.setWindowState(Qt.WindowState.WindowFullScreen)

    @property
    def view(self) -> TargetView | None:
        """The view that is seen; None while nothing is shown."""
        found = self.stack.currentWidget()
        return found if isinstance(found, TargetView) else None

    def _show_session(self, session: Session | None) -> None:
        while (old := self.stack.widget(0)) is not None:
            self.stack.removeWidget(old)
            old.deleteLater()
        self.nothing = QWidget()
        self.stack.addWidget(self.nothing)
        self._views: list[TargetView] = []
        self._chosen = 0
        self._live = None
        if session is not None and session.bundle is not None:
            bundle = session.bundle
            self._views = [view for make in FEEDBACK_VIEWS.values() for view in make(bundle, self._theme)]
            for view in self._views:
                self.stack.addWidget(view)

    def _show_status(self, live: LiveStatus) -> None:
        self._live = live
        self._refresh()

    def _show_rating(self, rating: bool) -> None:
        self._rating = rating
        self._refresh()

    def _refresh(self, *_: object) -> None:
        session = self._controller.session
        running = self._live is not None and self._live.step is Step.RUN
        if session is None or session.bundle is None or not self._views or not running or self._rating:
            self.stack.setCurrentWidget(self.nothing)
            return
        answers = Answers.of(
            session.log, self._live, session.bundle, now=self._controller.feed.stream_time.now, span=_SPAN
        )
        view = self._views[self._chosen]
        if answers is not None:
            view.show_answers(answers)
        self.stack.setCurrentWidget(view)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        for view in self._views:
            view.show_theme(theme)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Change the view, fill the screen, or close."""
        if event is None:
            return
        steps: dict[int, int] = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}
        if event.key() in steps and self._views:
            self._chosen = (self._chosen + steps[event.key()]) % len(self._views)
            self._refresh()
        elif event.key() == Qt.Key.Key_F11:
            self.showNormal() if self.isFullScreen() else self.showFullScreen()
        elif event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
