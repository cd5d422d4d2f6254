"""Small pieces of SVG as text. Colours are classes of the page's style sheet, so that a chart follows its theme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from bci_app.text import printable

WIDTH = 960
LEFT = 104
"""Where the axis of time begins; what is left of it names the rows."""
RIGHT = 20

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 12
_BINS = 800


def safe(text: object) -> str:
    """Return text from outside as HTML that shows it and does nothing else."""
    return escape(printable(str(text)))


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds, or hours, minutes and seconds."""
    hours, rest = divmod(int(seconds + 1e-6), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


@dataclass(frozen=True)
class TimeAxis:
    """Places of times on a chart, from 0 to the length of the recording in seconds."""

    seconds: float

    def x(self, time: float) -> float:
        """Return the place of a time in pixels."""
        share = min(1.0, max(0.0, time / self.seconds))
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    @property
    def ticks(self) -> list[float]:
        """Times that are labelled."""
        step = next((step for step in _STEPS if self.seconds / step <= _MOST_TICKS), self.seconds)
        return [float(time) for time in np.arange(0, self.seconds + 1e-9, step)]


def rectangle(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    """Draw a filled rectangle."""
    tip = f"<title>{safe(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.6):.1f}" height="{height:.1f}" class="{kind}">{tip}</rect>'
    )


def text(x: float, y: float, words: object, kind: str = "", *, anchor: str = "start") -> str:
    """Write words; `y` is the base line."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{safe(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Draw a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def dot(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    """Draw a disc."""
    tip = f"<title>{safe(title)}</title>" if title else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}">{tip}</circle>'


def diamond(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    """Draw the mark of a rating."""
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in ((0, -radius), (radius, 0), (0, radius), (-radius, 0)))
    tip = f"<title>{safe(title)}</title>" if title else ""
    return f'<polygon points="{points}" class="{kind}">{tip}</polygon>'


def curve(points: Sequence[tuple[float, float]], kind: str) -> str:
    """Draw a line through points; one that is not finite interrupts it. A point that stands alone is a dot."""
    parts: list[list[str]] = [[]]
    for x, y in points:
        if np.isfinite(y):
            parts[-1].append(f"{x:.1f} {y:.1f}")
        elif parts[-1]:
            parts.append([])
    path = "".join(f"M{'L'.join(part if len(part) > 1 else part * 2)}" for part in parts if part)
    return f'<path d="{path}" class="{kind}"/>' if path else ""


def thinned(
    times: NDArray[np.float64], values: NDArray[np.float64], seconds: float
) -> list[tuple[float, float]]:  # fmt: skip
    """Return at most some hundred points of a curve: means over equal stretches of time, nan where nothing is valid."""
    if len(times) <= _BINS:
        return list(zip(times.tolist(), values.tolist(), strict=True))
    bins = np.minimum((times / seconds * _BINS).astype(int), _BINS - 1)
    valid = np.isfinite(values)
    counts = np.bincount(bins, valid, minlength=_BINS)
    sums = np.bincount(bins, np.where(valid, values, 0.0), minlength=_BINS)
    means = np.divide(sums, counts, out=np.full(_BINS, np.nan), where=counts > 0)
    there = np.unique(bins)
    return [((number + 0.5) * seconds / _BINS, float(means[number])) for number in there]


def runs(values: Sequence[str]) -> Iterable[tuple[int, int, str]]:
    """Return the stretches of equal values: first index, index after the last, value."""
    start = 0
    for index in range(1, len(values) + 1):
        if index == len(values) or values[index] != values[start]:
            yield start, index, values[start]
            start = index


def figure(height: float, content: Iterable[str], label: str, *, width: float = WIDTH) -> str:
    """Put pieces together; `label` says to a screen reader what the chart shows."""
    body = "\n".join(content)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{safe(label)}">\n'
        f'<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<line x1="0" y1="0" x2="0" y2="6" class="hatch"/></pattern></defs>\n{body}\n</svg>'
    )
