"""What a person sees of a widget."""

from __future__ import annotations

import pyqtgraph as pg
from PyQt6.QtWidgets import QLabel, QWidget

from bci_app.events import ContactLevel
from bci_app.gui.views.head import Head


def written(widget: QWidget) -> list[str]:
    """List what the labels of a widget say, from the first to the last."""
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget) and label.text()]


def label_that_says(widget: QWidget, words: str) -> QLabel:
    """Return the one label of a widget that says these words, among others."""
    (found,) = (label for label in widget.findChildren(QLabel) if words in label.text())
    return found


def figures(widget: QWidget) -> list[str]:
    """List the numbers of a widget; a dash stands where there is none."""
    return [text for text in written(widget) if text == "–" or text.replace(".", "").isdigit()]


def notes(plot: pg.PlotWidget) -> list[str]:
    """List what is written into a plot."""
    return [item.toPlainText() for item in plot.scene().items() if isinstance(item, pg.TextItem)]


def levels(head: Head) -> dict[str, ContactLevel]:
    """Return how each electrode on a head is drawn."""
    return {contact.channel: contact.level for contact, _ in head.places()}
