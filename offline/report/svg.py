"""Vector pictures: a plot with axes, and the marks that go into it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

Points = Sequence[tuple[float, float]]

BACKGROUND = "#fcfcfd"
SURFACE = "#eff1f3"
LINE = "#dfe2e5"
FAINT = "#8b929a"
MUTED = "#5d646c"
TEXT = "#1a1d20"
ACCENT = "#4150d8"
TARGETS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe–Ito, used for targets and nothing else."""


def number(value: float) -> str:
    """Write a coordinate briefly."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def tag(name: str, content: str = "", **attributes: object) -> str:
    """Write an element; underscores in attribute names stand for hyphens."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(v) if isinstance(v, float) else str(v))}"'
        for key, v in attributes.items()
        if v is not None
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "label", fill: str | None = None) -> str:
    """Write words; `kind` is a class of the page's style sheet."""
    return tag(
        "text", escape(words), x=float(x), y=float(y), text_anchor=anchor, class_=kind, style=fill and f"fill:{fill}"
    )


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Give round numbers within a range, at most `most` of them."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * m for m in (1, 2, 5, 10) if span / (power * m) < most)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def labelled(values: Sequence[float]) -> list[tuple[float, str]]:
    """Write the values of an axis with as many decimals as the longest of them needs."""
    decimals = max(len(f"{value:.12f}".rstrip("0").partition(".")[2]) for value in values)
    return [(value, f"{value:.{decimals}f}") for value in values]


@dataclass
class Plot:
    """A plot with linear axes.

    Parameters
    ----------
    width, height : float
        Size in pixels.
    x, y : tuple of float
        Ranges of the axes.
    left, right, top, bottom : float
        Margins in pixels.
    """

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    left: float = 48
    right: float = 16
    top: float = 16
    bottom: float = 40
    parts: list[str] = field(default_factory=list)

    def px(self, x: float) -> float:
        """Give the pixel of a value on the x axis."""
        return self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.width - self.left - self.right)

    def py(self, y: float) -> float:
        """Give the pixel of a value on the y axis."""
        return (
            self.height
            - self.bottom
            - (y - self.y[0]) / (self.y[1] - self.y[0]) * (self.height - self.top - self.bottom)
        )

    def add(self, *parts: str) -> None:
        """Add elements on top."""
        self.parts += parts

    def x_axis(self, label: str, *, values: Sequence[float] | None = None) -> None:
        """Draw vertical grid lines with their values, and what they are values of."""
        bottom = self.height - self.bottom
        for value, words in labelled(ticks(*self.x) if values is None else values):
            at = self.px(value)
            self.line(((value, self.y[0]), (value, self.y[1])), stroke=LINE)
            self.add(text(at, bottom + 16, words, anchor="middle", kind="tick"))
        middle = (self.left + self.width - self.right) / 2
        self.add(text(middle, bottom + 34, label, anchor="middle", kind="axis"))

    def y_axis(self, label: str, *, at: float | None = None) -> None:
        """Draw horizontal grid lines with their values, and above them (or at a height) what they are values of."""
        for value, words in labelled(ticks(*self.y, most=5)):
            self.line(((self.x[0], value), (self.x[1], value)), stroke=LINE)
            self.add(text(self.left - 8, self.py(value) + 4, words, anchor="end", kind="tick"))
        self.add(text(0, self.top - 10 if at is None else at, label, kind="axis"))

    def line(
        self, points: Points, *, stroke: str, width: float = 1, dash: str | None = None, opacity: float = 1
    ) -> None:
        """Draw a line through points."""
        path = " ".join(f"{number(self.px(x))},{number(self.py(y))}" for x, y in points)
        self.add(
            tag(
                "polyline",
                points=path,
                fill="none",
                stroke=stroke,
                stroke_width=width,
                stroke_dasharray=dash,
                stroke_linejoin="round",
                opacity=None if opacity == 1 else opacity,
            )
        )

    def dot(
        self, x: float, y: float, *, fill: str, radius: float = 3, stroke: str | None = None, title: str = ""
    ) -> None:
        """Draw a dot; the title is shown under the pointer."""
        content = tag("title", escape(title)) if title else ""
        self.add(
            tag(
                "circle",
                content,
                cx=self.px(x),
                cy=self.py(y),
                r=float(radius),
                fill=fill,
                stroke=stroke,
                stroke_width=1.5 if stroke else None,
            )
        )

    def render(self, description: str) -> str:
        """Write the picture; the description is for those who cannot see it."""
        return picture(self.width, self.height, self.parts, description)


def picture(width: float, height: float, parts: Sequence[str], description: str) -> str:
    """Write a picture of elements."""
    return tag(
        "svg",
        tag("title", escape(description)) + "".join(parts),
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=number(width),
        height=number(height),
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )
