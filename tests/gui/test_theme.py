"""Colours that can be read and distinguished, and words that fit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PyQt6.QtGui import QPalette
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from bci_app.gui.theme import DARK, LIGHT, Theme, mix, style_sheet
from bci_app.gui.widgets import short


def luminance(name: str) -> float:
    parts = [int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# What is written in which colour, and on which ground.
WRITTEN = [
    *((ink, ground) for ink in ("text", "muted", "faint") for ground in ("background", "surface")),
    *((ink, "background") for ink in ("accent", "good", "poor", "bad", "trace")),
    ("poor", "surface"),
    ("bad", "surface"),
    ("background", "text"),  # the main button
    ("background", "muted"),  # selected text
]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(("ink", "ground"), WRITTEN)
def test_everything_written_can_be_read(theme: Theme, ink: str, ground: str) -> None:
    assert contrast(getattr(theme, ink), getattr(theme, ground)) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_an_example_in_an_empty_field_can_be_read(qtbot: QtBot, theme: Theme) -> None:
    field = QLineEdit()
    field.setStyleSheet(style_sheet(theme))
    qtbot.addWidget(field)
    field.show()
    ink = field.palette().color(QPalette.ColorRole.PlaceholderText)
    assert ink.alpha() == 255
    assert contrast(ink.name(), theme.surface) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_the_weights_of_writing_differ_and_targets_are_seen(theme: Theme) -> None:
    faint, muted, text = (contrast(ink, theme.background) for ink in (theme.faint, theme.muted, theme.text))
    assert muted > 1.2 * faint
    assert text > 1.8 * muted
    assert all(contrast(target, theme.background) > 2.9 for target in theme.targets[:4])
    assert not set(theme.targets) & {theme.good, theme.poor, theme.bad, theme.accent}
    assert mix("#000000", "#ffffff", 0.5) == "#808080"


# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
COLOUR_VISION = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(name: str, vision: str) -> np.ndarray:
    """Return a colour in CIE L*a*b*, as a kind of colour vision sees it."""
    parts = np.array([int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    x, y, z = TO_XYZ @ np.clip(np.array(COLOUR_VISION[vision]) @ linear, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = (np.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_contact_can_be_told_by_colour_with_any_colour_vision(theme: Theme, vision: str) -> None:
    for one, other in combinations((theme.good, theme.poor, theme.bad), 2):
        assert np.linalg.norm(seen(one, vision) - seen(other, vision)) > 25


@pytest.mark.parametrize(
    ("power", "text"), [(0.04, "0.0"), (9.94, "9.9"), (9.96, "10"), (9999.0, "9999"), (2e4, "20k")]
)
def test_powers_are_short(power: float, text: str) -> None:
    assert short(power) == text
