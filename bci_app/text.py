"""Text that came from outside: streams, files, other programs."""

import unicodedata


def printable(text: str) -> str:
    r"""Escape characters that would act on a terminal or a page instead of being shown.

    Control characters, direction marks, line separators and lone surrogates become ``\x1b``, ``\u202e`` and so on.
    Spaces of any kind stay.
    """
    if text.isprintable():
        return text
    return "".join(character if _is_shown(character) else _escaped(character) for character in text)


def printable_lines(text: str) -> str:
    """Escape as `printable`, but keep line breaks."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _is_shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
