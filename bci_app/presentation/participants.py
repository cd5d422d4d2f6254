"""Codes of participants. No Qt."""

from __future__ import annotations

import re


def next_code(code: str) -> str:
    """Return the code after one that ends in digits, such as P08 after P07; empty for any other code."""
    found = re.fullmatch(r"(.*?)(\d+)", code)
    if found is None:
        return ""
    stem, number = found.groups()
    return f"{stem}{int(number) + 1:0{len(number)}d}"
