"""Choosing where samples come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QLocale, Qt, pyqtSignal
from PyQt6.QtGui import QDoubleValidator
from PyQt6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from bci_app.gui.connect.beside_row import BesideRow
from bci_app.gui.connect.board_page import BoardPage
from bci_app.gui.connect.marker_panel import MarkerPanel
from bci_app.gui.connect.report_button import ReportButton
from bci_app.gui.connect.rows import Row, RowList, field_name
from bci_app.gui.connect.source_rows import recording_row, stream_row
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.widgets import EmptyPanel, PanelTitle, label
from bci_app.presentation.choices import SYNTHETIC, SourceChoice, list_recordings
from bci_app.recording import FORMATS
from bci_app.sources.file_kind import parse_file
from bci_app.sources.lsl.header import LslSelector, LslStream
from bci_app.sources.registry import KINDS

TABS = ("LSL", "Board", "Recording", "Test signal")
_TIPS = (
    "streams of other programs and devices; those of other machines: start with --network",
    "devices that BrainFlow knows",
    "files that are played as if they were live",
    "made-up signals, for trying things out",
)
_WITH_PAGES = ("lsl", "brainflow", "file")
_SIMULATED = "The EEG of a simulated participant, with the electrodes of the model."


class SourcePanel(QWidget):
    """`changed` carries a SourceChoice, or None, and `recordings_changed` the list of recent recordings.

    Parameters
    ----------
    theme : Theme
        Colours.
    recordings : sequence of str
        Recordings that were opened last, as what follows ``file:``.
    folder : callable
        Returns the folder that the app records into.
    """

    changed = pyqtSignal(object)
    recordings_changed = pyqtSignal(list)

    def __init__(self, theme: Theme, recordings: Sequence[str], folder: Callable[[], Path]) -> None:
        super().__init__()
        self._recordings = list(recordings)
        self._folder = folder
        self._typed: Path | None = None  # another folder, whose recordings are listed
        self._streams: tuple[LslStream, ...] = ()
        self._rows: list[Row] = []
        self._gone: str | None = None  # the chosen stream, while it is not there
        self._awaited: LslSelector | None = None  # a stream that is wanted and has not appeared yet
        self._made_up = SourceChoice(SYNTHETIC)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(PanelTitle("Source"))
        tabs = QHBoxLayout()
        tabs.setContentsMargins(GRID, 0, GRID, GRID)
        tabs.setSpacing(GRID // 2)
        self.tabs = QButtonGroup(self)
        for index, (name, tip) in enumerate(zip(TABS, _TIPS, strict=True)):
            button = QToolButton()
            button.setText(name)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setProperty("kind", "quiet")
            self.tabs.addButton(button, index)
            tabs.addWidget(button)
        tabs.addStretch()
        column.addLayout(tabs)
        self.stack = QStackedWidget()
        self.boards = BoardPage()
        self.boards.changed.connect(self._report_choice)
        for page in (self._lsl_page(theme), self.boards, self._recording_page(theme), self._test_page(theme)):
            self.stack.addWidget(page)
        column.addWidget(self.stack, 1)
        column.addWidget(self._stated())
        line = QFrame()
        line.setObjectName("hairline")
        line.setFixedHeight(1)
        column.addWidget(line)
        self.markers = MarkerPanel()
        column.addWidget(self.markers)
        self.recorded_too = BesideRow()
        column.addWidget(self.recorded_too)
        self.tabs.idClicked.connect(self.show_tab)
        self.show_tab(0)

    # Pages -------------------------------------------------------------------------------------

    def _lsl_page(self, theme: Theme) -> QWidget:
        self._lsl = QStackedWidget()
        self.no_stream = EmptyPanel("No LSL stream yet.", "Start the device’s LSL output. It appears here by itself.")
        self.streams = RowList(theme)
        self.streams.chosen.connect(self._take_stream)
        self._lsl.addWidget(self.no_stream)
        self._lsl.addWidget(self.streams)
        return self._lsl

    def _recording_page(self, theme: Theme) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        self.recordings = RowList(theme)
        self.recordings.chosen.connect(self._report_choice)
        column.addWidget(self.recordings, 1)
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        row.setSpacing(GRID)
        self.path = QLineEdit()
        self.path.setPlaceholderText("path of a file or folder, then Enter")
        self.path.setToolTip("a recording is chosen; the recordings of a folder are listed")
        self.path.returnPressed.connect(self._open_path)
        self.browse = QPushButton("Open …")
        self.browse.setToolTip(f"a recording: {', '.join(FORMATS)}")
        self.browse.clicked.connect(self._browse)
        row.addWidget(self.path, 1)
        row.addWidget(self.browse)
        self.path_note = label(tone="warning", wrap=True)
        self.path_note.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID)
        self.path_note.hide()
        self.report = ReportButton(self._chosen_recording, self.path_note)
        self.recordings.chosen.connect(self.report.look)
        row.addWidget(self.report)
        column.addWidget(self.path_note)
        column.addLayout(row)
        return page

    def _test_page(self, theme: Theme) -> QWidget:
        """Return the page of the test signal, and of the kinds of source that have no page."""
        self._test = EmptyPanel(
            _SIMULATED,
            "For trying things out. It shows no real person’s state.",
        )
        self.others = RowList(theme)
        self.others.chosen.connect(lambda text: self.choose(SourceChoice(text)))
        others = [each for name, kind in KINDS.items() if name not in _WITH_PAGES for each in kind.listing()]
        self.others.show_rows([Row(each.text, each.text, each.description) for each in others])
        self.others.setVisible(len(others) > 1)  # more than the test signal
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._test, 1)
        column.addWidget(self.others, 1)
        return page

    def _stated(self) -> QWidget:
        """Return the fields for what a stream lacks; hidden until one is needed."""
        self.stated = QWidget()
        self._stated_form = form = QFormLayout(self.stated)
        self._stated_for = ""  # the source that the fields show
        self._typed_for: dict[str, list[str]] = {}
        form.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        form.setVerticalSpacing(GRID)
        form.addRow(label("Where the source says too little, or something else:", tone="muted", wrap=True))
        form.setHorizontalSpacing(2 * GRID)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.channels, self.rate, self.unit = QLineEdit(), QLineEdit(), QLineEdit()
        for name, field, example, tip in (
            ("channels", self.channels, "Fp1, Fp2, C3, … in their order", "names of all channels, with commas between"),
            ("rate in Hz", self.rate, "as the stream states it", "samples a second of each channel"),
            ("unit", self.unit, "uV, mV or V", "of all channels"),
        ):
            field.setPlaceholderText(example)
            field.setToolTip(f"{tip}; empty: as the source says")
            field.editingFinished.connect(self._report_choice)
            form.addRow(field_name(name), field)
        self.rate.setValidator(_number_only(self.rate))
        self.stated.hide()
        return self.stated

    @property
    def beside(self) -> tuple[str, ...]:
        """LSL streams that are recorded beside the source."""
        return self.recorded_too.choice

    # What there is -----------------------------------------------------------------------------

    def show_streams(self, streams: tuple[LslStream, ...]) -> None:
        """List the streams that are visible now."""
        self.markers.show_streams(streams)
        self._streams = tuple(stream for stream in streams if stream.type.casefold() != "markers")
        rows = [stream_row(stream, self._streams) for stream in self._streams]
        before, gone_before = self.streams.current, self._gone
        self._gone = None
        if before is not None and before not in [row.key for row in rows]:
            chosen = LslSelector.parse(before.removeprefix("lsl:"))
            if any(map(chosen.matches, self._streams)):
                # A stream like it came or went, which changes addresses. It is chosen again if there is only one.
                self._awaited = chosen
            else:
                # What was chosen stays in sight, and nothing else is chosen in its place.
                self._gone = before
                name = next((row.name for row in self._rows if row.key == before), before)
                rows.append(Row(before, name, "no longer there; start it again, or choose another one"))
        self._rows = rows
        self.streams.show_rows(rows)
        awaited = self._awaited
        fitting = [
            r.key for s, r in zip(self._streams, rows, strict=False) if awaited is not None and awaited.matches(s)
        ]
        if len(fitting) == 1:
            self._awaited = None
            self.streams.choose(fitting[0])
        self._lsl.setCurrentWidget(self.streams if rows else self.no_stream)
        self.recorded_too.show_streams(self._streams, self.choice)
        if self.stack.currentIndex() == 0 and (self.streams.current, self._gone) != (before, gone_before):
            self._report_choice()

    def show_no_lsl(self, message: str) -> None:
        """Say why there is no LSL."""
        self.no_stream.summary.setText("LSL is not available.")
        self.no_stream.advice.setText(message)

    def show_recordings(self) -> None:
        """List the recordings that the app made, the newest first, and then those that were opened last."""
        made = [str(path) for path in list_recordings(self._typed or self._folder())]
        rows = [recording_row(what) for what in dict.fromkeys([*made, *self._recordings])]
        self.recordings.show_rows([row for row in rows if row is not None])

    def _open_path(self) -> None:
        """Choose the recording that was typed, or list those of a folder."""
        path = Path(self.path.text().strip()).expanduser()
        found = list_recordings(path) if path.is_dir() else []
        if path.is_file():
            self.add_recording(str(path))
            note = ""
        elif found:
            self._typed = path
            self.show_recordings()
            self.recordings.choose(f"file:{found[0]}")
            note = ""
        else:
            note = f"No {'recording of this app in that folder' if path.is_dir() else 'such file or folder'}: {path}"
        self.path_note.setText(note)
        self.path_note.setVisible(bool(note))

    def add_recording(self, what: str) -> None:
        """Choose a recording (what follows ``file:``), and remember it."""
        self._recordings = [what, *(other for other in self._recordings if other != what)][:12]
        self.recordings_changed.emit(self._recordings)
        self.show_recordings()
        self.recordings.choose(f"file:{what}")

    def show_stated(self, shown: bool) -> None:
        """Show or hide the fields for what a stream lacks."""
        self.stated.setVisible(shown or any(f.text().strip() for f in (self.channels, self.rate, self.unit)))

    def _show_stated_of(self, choice: SourceChoice | None) -> None:
        """Show what was typed for the source that is chosen: it belongs to no other."""
        # The options of a board are typed after it is chosen.
        source = "" if choice is None else choice.text.partition("?")[0]
        if source == self._stated_for:
            return
        fields = (self.channels, self.rate, self.unit)
        typed = [field.text() for field in fields]
        self._typed_for[self._stated_for] = typed
        # What was stated before any source was there belongs to the one that was awaited.
        first = not self._stated_for and self._awaited is None
        texts = self._typed_for.get(source) or (typed if first else [""] * len(fields))
        for field, text in zip(fields, texts, strict=True):
            field.setText(text)
            field.setCursorPosition(0)
        self._stated_for = source
        for field in fields[1:]:
            self._stated_form.setRowVisible(field, choice is None or choice.kind != "file")

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.streams.show_theme(theme)
        self.recordings.show_theme(theme)
        self.others.show_theme(theme)

    # What is chosen ----------------------------------------------------------------------------

    def show_tab(self, index: int) -> None:
        """Show one kind of source."""
        for button in self.tabs.buttons():
            shown = self.tabs.id(button) == index
            button.setChecked(shown)
            # Tab leads to the one that is shown, arrows from there to the others.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus if shown else Qt.FocusPolicy.NoFocus)
        self.stack.setCurrentIndex(index)
        self.markers.show_recording(TABS[index] == "Recording")
        if TABS[index] == "Recording":
            self.show_recordings()
        self._report_choice()

    def choose(self, wanted: SourceChoice) -> None:
        """Choose a source, as far as it is there; a stream also when it appears."""
        if wanted.kind == "brainflow":
            self.show_tab(1)
            self.boards.choose(wanted.what)
        elif wanted.kind == "file":
            self.show_tab(2)
            if not self.recordings.choose(wanted.text) and recording_row(wanted.what) is not None:
                self.add_recording(wanted.what)
        elif wanted.kind != "lsl" and wanted.kind in KINDS:
            self._made_up = wanted
            self._test.summary.setText(_SIMULATED if wanted.text == SYNTHETIC else wanted.text)
            self._test.advice.setVisible(wanted.kind == "synthetic")
            self.show_tab(3)
            return
        else:
            self.show_tab(0)
            if not self.streams.choose(wanted.text) and wanted.what:
                self._awaited = LslSelector.parse(wanted.what)
        self._show_stated_of(self.choice)
        for field, stated in (
            (self.channels, ", ".join(wanted.channels or ())),
            (self.rate, f"{wanted.rate:g}" if wanted.rate else ""),
            (self.unit, wanted.unit or ""),
        ):
            if stated:
                field.setText(stated)
                field.setCursorPosition(0)
                self.stated.show()
        self._report_choice()

    @property
    def choice(self) -> SourceChoice | None:
        """What is chosen now."""
        tab = TABS[self.stack.currentIndex()]
        if tab == "Test signal":
            return self._made_up
        text = {
            "LSL": self.streams.current if self.streams.current != self._gone else None,
            "Board": self.boards.text,
            "Recording": self.recordings.current,
        }[tab]
        if text is None:
            return None
        names = tuple(part.strip() for part in self.channels.text().split(",") if part.strip())
        if tab == "Recording":  # it states its rate and its units
            return SourceChoice(text, names or None)
        return SourceChoice(text, names or None, read_number(self.rate.text()), self.unit.text().strip() or None)

    def _chosen_recording(self) -> Path | None:
        chosen = self.recordings.current
        return None if chosen is None else parse_file(chosen.removeprefix("file:")).paths[0]

    def _browse(self) -> None:
        folder = self._typed or self._folder()
        start = folder if folder.is_dir() else Path.home()
        patterns = dict.fromkeys(f"*{extension}" for known in FORMATS.values() for extension in known.extensions)
        kinds = f"Recordings ({' '.join(patterns)});;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Open a recording", str(start), kinds)
        if path:
            self.add_recording(path)

    def _take_stream(self) -> None:
        """Take the stream that was chosen; none that was awaited before takes its place."""
        self._report_choice()
        self._awaited = None

    def _report_choice(self, *_: object) -> None:
        self._show_stated_of(self.choice)
        self.recorded_too.show_streams(self._streams, self.choice)
        self.changed.emit(self.choice)


def _number_only(parent: QWidget) -> QDoubleValidator:
    validator = QDoubleValidator(0.1, 1e6, 3, parent)
    validator.setLocale(QLocale.c())  # a point, as everywhere in EEG
    return validator


def read_number(text: str) -> float | None:
    """Return the number that was typed, if it is one."""
    try:
        return float(text)
    except ValueError:
        return None
