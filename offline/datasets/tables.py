"""Tab-separated tables of labels, as BIDS defines them."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

from bci_app.errors import DatasetError
from offline.datasets.files import natural

_MISSING = ("", "n/a")
# Classes with a well-known order are not sorted by the alphabet.
_ORDERS = (("low", "medium", "high"), ("negative", "neutral", "positive"), ("no", "yes"), ("rest", "task"))


def read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a table.

    Returns
    -------
    columns : list of str
        Names in lower case.
    rows : list of dict
        Cells by column, without the spaces around them.

    Raises
    ------
    DatasetError
        If it cannot be read, or a column is there twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t", restkey="", restval="n/a")
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            lines = [[(value or "").strip() for value in list(row.values())[: len(columns)]] for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"Cannot read {path.name}", found=str(error), expected="a tab-separated table") from error
    if len(set(columns)) != len(columns):
        raise DatasetError(f"{path.name} has a column twice", found=", ".join(columns), expected="each column once")
    return columns, [dict(zip(columns, line, strict=True)) for line in lines]


def is_missing(text: str) -> bool:
    """Return True for an empty cell or ``n/a``."""
    return text.lower() in _MISSING


def is_number(text: str) -> bool:
    """Return True if a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_number(text: str, what: str, where: str) -> float:
    """Return the number in a cell.

    Raises
    ------
    DatasetError
        If it is not a finite number.
    """
    if not is_number(text) or not math.isfinite(float(text)):
        raise DatasetError(f"The {what} of {where} is not a number", found=repr(text), expected="a number")
    return float(text)


def target_name(column: str) -> str:
    """Return the name of the target that a column of labels makes."""
    name = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
    return name if name[:1].isalpha() else f"label_{name}"


def classes_of(name: str, words: set[str]) -> tuple[str, ...]:
    """Return the classes of a column of words in their order.

    Raises
    ------
    DatasetError
        If there is one class only.
    """
    if len(words) < 2:
        raise DatasetError(f"Column {name} has one class only", found=", ".join(words), expected="two or more")
    for order in _ORDERS:
        if words <= set(order):
            return tuple(word for word in order if word in words)
    return tuple(sorted(words, key=natural))
