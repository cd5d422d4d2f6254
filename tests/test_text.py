"""Text from outside is shown, never obeyed."""

from __future__ import annotations

import pytest

from bci_app.text import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größer 5 µV ⚑ 頭", "größer 5 µV ⚑ 頭"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\u202eb\u2028c", "a\\u202eb\\u2028c"),
        ("no\u00a0break", "no\u00a0break"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_would_act_on_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable_lines(f"{text}\n{text}").split("\n")[0] == shown.replace("\n", "")
