"""Contact and spectrum by themselves: names on the head, what wants care, which channels are averaged."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import hypot
from types import SimpleNamespace

import pytest
from PyQt6.QtCore import QRectF
from PyQt6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.events import Contact, ContactLevel
from bci_app.gui.main_window import MainWindow
from bci_app.gui.theme import DARK, GRID
from bci_app.gui.views.contact import ContactPanel
from bci_app.gui.views.head import Head
from bci_app.montage.positions import electrode_places
from bci_app.presentation.opening import Ready
from tests.gui.seen import label_that_says, written
from tests.gui.sessions import WAIT, begin
from tests.gui.sources import INFO, HeldSource, stream

MONTAGE = [
    *("Fp1", "Fp2", "AF3", "AF4", "F7", "F3", "Fz", "F4", "F8", "FC5", "FC1", "FC2", "FC6", "T7", "C3"),
    *("Cz", "C4", "T8", "CP5", "CP1", "CP2", "CP6", "P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2"),
]


def contacts(names: list[str], **levels: ContactLevel) -> list[Contact]:
    return [Contact(name, levels.get(name, ContactLevel.GOOD), "") for name in names]


@pytest.mark.parametrize(("width", "height"), [(240, 220), (272, 272), (520, 520)])
def test_names_on_the_head_never_overlap_and_bad_ones_are_named(qtbot: QtBot, width: int, height: int) -> None:
    head = Head(DARK)
    qtbot.addWidget(head)
    head.resize(width, height)
    head.show_contacts(contacts(MONTAGE, Cz=ContactLevel.BAD, O1=ContactLevel.POOR, F3=ContactLevel.MISSING))
    boxes = {contact.channel: box for contact, box in head.names()}
    assert {"Cz", "O1", "F3"} <= set(boxes)
    assert not any(one.intersects(other) for one, other in combinations(boxes.values(), 2))
    assert all(QRectF(head.rect()).contains(box) for box in boxes.values())


def test_one_close_pair_does_not_take_the_names_of_all(qtbot: QtBot) -> None:
    head = Head(DARK)
    qtbot.addWidget(head)
    head.resize(520, 520)
    head.show_contacts(contacts([*MONTAGE, "AF7", "AFF5"]))
    assert len(head.names()) > 25


def test_a_name_is_nearest_to_its_own_electrode(qtbot: QtBot) -> None:
    head = Head(DARK)
    qtbot.addWidget(head)
    head.resize(272, 272)
    names = ["F1", "F2", "Fz", "AF3", "AF4", "FC1", "FC2"]
    shown = contacts(names, F1=ContactLevel.BAD, F2=ContactLevel.BAD, FC1=ContactLevel.BAD)
    head.show_contacts(shown)
    places = {contact.channel: place for contact, place in head.places()}
    named = {contact.channel: box.center() for contact, box in head.names()}
    assert named
    for name, middle in named.items():
        distance = {other: hypot(p.x() - middle.x(), p.y() - middle.y()) for other, p in places.items()}
        assert min(distance, key=distance.__getitem__) == name


@pytest.mark.parametrize("names", [["TP9", "TP10", "Fz"], ["A1", "A2", "Cz"], ["T9", "T10"]])
def test_names_at_the_sides_keep_the_margin(qtbot: QtBot, names: list[str]) -> None:
    assert set(names) <= set(electrode_places())
    head = Head(DARK)
    qtbot.addWidget(head)
    head.resize(272, 272)
    head.show_contacts(contacts(names))
    boxes = [box for _, box in head.names()]
    assert len(boxes) == len(names)
    assert min(box.left() for box in boxes) >= 2 * GRID - 2
    assert max(box.right() for box in boxes) <= 272 - 2 * GRID + 2


def test_what_was_bad_a_moment_ago_is_told_beside_what_is_poor(qtbot: QtBot) -> None:
    panel = ContactPanel(DARK)
    qtbot.addWidget(panel)
    panel.resize(300, 500)
    panel.show_session(SimpleNamespace(window_seconds=4.0))  # type: ignore[arg-type]
    good = Contact("C3", ContactLevel.GOOD)
    poor = Contact("O1", ContactLevel.POOR, "unlike its neighbours")
    panel.show_contacts((good, Contact("C4", ContactLevel.BAD, "flat"), poor), now=10.0)
    assert "C4: flat\nO1: unlike its neighbours" in written(panel)
    panel.show_contacts((good, Contact("C4", ContactLevel.GOOD), poor), now=11.0)
    assert "C4: settling, bad a moment ago\nO1: unlike its neighbours" in written(panel)
    panel.show_contacts((good, Contact("C4", ContactLevel.POOR, "noisy"), poor), now=12.0)
    assert "C4: noisy, bad a moment ago\nO1: unlike its neighbours" in written(panel)
    panel.show_contacts((good, Contact("C4", ContactLevel.GOOD), poor), now=20.0)
    assert "O1: unlike its neighbours" in written(panel)


def test_the_legend_counts_missing_electrodes_where_there_are_any(qtbot: QtBot) -> None:
    panel = ContactPanel(DARK)
    qtbot.addWidget(panel)
    panel.show()
    panel.show_contacts(contacts(MONTAGE))
    assert not any("missing" in text for text in written(panel))
    panel.show_contacts(contacts(MONTAGE, Cz=ContactLevel.MISSING))
    assert "1 missing" in written(panel)


@pytest.mark.parametrize("height", [240, 300, 500])
def test_what_wants_care_is_cut_to_the_room_below_the_head(qtbot: QtBot, height: int) -> None:
    panel = ContactPanel(DARK)
    qtbot.addWidget(panel)
    panel.resize(250, height)
    panel.show()
    panel.show_contacts([Contact(name, ContactLevel.POOR, "unlike its neighbours") for name in MONTAGE])
    wanting = label_that_says(panel, "unlike its neighbours")
    lines = wanting.text().split("\n")
    assert lines[-1] == f"and {len(MONTAGE) - len(lines) + 1} more"
    needed = len(lines) * wanting.fontMetrics().lineSpacing()
    qtbot.waitUntil(lambda: wanting.height() >= needed, timeout=WAIT)
    assert wanting.geometry().bottom() <= panel.height()


def test_resistances_are_told_on_hover_where_they_are_measured(qtbot: QtBot) -> None:
    panel = ContactPanel(DARK)
    qtbot.addWidget(panel)
    fz = Contact("Fz", ContactLevel.GOOD)
    panel.show_contacts((fz,), resistances={"FZ": 5200.0, "reference": 1.2e6})
    assert panel.head.text_of(fz) == "Fz: good, 5 kΩ"
    wanting = label_that_says(panel, "Every electrode sits well.")
    assert wanting.toolTip() == "Fz 5 kΩ · reference 1.2 MΩ"
    panel.show_contacts((fz,))
    assert panel.head.text_of(fz) == "Fz: good"
    assert wanting.toolTip() == ""


def test_bad_and_unjudged_channels_are_no_part_of_the_spectrums_mean(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    pieces = stream(10)
    for piece in pieces:
        piece.data[:, 2] = 7.0  # C3 is flat
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle)
    spectrum = window.area.spectrum
    assert spectrum.of.text() == "mean of 6 channels"
    window.area.signals.channels.menu().actions()[6].setChecked(True)  # the ECG, which is not judged
    assert spectrum.of.text() == "mean of 6 channels"
    source.allow()
    qtbot.waitUntil(lambda: spectrum.of.text() == "mean of 5 good", timeout=WAIT)
    assert window.controller.spectra.picked == (0, 1, 3, 4, 5)
    window.area.signals.select_electrode("C3")
    assert spectrum.of.text() == "C3"


def test_a_long_stream_name_is_shortened_and_told_whole_on_hover(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    name = "An amplifier whose name somebody typed in full with its serial number and the room that it stands in"
    info = replace(INFO, name=name)
    begin(qtbot, window, HeldSource([], info=info), bundle)
    window.resize(1024, 600)
    source = window.status.source
    qtbot.waitUntil(lambda: QLabel.text(source).endswith("…"), timeout=WAIT)
    assert source.text().startswith(name)
    assert source.toolTip().startswith(name)
    assert window.status.minimumSizeHint().width() <= 1024


def test_a_session_without_a_model_is_watched_not_checked(qtbot: QtBot, window: MainWindow) -> None:
    source = HeldSource(stream(10))
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        window.controller.prepare(lambda: Ready(source, None), source_text="lsl:test")
    source.allow()
    qtbot.waitUntil(lambda: window.status.phase.text() == "watching", timeout=WAIT)
