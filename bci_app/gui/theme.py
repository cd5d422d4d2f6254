"""How the window looks: greys, one accent, one type family, two sizes, an 8-pixel grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QSettings
from PyQt6.QtGui import QColor, QFont, QFontDatabase, QPalette

from bci_app.events import ContactLevel

FAMILY = "Inter Figures"
_FONTS = Path(__file__).parent / "fonts"
_ICONS = Path(__file__).parent / "icons"

# Sizes of everything, for a small screen or a projector.
SCALES = (0.8, 1.0, 1.25, 1.5, 2.0)

GRID = 8
TEXT = 13
LARGE = 24


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one theme, as ``#rrggbb``.

    Attributes
    ----------
    background, surface, line : str
        The window; what can be pressed or typed into; hairlines.
    faint, muted, text : str
        Three weights of writing, each readable on background and surface.
    trace : str
        Signals.
    accent : str
        The present step of the session, and nothing else.
    good, poor, bad : str
        Contact, always with a shape. They differ for every kind of colour vision.
    targets : tuple of str
        Okabe–Ito, for targets only.
    """

    name: str
    background: str
    surface: str
    line: str
    faint: str
    muted: str
    text: str
    trace: str
    accent: str
    good: str
    poor: str
    bad: str
    targets: tuple[str, ...]

    def contact(self, level: ContactLevel) -> str:
        """Return the colour of a contact level."""
        return {
            ContactLevel.GOOD: self.good,
            ContactLevel.POOR: self.poor,
            ContactLevel.BAD: self.bad,
            ContactLevel.MISSING: self.bad,
            ContactLevel.UNKNOWN: self.faint,
        }[level]

    def target(self, index: int) -> str:
        """Return the colour of the target with this position in the bundle."""
        return self.targets[index % len(self.targets)]


DARK = Theme(
    name="dark",
    background="#15171a",
    surface="#212529",
    line="#2b2f34",
    faint="#868e96",
    muted="#a0a7ae",
    text="#e6e8eb",
    trace="#b4bbc2",
    accent="#8f9dff",
    good="#62c4bd",
    poor="#eac04a",
    bad="#f4566b",
    targets=("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#f0e442", "#d55e00"),
)

LIGHT = Theme(
    name="light",
    background="#fcfcfd",
    surface="#eff1f3",
    line="#dfe2e5",
    faint="#666d75",
    muted="#50575f",
    text="#1a1d20",
    trace="#40474e",
    accent="#4150d8",
    good="#107680",
    poor="#866600",
    bad="#8f0f2c",
    targets=("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def read_scale(settings: QSettings) -> float:
    """Return the size that is set, one of `SCALES`."""
    try:
        wanted = float(settings.value("scale", 1.0))
    except (TypeError, ValueError):
        return 1.0
    return wanted if wanted in SCALES else 1.0


def load_fonts() -> None:
    """Load the type family. Call once after QApplication is made."""
    for path in sorted(_FONTS.glob("*.ttf")):
        QFontDatabase.addApplicationFont(str(path))


def font(*, large: bool = False, strong: bool = False) -> QFont:
    """Return the font in one of the two sizes."""
    result = QFont([FAMILY, "Inter", "Segoe UI", "Helvetica Neue", "DejaVu Sans"])
    result.setPixelSize(LARGE if large else TEXT)
    result.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
    return result


def color(name: str, alpha: float = 1.0) -> QColor:
    """Return a colour with an opacity from 0 to 1."""
    result = QColor(name)
    result.setAlphaF(alpha)
    return result


def mix(one: str, other: str, share: float) -> str:
    """Return the mixture of two colours that has a share of `other`."""
    a, b = QColor(one), QColor(other)
    parts = (
        round(x + (y - x) * share)
        for x, y in zip((a.red(), a.green(), a.blue()), (b.red(), b.green(), b.blue()), strict=True)
    )
    return "#{:02x}{:02x}{:02x}".format(*parts)


def palette(theme: Theme) -> QPalette:
    """Colour what the style sheet does not reach."""
    result = QPalette()
    role = QPalette.ColorRole
    for key, value in {
        role.Window: theme.background,
        role.Base: theme.background,
        role.AlternateBase: theme.surface,
        role.Button: theme.surface,
        role.ToolTipBase: theme.surface,
        role.WindowText: theme.text,
        role.Text: theme.text,
        role.ButtonText: theme.text,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.faint,
        role.Highlight: theme.muted,
        role.HighlightedText: theme.background,
        role.Mid: theme.line,
    }.items():
        result.setColor(key, QColor(value))
    for key in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, key, QColor(theme.faint))
    return result


def style_sheet(theme: Theme) -> str:
    """Write the style sheet of the whole application.

    Properties that widgets set: ``tone`` (muted, faint, accent, warning) and ``role`` (large,
    strong) on labels; ``kind`` (primary, quiet) on buttons.
    """
    text, large, unit, half = TEXT, LARGE, GRID, GRID // 2
    return f"""
* {{ font-family: "{FAMILY}", "Inter", "Segoe UI", "Helvetica Neue", "DejaVu Sans"; font-size: {text}px; }}
QMainWindow, QWidget#page, QDialog {{ background: {theme.background}; }}
QLabel {{ color: {theme.text}; background: transparent; }}
QLabel[tone="muted"] {{ color: {theme.muted}; }}
QLabel[tone="faint"] {{ color: {theme.faint}; }}
QLabel[tone="warning"] {{ color: {theme.poor}; }}
QLabel[tone="bad"] {{ color: {theme.bad}; }}
QLabel[role="large"] {{ font-size: {large}px; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QWidget#header {{ background: {theme.background}; border-bottom: 1px solid {theme.line}; }}
QWidget#status, QWidget#strip {{ background: {theme.background}; border-top: 1px solid {theme.line}; }}
QFrame#hairline {{ background: {theme.line}; border: none; }}
QWidget#banner {{ background: {theme.surface}; border-left: {half}px solid {theme.poor}; }}
QWidget#banner[level="error"] {{ border-left-color: {theme.bad}; }}
QWidget#banner[level="note"] {{ border-left-color: {theme.faint}; }}
QPushButton, QToolButton {{
  color: {theme.text}; background: {theme.surface}; border: 1px solid transparent; border-radius: {half}px;
  padding: {half}px {unit + half}px; }}
QPushButton:hover, QToolButton:hover {{ background: {mix(theme.surface, theme.text, 0.08)}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {mix(theme.surface, theme.text, 0.16)}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {theme.faint}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {theme.faint}; }}
QWidget#banner QPushButton {{ background: {theme.background}; }}
QPushButton[kind="primary"] {{ background: {theme.text}; color: {theme.background}; font-weight: 600; }}
QPushButton[kind="primary"]:hover {{ background: {mix(theme.text, theme.background, 0.15)}; }}
QPushButton[kind="primary"]:focus {{ border-color: {theme.muted}; }}
QPushButton[kind="primary"]:disabled {{ background: {theme.surface}; color: {theme.faint}; }}
QToolButton[kind="quiet"], QPushButton[kind="quiet"] {{ background: transparent; color: {theme.muted};
  padding: {half}px {unit}px; }}
QPushButton[kind="link"] {{ background: transparent; color: {theme.muted}; padding: 0; border: none;
  text-decoration: underline; }}
QPushButton[kind="link"]:hover, QPushButton[kind="link"]:focus {{ color: {theme.text}; }}
QToolButton[kind="quiet"]:hover, QPushButton[kind="quiet"]:hover {{ background: {theme.surface}; color: {theme.text}; }}
QToolButton[kind="quiet"]:checked {{ background: {theme.surface}; color: {theme.text}; }}
QToolButton[kind="point"], QFileDialog QToolButton {{ padding: 0; }}
QToolButton[kind="point"]:checked {{ background: {theme.text}; color: {theme.background}; font-weight: 600; }}
QToolButton[popupMode="2"] {{ padding-right: {2 * unit}px; }}
QToolButton::menu-indicator {{ image: url({(_ICONS / f"caret_{theme.name}.svg").as_posix()});
  width: {unit}px; height: {unit}px; subcontrol-origin: border; subcontrol-position: center right; right: {half}px; }}
QMenu {{ background: {theme.background}; color: {theme.text}; border: 1px solid {theme.line}; padding: {half}px 0; }}
QMenu::item {{ padding: {half}px {3 * unit}px; }}
QMenu::item:selected {{ background: {theme.surface}; }}
QMenu::item:disabled {{ color: {theme.faint}; }}
QMenu::separator {{ height: 1px; background: {theme.line}; margin: {half}px 0; }}
QToolTip {{ background: {theme.surface}; color: {theme.text}; border: 1px solid {theme.line}; padding: {half}px; }}
QLineEdit, QPlainTextEdit, QComboBox, QSpinBox, QDoubleSpinBox {{
  color: {theme.text}; background: {theme.surface}; border: 1px solid transparent; border-radius: {half}px;
  padding: {half}px {unit}px; selection-background-color: {theme.muted}; selection-color: {theme.background}; }}
QLineEdit {{ placeholder-text-color: {theme.faint}; }}
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus {{ border-color: {theme.faint}; }}
QComboBox::drop-down {{ border: none; width: {3 * unit}px; }}
QComboBox::down-arrow {{ image: url({(_ICONS / f"caret_{theme.name}.svg").as_posix()});
  width: {unit}px; height: {unit}px; }}
QComboBox QAbstractItemView {{ background: {theme.background}; color: {theme.text}; border: 1px solid {theme.line};
  selection-background-color: {theme.surface}; selection-color: {theme.text}; outline: none; }}
QListView, QTreeView, QListWidget {{ background: transparent; color: {theme.text}; border: none; outline: none; }}
QListView[kind="popup"] {{ background: {theme.background}; border: 1px solid {theme.line}; }}
QListView::item {{ padding: {half}px {unit}px; border-radius: {half}px; }}
QListView::item:hover {{ background: {mix(theme.background, theme.surface, 0.6)}; }}
QListView::item:selected {{ background: {theme.surface}; color: {theme.text}; }}
QCheckBox {{ color: {theme.text}; spacing: {unit}px; padding: 2px;
  border: 1px solid transparent; border-radius: {half}px; }}
QCheckBox:focus {{ border-color: {theme.faint}; }}
QCheckBox::indicator {{ width: {2 * unit - 2}px; height: {2 * unit - 2}px; border: 1px solid {theme.faint};
  border-radius: {half // 2 + 1}px; background: transparent; }}
QCheckBox::indicator:checked {{ background: {theme.text}; border-color: {theme.text};
  image: url({(_ICONS / f"tick_{theme.name}.svg").as_posix()}); }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: {unit}px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {theme.line}; border-radius: {half}px; min-height: {4 * unit}px; }}
QScrollBar:horizontal {{ background: transparent; height: {unit}px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {theme.line}; border-radius: {half}px; min-width: {4 * unit}px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
  background: none; border: none; width: 0; height: 0; }}
QProgressBar {{ background: {theme.surface}; border: none; border-radius: {half // 2}px; max-height: {half}px; }}
QProgressBar::chunk {{ background: {theme.text}; border-radius: {half // 2}px; }}
QMainWindow::separator {{ background: qlineargradient(x1:0, y1:0, x2:1, y2:0, stop:0 {theme.background},
  stop:0.449 {theme.background}, stop:0.45 {theme.line}, stop:0.55 {theme.line}, stop:0.551 {theme.background},
  stop:1 {theme.background});
  width: {unit + 1}px; height: {unit}px; }}
QMainWindow::separator:horizontal {{ background: {theme.background}; }}
QStatusBar {{ background: {theme.background}; padding: 0; margin: 0; }}
QStatusBar::item {{ border: none; }}
QDockWidget {{ color: {theme.muted}; }}
"""
