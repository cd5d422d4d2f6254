"""Icons of buttons: a few lines each on a grid of 24 by 24, in the colours of the theme."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QIcon, QPainter, QPixmap
from PyQt6.QtSvg import QSvgRenderer

_PIXELS = 96


def _disc(x: float, y: float, radius: float) -> str:
    return f"M{x - radius} {y}a{radius} {radius} 0 1 0 {2 * radius} 0a{radius} {radius} 0 1 0 {-2 * radius} 0z"


# Paths of SVG: what is drawn as a line, and what is filled.
_SHAPES = {
    "source": (
        "M8 8a5.7 5.7 0 0 0 0 8M16 8a5.7 5.7 0 0 1 0 8M5 5a9.9 9.9 0 0 0 0 14M19 5a9.9 9.9 0 0 1 0 14",
        _disc(12, 12, 2),
    ),
    "model": ("M12 5L6 19M12 5l6 14M9 12h6", _disc(12, 5, 3) + _disc(6, 19, 3) + _disc(18, 19, 3)),
    "mark": ("M6 21V4h8l1 2h4v9h-6l-1-2H6", ""),
    "light": (
        "M12 1.5v3M12 19.5v3M1.5 12h3M19.5 12h3M4.6 4.6l2 2M17.4 17.4l2 2M4.6 19.4l2-2M17.4 6.6l2-2",
        _disc(12, 12, 4.5),
    ),
    "dark": ("M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z", ""),
    "settings": ("M3 7h9M20 7h1M3 17h1M12 17h9", _disc(16, 7, 3) + _disc(8, 17, 3)),
    "menu": ("M4 6h16M4 12h16M4 18h16", ""),
    "record": (_disc(12, 12, 9), _disc(12, 12, 4)),
    "stop": ("", _disc(12, 12, 10) + "M8.5 8.5h7v7h-7z"),
    "play": ("", "M8 5l11 7l-11 7z"),
    "pause": ("", "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z"),
    "replay": ("M5 13a7 7 0 1 0 7-7H9", "M11 1.5v9L5 6z"),
}


def icon(name: str, tint: str, *, disabled: str = "") -> QIcon:
    """Return an icon in a colour, and in another where its button is disabled."""
    result = QIcon(_drawn(name, tint))
    if disabled:
        result.addPixmap(_drawn(name, disabled), QIcon.Mode.Disabled)
    return result


def _drawn(name: str, tint: str) -> QPixmap:
    styles = (
        f'fill="none" stroke="{tint}" stroke-width="2" stroke-linecap="round"',
        f'fill="{tint}" fill-rule="evenodd"',
    )
    paths = "".join(f'<path d="{d}" {style}/>' for d, style in zip(_SHAPES[name], styles, strict=True) if d)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{paths}</svg>'
    pixmap = QPixmap(_PIXELS, _PIXELS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(svg.encode()).render(painter)
    painter.end()
    return pixmap
