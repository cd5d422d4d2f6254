"""Whether source and model go together, on a head, before anything starts."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from bci_app.bundle import Bundle
from bci_app.errors import BciError
from bci_app.events import Contact, ContactLevel
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.contact import LegendMark
from bci_app.gui.views.head import Head
from bci_app.gui.widgets import PanelTitle, Ticks, label, set_tone
from bci_app.presentation.choices import Fit
from bci_app.presentation.scores import montage_scores
from bci_app.sources.channels import channel_uses
from bci_app.stream import StreamInfo

_REPLACED = {"interpolate": "be interpolated", "rest": "stand as at rest"}


class FitPanel(QWidget):
    """`connect_asked` asks for a session, `watch_asked` for one without a model, `study_asked` for a study.

    `channels_changed` says that other channels are to be used for predictions.
    """

    connect_asked = pyqtSignal()
    watch_asked = pyqtSignal()
    study_asked = pyqtSignal()
    back_asked = pyqtSignal()
    channels_changed = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 2 * GRID)
        column.setSpacing(GRID)
        column.addWidget(PanelTitle("Fit"))
        self.head = Head(theme, words={"good": "found", "poor": "missing, replaced", "unknown": "not used"})
        self.head.setMaximumWidth(72 * GRID)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(self.head, 100)
        middle.addStretch(1)
        column.addLayout(middle, 100)
        legend = QGridLayout()
        legend.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID)
        legend.setHorizontalSpacing(GRID // 2)
        self._marks = []
        words = ("found", "replaced", "missing", "not used")
        levels = (ContactLevel.GOOD, ContactLevel.POOR, ContactLevel.MISSING, ContactLevel.UNKNOWN)
        for index, (level, word) in enumerate(zip(levels, words, strict=True)):
            mark = LegendMark(level, theme)
            self._marks.append(mark)
            line, place = divmod(index, 2)
            legend.addWidget(mark, line, 2 * place)
            legend.addWidget(label(word, tone="muted"), line, 2 * place + 1)
            legend.setColumnStretch(2 * place + 1, 1)
        column.addLayout(legend)
        answer = QVBoxLayout()
        answer.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        answer.setSpacing(GRID)
        self.summary = label(role="strong", wrap=True)
        self.detail = label(tone="muted", wrap=True)
        answer.addWidget(self.summary)
        self.worth = label(wrap=True)
        self.worth.setToolTip("what the model reached with these electrodes, on people that it was not trained on")
        self.worth.hide()
        answer.addWidget(self.detail)
        answer.addWidget(self.worth)
        column.addLayout(answer)
        self._info: StreamInfo | None = None
        self._dropped: set[str] = set()
        self.channels = Ticks("channels that predictions may use; all of them are recorded")
        self.channels.ticked.connect(self._toggle)
        self.channels.hide()
        self.check = QCheckBox("check contact before the rest baseline")
        self.check.setChecked(True)
        self.check.setToolTip("the baseline waits until you start it; else it begins with the first samples")
        self.button = QPushButton("Connect")
        self.button.setProperty("kind", "primary")
        self.button.clicked.connect(self.connect_asked)
        self.watch = QPushButton("Watch signals only")
        self.watch.setToolTip("contact, signals and recording without a model and without predictions")
        self.watch.setEnabled(False)
        self.watch.clicked.connect(self.watch_asked)
        self.study = QPushButton("New study …")
        self.study.setToolTip(
            "trials and ratings of one person, and a model learnt from them (Ctrl+L); not with a recording"
        )
        self.study.setEnabled(False)
        self.study.clicked.connect(self.study_asked)
        self.back = QPushButton("Back to the session")
        self.back.setToolTip("the session that is open goes on meanwhile (Escape)")
        self.back.clicked.connect(self.back_asked)
        bottom = QVBoxLayout()
        bottom.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        bottom.setSpacing(GRID)
        used = QHBoxLayout()
        used.addWidget(self.channels)
        used.addStretch()
        bottom.addLayout(used)
        bottom.addWidget(self.check)
        bottom.addSpacing(GRID)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in (self.button, self.watch):
            row.addWidget(button)
        row.addStretch()
        bottom.addLayout(row)
        below = QHBoxLayout()
        below.setSpacing(GRID)
        for button in (self.study, self.back):
            below.addWidget(button)
        below.addStretch()
        bottom.addLayout(below)
        column.addLayout(bottom)
        column.addStretch(1)
        self.show_waiting("Choose a source and a model.")

    # Channels ----------------------------------------------------------------------------------

    @property
    def dropped(self) -> tuple[str, ...]:
        """Channels that predictions may not use, by the user's choice."""
        names = self._info.channels if self._info is not None else ()
        return tuple(name for name in names if name in self._dropped)

    def show_channels(self, info: StreamInfo) -> None:
        """Offer the channels of a stream. Those without a unit of voltage are never used."""
        if self._info is None or info.channels != self._info.channels:
            self._dropped.clear()
        self._info = info
        uses = channel_uses(info, drop=self.dropped)
        names = {i: use.name if use.used or not use.why.endswith("unit") else f"{use.name}: {use.why}"
                 for i, use in enumerate(uses)}  # fmt: skip
        used = [index for index, use in enumerate(uses) if use.used]
        self.channels.show_entries(names, used)
        all_used = len(used) == len(uses)
        self.channels.setText(f"uses {'all ' if all_used else f'{len(used)} of '}{len(uses)} channels")
        self.channels.show()

    def _toggle(self, index: int) -> None:
        if self._info is not None:
            self._dropped ^= {self._info.channels[index]}
            self.show_channels(self._info)
            self.channels_changed.emit()

    def show_waiting(self, summary: str, detail: str = "") -> None:
        """Say what is missing for an answer."""
        self.head.show_contacts(())
        self.worth.hide()
        self._say(summary, detail, ready=False)

    def show_problem(self, error: BciError) -> None:
        """Say why the source cannot be described."""
        self.head.show_contacts(())
        self.worth.hide()
        found = f"Found {error.found}. " if error.found else ""
        self._say(f"{error.summary}.", f"{found}{error.fix or ''}", ready=False, tone="warning")

    def show_fit(self, info: StreamInfo, bundle: Bundle, fit: Fit) -> None:
        """Show which electrodes of the model are there."""
        electrodes = fit.electrodes
        if fit.problem is None:
            # What is missing and yet no problem is replaced.
            electrodes = tuple(
                Contact(e.channel, ContactLevel.POOR) if e.level is ContactLevel.MISSING else e for e in electrodes
            )
        self.head.show_contacts([*electrodes, *(Contact(name, ContactLevel.UNKNOWN) for name in fit.extra)])
        self.worth.setText("\n".join(montage_scores(bundle, info.channels)) if fit.problem is None else "")
        self.worth.setVisible(bool(self.worth.text()))
        total, missing = len(fit.electrodes), fit.missing
        found = total - len(missing)
        if missing and not found:
            self._say(
                f"This model cannot use {info.name}.",
                f"Its {total} electrodes are {_listed([e.channel for e in fit.electrodes])}; the source has "
                f"{_listed(info.channels)}. Choose a model made for this montage, or watch and record its signals.",
                ready=False,
                tone="warning",
            )
        elif missing and fit.problem is None:
            rate = bundle.preprocessing.rate
            self._say(
                f"{found} of {total} electrodes are there; {_listed(missing)} will {_REPLACED[bundle.bad_channels]}.",
                f"{info.name}: {info.rate:g} Hz, for a model of {rate:g} Hz that allows "
                f"{100 * bundle.max_bad_share:.0f} % of its electrodes to be missing or bad.",
                ready=True,
            )
        elif missing:
            self._say(
                f"{found} of {total} electrodes are there.",
                f"Missing: {_listed(missing)}. Choose a model made for this montage, or a source that has them; "
                "or watch and record the signals.",
                ready=False,
                tone="warning",
            )
        elif fit.problem is not None:
            found_text = f"Found {fit.problem.found}. " if fit.problem.found else ""
            self._say(f"{fit.problem.summary}.", f"{found_text}{fit.problem.fix or ''}", ready=False, tone="warning")
        else:
            rate = bundle.preprocessing.rate
            resampled = "" if info.rate == rate else f", resampled to {rate:g} Hz for the model"
            extra = f" Not used by the model: {_listed(fit.extra)}." if fit.extra else ""
            self._say(
                f"All {total} electrodes are there.", f"{info.name}: {info.rate:g} Hz{resampled}.{extra}", ready=True
            )

    def _say(self, summary: str, detail: str, *, ready: bool, tone: str = "") -> None:
        self.summary.setText(summary)
        set_tone(self.summary, tone)
        self.detail.setText(detail)
        self.button.setEnabled(ready)
        self.button.setToolTip("Enter" if ready else summary)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.head.show_theme(theme)
        for mark in self._marks:
            mark.show_theme(theme)


def _listed(names: tuple[str, ...] | list[str], most: int = 10) -> str:
    # "And 1 more" would take as much room as the one.
    if len(names) <= most + 1:
        return ", ".join(names)
    return ", ".join(names[:most]) + f" and {len(names) - most} more"
