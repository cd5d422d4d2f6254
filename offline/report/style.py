"""The style sheet of the report: greys, one accent, one type family, an 8-pixel grid, a light and a dark theme."""

from __future__ import annotations

from collections.abc import Mapping

BACKGROUND = "#fcfcfd"
SURFACE = "#eff1f3"
LINE = "#dfe2e5"
FAINT = "#8b929a"
MUTED = "#5d646c"
TEXT = "#1a1d20"
ACCENT = "#4150d8"
IN_THE_DARK = {
    BACKGROUND: "#15171a",
    SURFACE: "#212529",
    LINE: "#2b2f34",
    FAINT: "#7f868e",
    MUTED: "#a0a7ae",
    TEXT: "#e6e8eb",
    ACCENT: "#8f9dff",
}
"""What each colour of the light theme is in the dark one."""
TARGETS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe–Ito, used for targets and nothing else."""


def target_colour(index: int) -> str:
    """Return the colour of a target by its place among the run's targets."""
    return TARGETS[index % len(TARGETS)]


def themed(text: str) -> str:
    """Replace the colours of a style sheet or picture by variables that follow the reader's theme."""
    for colour in IN_THE_DARK:
        text = text.replace(colour, f"var({_variable(colour)})")
    return text


def _variable(colour: str) -> str:
    return f"--light-{colour[1:]}"


def _values(colours: Mapping[str, str]) -> str:
    return " ".join(f"{_variable(light)}: {colour};" for light, colour in colours.items())


_RULES = f"""
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: {BACKGROUND}; color: {TEXT}; font: 15px/24px system-ui, "Segoe UI", "Helvetica Neue",
  Arial, sans-serif; font-variant-numeric: tabular-nums; }}
main {{ max-width: 960px; margin: 0 auto; padding: 48px 24px 96px; }}
h1 {{ font-size: 24px; line-height: 32px; font-weight: 600; margin: 0 0 8px; }}
h2 {{ font-size: 18px; line-height: 24px; font-weight: 600; margin: 0 0 16px; padding-top: 16px;
  border-top: 1px solid {LINE}; }}
h3 {{ font-size: 15px; font-weight: 600; margin: 32px 0 8px; }}
h4 {{ font-size: 13px; font-weight: 600; margin: 0 0 8px; }}
section {{ margin-top: 56px; }}
p {{ margin: 0 0 16px; max-width: 76ch; }}
.muted, figcaption, dt {{ color: {MUTED}; }}
figure {{ margin: 0 0 24px; }}
figcaption {{ font-size: 13px; line-height: 20px; max-width: 90ch; margin-top: 8px; }}
svg {{ display: block; max-width: 100%; height: auto; overflow: visible; }}
svg * {{ stroke-linejoin: round; stroke-linecap: butt; }}
svg text {{ font-family: system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }}
.row {{ display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }}
.pair {{ margin: 8px 8px 16px 0; }}
.stack {{ display: flex; flex-direction: column; gap: 16px; width: 272px; }}
.wide {{ overflow-x: auto; margin: 0 0 24px; }}
table {{ border-collapse: collapse; font-size: 13px; line-height: 20px; width: 100%; }}
th {{ text-align: left; font-weight: 500; color: {MUTED}; vertical-align: bottom; padding: 4px 16px 4px 0;
  border-bottom: 1px solid {FAINT}; }}
td {{ padding: 4px 16px 4px 0; border-bottom: 1px solid {LINE}; vertical-align: top; }}
td.n, th.n {{ text-align: right; padding: 4px 0 4px 10px; }}
td.n {{ white-space: nowrap; }}
.dot {{ display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px; }}
.note {{ background: {SURFACE}; padding: 8px 16px; border-left: 3px solid {FAINT}; max-width: none; }}
.note.leak {{ border-left-color: {ACCENT}; }}
.name {{ white-space: nowrap; }}
.leaks {{ color: {ACCENT}; font-weight: 600; font-size: 12px; }}
summary {{ cursor: pointer; color: {MUTED}; margin-bottom: 8px; }}
dl {{ display: grid; grid-template-columns: 120px 1fr; gap: 8px 16px; margin: 0; font-size: 13px; line-height: 20px; }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
.architecture {{ display: flex; flex-wrap: wrap; gap: 24px 0; font-size: 11.5px; line-height: 18px;
  color: {MUTED}; }}
.architecture > div {{ width: 104px; height: 188px; padding: 8px; border-radius: 4px; border: 1.5px solid {LINE}; }}
.architecture > div.end {{ background: {SURFACE}; border-color: {SURFACE}; }}
.architecture > div:not(:last-child) {{ margin-right: 24px; position: relative; }}
.architecture > div:not(:last-child)::after {{ content: "⟶"; position: absolute; right: -22px; top: 84px; width: 20px;
  text-align: center; color: {FAINT}; }}
.architecture b {{ display: block; font-size: 13px; font-weight: 600; color: {TEXT}; margin-bottom: 4px; }}
.heads {{ display: flex; gap: 1.5px; height: 26px; margin: 2px 0; }}
.heads i {{ flex: 1; background: {ACCENT}; opacity: 0.75; border-radius: 2px; }}
.mlp {{ height: 20px; margin: 2px auto; background: #aab1b9; border-radius: 2px; }}
@media print {{ main {{ max-width: none; padding: 0; }} section {{ break-inside: avoid-page; }} }}
"""
STYLE = f""":root {{ color-scheme: light dark; {_values({colour: colour for colour in IN_THE_DARK})} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_values(IN_THE_DARK)} }} }}
{themed(_RULES)}"""
