"""Tests go through what a user sees: none reads a private member of the project."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
FOREIGN = {"_exit", "_tickLevels"}  # of `os` and pyqtgraph


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in FOREIGN


def private_members(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each private member of another object or module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("bci_app", "offline")):
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setattr"):
            names = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            yield from ((node.lineno, name) for name in names if is_private(name.rpartition(".")[2]))


def test_no_test_reads_a_private_member() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for line, name in private_members(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, "\n".join(found)
