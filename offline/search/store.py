"""All evaluations of a search, in SQLite. No subnet is computed twice; a killed search loses one generation at most."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bci_app.errors import FileError
from offline.supernet.space import ArchConfig

_SCHEMA = """
CREATE TABLE IF NOT EXISTS search (identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS evaluations (
    arch TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    embed_dim INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    parameters INTEGER NOT NULL,
    validation_accuracy REAL NOT NULL,
    validation_balanced_accuracy REAL NOT NULL,
    validation_loss REAL NOT NULL,
    latency_ms REAL,
    seconds REAL NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of a subnet on validation data.

    Attributes
    ----------
    parameters : int
        Size of the extracted subnet.
    accuracy, balanced_accuracy, loss : float
        Means over targets.
    latency_ms : float or None
        Median time of one window through the app's predictor; None if it was not measured.
    """

    parameters: int
    accuracy: float
    balanced_accuracy: float
    loss: float
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A subnet, its metrics, the generation that first evaluated it, and the seconds that this took.

    Subnets of a generation are computed together, so the first of them has most of the seconds.
    """

    arch: ArchConfig
    metrics: Metrics
    generation: int
    seconds: float


Evaluator = Callable[[Sequence[ArchConfig]], Iterable[Metrics]]
"""Returns the metrics of subnets on validation data, in their order; a search knows nothing else of any data."""


class EvaluationStore:
    """Evaluations on disk, looked up before anything is computed.

    Parameters
    ----------
    path : Path
        SQLite file, created if it is not there.
    identity : str
        What the metrics depend on (weights, validation data). A file of another identity is refused.
    evaluate : callable
        Returns the metrics of subnets that are not in the file.

    Raises
    ------
    FileError
        If the file is damaged or belongs to another search.
    """

    def __init__(self, path: Path, *, identity: str, evaluate: Evaluator) -> None:
        self._evaluate = evaluate
        self.computed = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        try:
            with self._transaction():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._connection.execute(statement)
                known = self._connection.execute("SELECT identity FROM search").fetchone()
                if known is None:
                    self._connection.execute("INSERT INTO search VALUES (?)", (identity,))
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise FileError(
                f"Cannot read the search {path.name}", found=str(error), fix="Delete it to search again."
            ) from error
        if known is not None and known[0] != identity:
            self._connection.close()
            raise FileError(
                f"{path.name} belongs to another search",
                found=f"identity {known[0][:12]}",
                expected=f"{identity[:12]} for these weights and data",
                fix="Search into another folder, or delete the file.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def evaluate(self, archs: Sequence[ArchConfig], generation: int) -> list[Evaluation]:
        """Return the evaluations of subnets. Those that are not in the file are computed together, each once.

        They are stored all or none: the last bits of a loss depend on what is computed together, so a search that was
        killed in the middle must compute the same subnets together again.
        """
        missing = [arch for arch in dict.fromkeys(archs) if self._known(arch) is None]
        start = time.perf_counter()
        new = []
        for arch, metrics in zip(missing, self._evaluate(missing) if missing else (), strict=True):
            now = time.perf_counter()
            new.append(Evaluation(arch, metrics, generation, now - start))
            start = now
        with self._transaction():
            for evaluation in new:
                self._insert(evaluation)
        self.computed += len(new)
        return [found for arch in archs if (found := self._known(arch)) is not None]

    def _insert(self, evaluation: Evaluation) -> None:
        arch, metrics = evaluation.arch, evaluation.metrics
        row = (
            arch.to_json(), evaluation.generation, arch.embed_dim, arch.depth, metrics.parameters, metrics.accuracy,
            metrics.balanced_accuracy, metrics.loss, metrics.latency_ms, evaluation.seconds,
        )  # fmt: skip
        self._connection.execute(f"INSERT INTO evaluations VALUES ({', '.join('?' * len(row))})", row)

    def _known(self, arch: ArchConfig) -> Evaluation | None:
        found = self._read("WHERE arch = ?", (arch.to_json(),))
        return found[0] if found else None

    def all(self) -> list[Evaluation]:
        """Return all evaluations in the order in which they were made."""
        return self._read("ORDER BY rowid", ())

    def _read(self, clause: str, values: tuple[str, ...]) -> list[Evaluation]:
        return _select(self._connection, clause, values)


def read_evaluations(path: Path) -> list[Evaluation]:
    """Return all evaluations of a finished search in the order in which they were made; the file stays as it is.

    Raises
    ------
    FileError
        If the file is missing or damaged.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return _select(connection, "ORDER BY rowid")
    except (sqlite3.Error, ValueError) as error:
        raise FileError(
            f"Cannot read the search {path}", found=str(error), fix="Run the command of the run again."
        ) from error


def _select(connection: sqlite3.Connection, clause: str, values: tuple[str, ...] = ()) -> list[Evaluation]:
    columns = (
        "arch, generation, seconds, parameters, validation_accuracy, validation_balanced_accuracy, "
        "validation_loss, latency_ms"
    )
    rows = connection.execute(f"SELECT {columns} FROM evaluations {clause}", values).fetchall()
    return [Evaluation(ArchConfig.from_json(row[0]), Metrics(*row[3:]), row[1], row[2]) for row in rows]
