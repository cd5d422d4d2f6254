"""Codes of participants. No Qt."""

from __future__ import annotations

import re

from bci_app.sources.kind import split_options


def next_code(code: str) -> str:
    """Return the code after one that ends in digits, such as P08 after P07; empty for any other code."""
    found = re.fullmatch(r"(.*?)(\d+)", code)
    if found is None:
        return ""
    stem, number = found.groups()
    return f"{stem}{int(number) + 1:0{len(number)}d}"


def default_code(source: str) -> str:
    """Return the code that is proposed for the person at a source: a simulated participant has one."""
    kind, _, what = source.partition(":")
    seed = split_options(what)[1].get("participant", "0") if kind == "synthetic" else ""
    return f"sim{seed}" if seed else "P01"
