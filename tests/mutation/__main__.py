"""Change the core in one place at a time, and see whether its tests notice: ``python -m tests.mutation``.

The places are drawn at random, each as likely as the others. A mutant runs in a process forked from this one,
which has loaded the heavy libraries; the files on disk stay as they are.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import parso
import pytest
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.provider import OperatorProvider

from tests.mutation.modules import MODULES

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
# Those that name what no program has: another exception, a variable of another place, a missing decorator.
_LEFT_OUT = ("ExceptionReplacer", "VariableReplacer", "VariableInserter", "RemoveDecorator")
_HEAVY = ("torch._dynamo", "scipy.signal", "sklearn.metrics", "onnx", "pymoo", "mne", "pydantic")
_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # of plugins that were loaded before the fork
_SECONDS = 240


class Mutant(NamedTuple):
    """A module with one place changed."""

    module: str
    source: str
    line: int
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.module}: {self.was.strip()} -> {self.now.strip()}"


def path_of(module: str) -> Path:
    """Return the file of a module."""
    return ROOT / (module.replace(".", "/") + ".py")


def places(source: str) -> Iterator[tuple[tuple[int, int], str, int]]:
    """Return where something can be changed: position, operator, and which occurrence it is for that operator."""
    tree = parso.parse(source)
    for name in OperatorProvider():
        if name.startswith(_LEFT_OUT):
            continue
        operator, occurrence, nodes = OperatorProvider()[name](), 0, [tree]
        while nodes:
            node = nodes.pop()
            for start, _ in operator.mutation_positions(node):
                yield start, name, occurrence
                occurrence += 1
            nodes.extend(reversed(getattr(node, "children", [])))


def mutant(module: str, source: str, operator: str, occurrence: int) -> Mutant | None:
    """Change a place, or return None where that cannot change a result."""
    changed = MutationVisitor.mutate_code(source, OperatorProvider()[operator](), occurrence)
    if changed is None or meaning(changed) in (None, meaning(source)):
        return None
    lines = [line for line in difflib.ndiff(source.splitlines(), changed.splitlines()) if line[0] in "+-"]
    number = next(
        n for n, (a, b) in enumerate(zip(source.splitlines(), changed.splitlines(), strict=False), 1) if a != b
    )
    was, now = (" ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return Mutant(module, changed, number, was, now)


def meaning(source: str) -> str | None:
    """Return what decides the results of a source: no annotation, no size of a cache, no guard of lengths."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.keyword) and node.arg in ("strict", "slots", "maxsize"):
            node.value = ast.Constant(None)
    return ast.dump(tree)


def draw(modules: list[str], sample: int, seed: int) -> Iterator[Mutant]:
    """Return mutants of random places of these modules, `sample` of them where there are as many."""
    rng = random.Random(seed)
    found: dict[tuple[str, tuple[int, int]], list[tuple[str, int]]] = {}
    sources = {module: path_of(module).read_text(encoding="utf-8") for module in modules}
    for module, source in sources.items():
        for position, operator, occurrence in places(source):
            found.setdefault((module, position), []).append((operator, occurrence))
    order = sorted(found)
    rng.shuffle(order)
    for place in order:
        changed = mutant(place[0], sources[place[0]], *rng.choice(found[place]))
        if changed is not None and sample > 0:
            sample -= 1
            yield changed


class Loader(SourceFileLoader):
    """Loads a mutant instead of the file."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec")


class Finder(MetaPathFinder):
    """Finds one mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        loader = Loader(fullname, str(path_of(fullname)))
        loader.source = self._mutant.source
        return importlib.util.spec_from_file_location(fullname, path_of(fullname), loader=loader)


def survives(mutant: Mutant | None, tests: tuple[str, ...]) -> bool:
    """Return whether all tests pass with a mutant; with None they run as they are."""
    child = os.fork()
    if child == 0:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        if mutant is not None:
            sys.meta_path.insert(0, Finder(mutant))
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", *_QUIET, *tests])
        os._exit(int(code))
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main() -> None:
    """Print a line for each mutant and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--modules", nargs="*", choices=MODULES, default=list(MODULES), metavar="MODULE")
    given = parser.parse_args()
    os.environ.update(QT_QPA_PLATFORM="offscreen", OMP_NUM_THREADS="1")
    for name in _HEAVY:
        importlib.import_module(name)
    known = {line for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")}
    table: dict[str, list[int]] = {}
    for one in draw(given.modules, given.sample, given.seed):
        if one.module not in table and not survives(None, MODULES[one.module]):
            sys.exit(f"The tests of {one.module} fail without any change. Run them first: {MODULES[one.module]}")
        row = table.setdefault(one.module, [0, 0, 0])
        place = 1 if str(one) in known else 2 if survives(one, MODULES[one.module]) else 0
        row[place] += 1
        print(("killed    ", "equivalent", "SURVIVED  ")[place], f"line {one.line:3}", one, flush=True)  # noqa: T201
    total = [sum(column) for column in zip(*table.values(), strict=True)]
    print(f"\n{'module':45} killed  equivalent  survived")  # noqa: T201
    for name, row in [*sorted(table.items()), ("all", total)]:
        print(f"{name:45} {row[0]:6}  {row[1]:10}  {row[2]:8}")  # noqa: T201
    share = total[0] / max(1, total[0] + total[2])
    print(f"{100 * share:.0f} % of {total[0] + total[2]} mutants killed")  # noqa: T201
    sys.exit(share < 0.9)


if __name__ == "__main__":
    main()
