"""The button that writes the report of the chosen recording, and opens it in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtWidgets import QLabel, QPushButton

from bci_app.errors import BciError
from bci_app.gui.reports import ReportWriter


class ReportButton(QPushButton):
    """Write the page about a recording beside it.

    Parameters
    ----------
    recording : callable
        Returns the chosen recording, or None.
    note : QLabel
        Says why there is no report, if there is none.
    """

    def __init__(self, recording: Callable[[], Path | None], note: QLabel) -> None:
        super().__init__("Report")
        self.setToolTip("a page about the chosen recording: contact, predictions, ratings, and how to repeat it")
        self._recording, self._note = recording, note
        self._writer = ReportWriter(self)
        self._writer.written.connect(self._show)
        self._writer.failed.connect(self._refuse)
        self.clicked.connect(self._start)
        self.look()

    def look(self) -> None:
        """Be there for a recording only."""
        self.setEnabled(self._recording() is not None)

    def _start(self) -> None:
        path = self._recording()
        if path is None:
            return
        self._note.hide()
        self.setEnabled(False)
        self.setText("Writing …")
        self._writer.write(path)

    def _show(self) -> None:
        self._end()
        self._writer.open()

    def _refuse(self, error: BciError) -> None:
        self._end()
        self._note.setText(str(error))
        self._note.show()

    def _end(self) -> None:
        self.setText("Report")
        self.look()
