"""One target: what the model answers now, and the timeline of its answers."""

from __future__ import annotations

from PyQt6.QtWidgets import QBoxLayout, QSizePolicy

from bci_app.bundle.spec import Bundle, Target
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.gauge import SIDE_WIDTH, Gauge, GaugeForm
from bci_app.gui.views.target_view import TargetView
from bci_app.gui.views.timeline import Timeline, words_width
from bci_app.presentation.answers import Answers

_LOW = 4 * GRID  # of a timeline beside its gauge
_BELOW = 4 * GRID  # of a timeline below its gauge
_TIMES = 3 * GRID  # what the figures of the time axis add
_MOST_SIDE, _MOST_ALONE, _MOST = 15 * GRID, 160 * GRID, 56 * GRID


def row_views(bundle: Bundle, theme: Theme) -> list[TargetView]:
    """Make a row for each target of a model."""
    width = words_width(bundle.targets)
    alone = len(bundle.targets) == 1
    return [
        TargetRow(target, index, theme, alone=alone, axis_width=width) for index, target in enumerate(bundle.targets)
    ]


class TargetRow(TargetView):
    """Gauge and timeline: beside each other for two classes among several targets, else below each other.

    Parameters
    ----------
    target, index : Target, int
        As of `Gauge`.
    alone : bool
        Whether the model has no other target.
    axis_width : int
        Pixels for the words at the ends of the timeline, the same in all rows.
    """

    def __init__(self, target: Target, index: int, theme: Theme, *, alone: bool, axis_width: int) -> None:
        super().__init__()
        self.targets = (target.name,)
        self._alone = alone
        self._beside = not alone and len(target.classes) == 2
        form = GaugeForm.FULL if alone else GaugeForm.SIDE if self._beside else GaugeForm.TITLE
        self.gauge = Gauge(target, index, theme, form=form)
        self.timeline = Timeline(target, index, theme, axis_width=axis_width)
        self.timeline.show_margin(0.04 if alone else 0.12)
        self.timeline.setMinimumHeight(9 * GRID if alone else 0)
        self.timeline.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        direction = QBoxLayout.Direction.LeftToRight if self._beside else QBoxLayout.Direction.TopToBottom
        row = QBoxLayout(direction, self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0 if self._beside else GRID if alone else GRID // 2)
        row.addWidget(self.gauge)
        row.addWidget(self.timeline, 1)
        if self._beside:
            self.gauge.setFixedWidth(SIDE_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.show_last(alone)

    def show_last(self, last: bool) -> None:
        """Show the figures of the time axis in the lowest row only."""
        self._times = last
        self.timeline.show_times(last)
        if self._beside:
            # The words stand beside the middle of the curve.
            self.gauge.setContentsMargins(0, 0, 0, _TIMES if last else GRID // 2)

    def least_height(self, width: int) -> int:
        """Return the height of a low timeline, with the gauge where that stands above it."""
        times = _TIMES if self._times else 0
        return (_LOW if self._beside else self.gauge.sizeHint().height() + GRID // 2 + _BELOW) + times

    def most_height(self, width: int) -> int:
        """Return a height beyond which a timeline shows no more."""
        return _MOST_ALONE if self._alone else _MOST_SIDE if self._beside else _MOST

    def show_answers(self, answers: Answers) -> None:
        """Show the newest answer, and the timeline."""
        self.timeline.show_answers(answers)
        latest = answers.latest_of(self.targets[0])
        if latest is None:
            self.gauge.show_nothing(answers.reason)
        else:
            self.gauge.show_prediction(latest)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.gauge.show_theme(theme)
        self.timeline.show_theme(theme)
