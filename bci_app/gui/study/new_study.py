"""The dialog that begins a study: what is shown to whom, and where it is kept."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QLocale, QSettings, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from bci_app.errors import BciError
from bci_app.gui.connect.rows import field_name
from bci_app.gui.theme import GRID
from bci_app.gui.widgets import elided_label, label, set_tone
from bci_app.study.folder import open_session
from bci_app.study.protocol import SHIPPED, Protocol, in_language, load_protocol

_PROTOCOL, _FOLDER = "study protocol", "study folder"


class NewStudyDialog(QDialog):
    """`begun` carries a protocol's name or file, the language, the participant's code, and the folder of the study.

    Parameters
    ----------
    settings : QSettings
        Where protocol and folder are remembered.
    source : str
        What the source is called.
    participant : str
        Code that is proposed.
    folder : Path
        Folder that is proposed at first.
    """

    begun = pyqtSignal(str, str, str, object)

    def __init__(self, settings: QSettings, parent: QWidget, *, source: str, participant: str, folder: Path) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle("New study")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(70 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        column.setSpacing(2 * GRID)
        words = (
            "Trials with ratings are recorded from the source. A model is then learnt from this person’s own trials."
        )
        column.addWidget(label(words, tone="muted", wrap=True))
        form = self._form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        self.protocol = QComboBox()
        for name in SHIPPED:
            self.add_protocol(name)
        self.other = QPushButton("Open …")
        self.other.setAutoDefault(False)
        self.other.setToolTip("a protocol file (TOML); docs/study.md explains it")
        self.other.clicked.connect(self._browse_protocol)
        self.language = QComboBox()
        self.language.setToolTip("of what the participant reads")
        self.participant = QLineEdit(participant)
        self.participant.setPlaceholderText("letters and digits, such as P01")
        self.folder = QLineEdit(str(settings.value(_FOLDER, folder)))
        self.browse = QPushButton("Choose …")
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._browse_folder)
        where = elided_label(source)
        where.setToolTip(source)
        form.addRow(field_name("source"), where)
        form.addRow(field_name("protocol"), _beside(self.protocol, self.other))
        form.addRow(field_name("language"), self.language)
        form.addRow(field_name("participant"), self.participant)
        form.addRow(field_name("folder"), _beside(self.folder, self.browse))
        column.addLayout(form)
        self.note = label(tone="muted", wrap=True)
        column.addWidget(self.note)
        self.begin = QPushButton("Begin")
        self.begin.setProperty("kind", "primary")
        self.begin.setDefault(True)
        self.begin.clicked.connect(self._begin)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        last = QHBoxLayout()
        last.addStretch()
        last.addWidget(cancel)
        last.addWidget(self.begin)
        column.addLayout(last)
        known = self.protocol.findData(settings.value(_PROTOCOL, ""))
        self.protocol.setCurrentIndex(max(0, known))
        self.protocol.currentIndexChanged.connect(self._look)
        for field in (self.participant, self.folder):
            field.textChanged.connect(self._look)
        self._look()

    def add_protocol(self, name: str) -> None:
        """List a protocol by its name or file, and choose it."""
        try:
            protocol = load_protocol(name).protocol
            title = in_language(protocol.title, protocol.language)
        except BciError:
            title = Path(name).name  # why it cannot be used is shown once it is chosen
        self.protocol.addItem(title, name)
        self.protocol.setItemData(self.protocol.count() - 1, name, Qt.ItemDataRole.ToolTipRole)
        self.protocol.setCurrentIndex(self.protocol.count() - 1)

    def _look(self) -> None:
        """Say what would begin, or why it cannot."""
        try:
            note, tone = self._describe(), "muted"
        except BciError as error:
            note, tone = str(error), "warning"
        self.note.setText(note)
        set_tone(self.note, tone)
        self.begin.setEnabled(tone == "muted")

    def _describe(self) -> str:
        protocol = load_protocol(self.protocol.currentData()).protocol
        if protocol.languages != tuple(self.language.itemData(n) for n in range(self.language.count())):
            self.language.clear()
            for code in protocol.languages:
                self.language.addItem(QLocale(code).nativeLanguageName() or code, code)
            self._form.setRowVisible(self.language, len(protocol.languages) > 1)
        session = open_session(
            Path(self.folder.text()), protocol, participant=self.participant.text().strip(), session=None
        )
        done = session.resume(protocol)
        goes_on = f" goes on: {len(done)} trials are completed" if done else ""
        return f"{_length(protocol)} · session {session.session}{goes_on}"

    def _browse_protocol(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a protocol", str(Path.home()), "Protocols (*.toml)")
        if path:
            self.add_protocol(path)

    def _browse_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the study", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _begin(self) -> None:
        name, folder = str(self.protocol.currentData()), Path(self.folder.text()).expanduser()
        self._settings.setValue(_PROTOCOL, name)
        self._settings.setValue(_FOLDER, str(folder))
        self.accept()
        self.begun.emit(name, str(self.language.currentData()), self.participant.text().strip(), folder)


def _length(protocol: Protocol) -> str:
    trials = sum(len(block.trials) * block.repetitions for block in protocol.trial_blocks)
    minutes = protocol.seconds / 60
    length = f"{minutes:.0f} min" if minutes >= 1.5 else f"{protocol.seconds:.0f} s"
    return f"{trials} trials · {length} without the answers"


def _beside(field: QWidget, button: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(GRID)
    row.addWidget(field, 1)
    row.addWidget(button)
    return row
