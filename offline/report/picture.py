"""A chart by matplotlib as an SVG that stands in a page: its text is text, and nothing lies beside it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from markupsafe import Markup
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D, Transform

from offline.report.style import themed

_STYLE = Path(__file__).with_name("report.mplstyle")
_TOOLTIP = "tooltip-"
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


class Picture:
    """One chart. Lengths are CSS pixels, which are the figure's own unit.

    Parameters
    ----------
    width, height : float
        Size of the whole.
    description : str
        For those who cannot see it.

    Attributes
    ----------
    figure : Figure
        What is drawn on.
    svg : Markup
        The element, once the chart is drawn.
    """

    def __init__(self, width: float, height: float, description: str) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72))
        self.svg = Markup()
        self._description = description

    def axes(self, *, left: float = 48, right: float = 16, top: float = 16, bottom: float = 40) -> Axes:
        """Add axes with these margins."""
        across, up = self.width - left - right, self.height - top - bottom
        axes = self.figure.add_axes((left / self.width, bottom / self.height, across / self.width, up / self.height))
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        return axes

    @property
    def pixels(self) -> Transform:
        """Coordinates in pixels from the top left corner."""
        return Affine2D().scale(1, -1).translate(0, self.height)

    def write(self, x: float, y: float, words: str, **how: Any) -> None:
        """Write words at a place in pixels from the top left corner, `y` that of the line they stand on."""
        self.figure.text(x, y, words, transform=self.pixels, **how)

    def render(self) -> None:
        """Draw the chart."""
        written = io.StringIO()
        self.figure.savefig(written, format="svg", metadata=_NO_METADATA)
        self.svg = Markup(_embedded(written.getvalue(), self._description))


@contextmanager
def picture(width: float, height: float, description: str) -> Iterator[Picture]:
    """Draw a chart in the style of the report. It is rendered when the block ends."""
    with style.context(_STYLE):
        drawn = Picture(width, height, description)
        yield drawn
        drawn.render()


def tooltip(words: str) -> str:
    """Return the `gid` of an artist that shows these words under the pointer."""
    return _TOOLTIP + quote(words)


def _embedded(svg: str, description: str) -> str:
    """Take the element out of an SVG file, without fonts and sizes in points, and with no id but those referred to."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', svg, count=2)
    svg = re.sub(r"<defs>\s*<style.*?</defs>", "", svg, count=1, flags=re.DOTALL)  # the page's style sheet has it
    svg = re.sub(rf'<g id="{_TOOLTIP}([^"]*)">', lambda found: f"<g><title>{escape(unquote(found[1]))}</title>", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r"font: (?:(\w+) )?([\d.]+px)[^;\"]*", _without_family, svg)
    svg = re.sub(r"<g/>|\n\s*", "", re.sub(r"<g>\s*</g>", "", svg))
    return themed(svg).replace(">", f' role="img"><title>{escape(description)}</title>', 1)


def _without_family(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1]}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}"
