"""What the offline commands show on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bci_app.bundle.spec import Score
from offline.datasets import DatasetRow
from offline.protocols import LEAK_WARNING
from offline.run import RunResult
from offline.run.fold import Progress as FoldProgress


def _progress(console: Console, *, transient: bool = False) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=console, transient=transient)


@contextmanager
def bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show one progress bar; gives what is called with the steps done and all."""
    with _progress(Console(), transient=True) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def datasets_table(rows: Sequence[DatasetRow]) -> None:
    """Show what data sets there are and whether they are here."""
    console = Console()
    for row in rows:
        mark = "[green]●[/green]" if row.held else "○"
        console.print(f"{mark} [bold]{row.name}[/bold]  {row.title}", highlight=False)
        lines = Table.grid(padding=(0, 2, 0, 2))
        lines.add_column(no_wrap=True)
        lines.add_column()
        cells = {"here": row.found, "from": row.source, "obtain": row.obtain, "terms": row.licence}
        for name, text in (cells | {"files": row.expected_files}).items():
            lines.add_row(name, Text(text))
        console.print(lines)
        console.print()


class RunDisplay:
    """Progress bars of a run, and its final table."""

    def __init__(self) -> None:
        self._console = Console()
        self._progress = _progress(self._console)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def windows(self, done: int, total: int) -> None:
        """Show the subjects whose windows are made."""
        self._update("windows", "windows: subjects", done, total)

    def fold(self, progress: FoldProgress) -> None:
        """Show how far a fold is."""
        self._update(progress.fold, f"{progress.fold}: {progress.stage}", progress.done, progress.total)

    def stage(self, name: str) -> None:
        """Say what a run does when no bar does."""
        if name in ("scores", "export"):
            self._progress.console.print(name)

    def _update(self, key: str, description: str, done: int, total: int) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(description, total=total)
        self._progress.update(self._tasks[key], description=description, completed=done, total=total)

    def table(self, result: RunResult) -> None:
        """Show the scores, what was exported, and how to use it."""
        provenance = result.bundle.spec.provenance
        table = Table(title=f"{provenance.dataset}, protocol {provenance.protocol}", title_justify="left")
        table.add_column("", min_width=14)
        headings = (
            "balanced\naccuracy",
            "95 %",
            "rolling\n10 s",
            "accuracy",
            "majority\nbaseline",
            "calibration\nerror",
        )
        for heading in headings:
            table.add_column(heading, justify="right", no_wrap=True)
        for index, score in enumerate(result.scores):
            table.add_section()
            table.add_row(f"[bold]{score.target.replace('_', ' ')}[/bold]")
            table.add_row("found subnet", *_cells(score))
            if result.inherited[index] != score:
                table.add_row("  inherited", *_cells(result.inherited[index]))
            table.add_row("largest subnet", *_cells(result.supernet[index]))
            if result.reference:
                table.add_row("reference", *_cells(result.reference[index]))
        self._console.print(table)
        if provenance.leaks:
            self._console.print(f"{provenance.protocol} {LEAK_WARNING}", style="yellow")
        if result.scores[0].reference_method:
            self._console.print(f"reference: {result.scores[0].reference_method}, same windows and folds")
        spec = result.bundle.spec
        parameters = sum(subnet.parameters for subnet in spec.architecture)
        self._console.print(
            f"{parameters} parameters · {spec.model_bytes / 1e6:.2f} MB · {result.latency_ms:.2f} ms a window · "
            f"{result.seconds / 60:.1f} min"
        )
        self._console.print(f"bundle: {result.bundle.folder}", soft_wrap=True)


def _cells(score: Score) -> list[str]:
    interval = "" if score.interval is None else f"{score.interval[0]:.3f}–{score.interval[1]:.3f}"
    optional = [
        "" if value is None else f"{value:.3f}"
        for value in (score.rolling_balanced_accuracy, score.expected_calibration_error)
    ]
    return [
        f"{score.balanced_accuracy:.3f}",
        interval,
        optional[0],
        f"{score.accuracy:.3f}",
        f"{score.majority_baseline:.3f}",
        optional[1],
    ]
