"""What the offline commands show on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from bci_app.bundle.spec import TargetScore
from bci_app.errors import DatasetError
from offline.datasets import Damage, DatasetRow
from offline.protocols import LEAK_WARNING

REPLACED_BY = {"interpolate": "interpolation", "rest": "their rest"}
"""What stands for bad channels, in words."""

if TYPE_CHECKING:  # they bring torch, which not every command needs
    from offline.compare import CompareTables
    from offline.elastic.shipping import Study
    from offline.run import RunRecord
    from offline.run.answers import AnswerScore
    from offline.run.evaluate import EvaluationResult
    from offline.run.record import ProtocolRecord
    from offline.run.watch import Progress as Watched


def _progress(console: Console, *, transient: bool = False) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    left = TextColumn("left"), TimeRemainingColumn()
    return Progress(*columns, *left, console=console, transient=transient)


@contextmanager
def bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show one progress bar; gives what is called with the steps done and all."""
    with _progress(Console(), transient=True) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def download_bar() -> Iterator[Callable[[int, int, str, int, int | None], None]]:
    """Show the progress of a download: the number of the file and its bytes."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda number, files, path, here, size: progress.update(
            task, description=f"{number} of {files}: {path}", completed=here, total=size
        )


def datasets_table(rows: Sequence[DatasetRow]) -> None:
    """Show what data sets there are and whether they are here."""
    console = Console()
    for row in rows:
        mark = "[green]●[/green]" if row.held else "○"
        info = row.info
        console.print(f"{mark} [bold]{info.name}[/bold]  {info.title}", highlight=False)
        lines = Table.grid(padding=(0, 2, 0, 2))
        lines.add_column(no_wrap=True)
        lines.add_column()
        cells = {"here": row.found, "from": info.source, "obtain": info.obtain, "terms": info.licence}
        for name, text in (cells | {"files": info.expected_files}).items():
            lines.add_row(name, Text(text))
        console.print(lines)
        console.print()


class RunDisplay:
    """Progress bars of a run, and its final tables."""

    def __init__(self) -> None:
        self._console = Console()
        self._progress = _progress(self._console)
        self._tasks: dict[str, TaskID] = {}
        self._networks = 0
        self._done: set[str] = set()

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

    def skipped(self, subject: str, reason: DatasetError) -> None:
        """Show that a subject is left out."""
        self._console.print(f"{subject} is left out: {reason}", style="yellow", highlight=False)

    def damaged(self, found: Damage) -> None:
        """Show what is wrong with the data."""
        self._console.print(f"{found.what}: {found.why}", style="yellow", highlight=False)

    def networks(self, total: int) -> None:
        """Take the number of networks, or of baselines after them."""
        self._networks, self._done = total, set()
        self._update("networks", "networks", 0, total)

    def progress(self, progress: Watched) -> None:
        """Show how far one network is; bars of those that are done go away."""
        from offline.run.watch import DONE

        if progress.stage == DONE:
            self._done.add(progress.network)  # a network that was finished elsewhere is reported again
            self._update("networks", "networks", len(self._done), self._networks)
            if progress.network in self._tasks:
                self._progress.remove_task(self._tasks.pop(progress.network))
            return
        self._update(progress.network, f"  {progress.network}: {progress.stage}", progress.done, progress.total)

    def stage(self, name: str) -> None:
        """Show what comes after the networks."""
        self._console.print(name)

    def _update(self, key: str, description: str, done: int, total: int) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(description, total=total)
        self._progress.update(self._tasks[key], description=description, completed=done, total=total)


def run_tables(record: RunRecord) -> None:
    """Show the scores of every protocol, and what was exported."""
    console = Console()
    for protocol in record.protocols:
        console.print(_scores_table(record, protocol))
        if protocol.leaks:
            console.print(f"{protocol.name} {LEAK_WARNING}", style="yellow")
        if protocol.search:
            console.print(_search_table(protocol))
            for search in protocol.search:
                console.print(f"{search.target}: {search.verdict}", highlight=False)
    if len(record.protocols) > 1:
        console.print(_side_by_side(record))
        for protocol in record.protocols:
            if protocol.leaks:
                console.print(f"{protocol.name} {LEAK_WARNING}", style="yellow")
    console.print(f"reference: {record.reference_method}, same windows and folds")
    if record.dataset.synthetic:
        console.print("synthetic data: the scores say nothing about people", style="yellow")
    _costs(console, record)
    parameters = sum(network.parameters for network in record.final)
    console.print(
        f"{parameters} parameters · {record.model_bytes / 1e6:.2f} MB · {record.latency_ms:.2f} ms a window · "
        f"{record.seconds / 60:.1f} min"
    )


def _search_table(protocol: ProtocolRecord) -> Table:
    table = Table(title=f"What the search was compared with, protocol {protocol.name}", box=box.SIMPLE_HEAD)
    table.title_justify = "left"
    for heading in ("target", "control"):
        table.add_column(heading)
    for heading in ("parameters", "balanced\naccuracy", "found\nless this", "p,\nHolm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for search in protocol.search:
        table.add_row(search.target, "found subnet", f"{search.parameters:.0f}", f"{search.found:.3f}", "", "")
        for rival in search.rivals:
            figures = f"{rival.parameters:.0f}", f"{rival.balanced_accuracy:.3f}", f"{rival.difference:+.3f}"
            table.add_row("", rival.title, *figures, "–" if rival.p is None else f"{rival.p:.3f}")
    return table


def _costs(console: Console, record: RunRecord) -> None:
    """Show what 8-bit weights and bad channels cost, where that was measured."""
    if costs := record.quantisation:
        losses = ", ".join(f"{score.loss:+.3f} ({score.target})" for score in costs.scores)
        console.print(
            f"8-bit weights: {record.model_bytes / 1e6:.3f} of {costs.float_bytes / 1e6:.3f} MB, "
            f"{costs.latency_ms:.2f} for {costs.float_latency_ms:.2f} ms a window, balanced accuracy lost {losses}",
            highlight=False,
        )
    if record.bad_channel_losses:
        table = Table(title="Balanced accuracy lost by bad channels", title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column("")
        table.add_column("replaced by")
        for heading in ("channels", "throughout", "after rest"):
            table.add_column(heading, justify="right")
        for loss in record.bad_channel_losses:
            figures = str(loss.channels), f"{loss.loss:+.3f}", f"{loss.loss_after_rest:+.3f}"
            table.add_row(loss.target.replace("_", " "), REPLACED_BY[loss.method], *figures)
        console.print(table)
        n = len(record.preprocessing.channels)
        allowed = f"the bundle allows {int(n * record.max_bad_share)} of {n} channels to be bad"
        console.print(f"{allowed}, replaced by {REPLACED_BY[record.bad_channels]}", highlight=False)


def comparison_table(tables: CompareTables) -> None:
    """Show the methods of several runs, a table for each run, protocol and target."""
    console = Console()
    headings = "balanced\naccuracy", "over\nseeds", "whole\ntrials", "p,\nchance", "found\nless this", "p,\nHolm"
    for (run, dataset, protocol, leaks, target), rows in groupby(
        tables.methods, lambda row: (row.run, row.dataset, row.protocol, row.leaks, row.target)
    ):
        title = f"{run}: {dataset}, protocol {protocol}{' (leaks)' if leaks else ''}, {target.replace('_', ' ')}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("method")
        for heading in headings:
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            spread = f"±{row.spread:.3f}" if row.seeds > 1 else ""
            figures = f"{row.balanced_accuracy:.3f}", spread, f"{row.trials:.3f}", f"{row.chance_p:.3f}"
            tests = ("", "") if row.difference is None else (f"{row.difference:+.3f}", f"{row.p_holm:.3f}")
            table.add_row(row.method, *figures, *tests)
        console.print(table)


def evaluation_table(results: Sequence[EvaluationResult], references: Sequence[EvaluationResult] = ()) -> None:
    """Show what a bundle reached on recordings, and beside it what a reference reached on the same windows."""
    from offline.run.reference import REFERENCE_NAME

    console = Console()
    for result in results:
        shown = [result, *(beside for beside in references if beside.target == result.target)]
        table = Table(title=result.target.replace("_", " "), title_justify="left")
        table.add_column("subject")
        headings = ["windows", "balanced\naccuracy", "rolling\n10 s"]
        for heading in headings if len(shown) == 1 else [*headings, "reference\nbalanced", "rolling\n10 s"]:
            table.add_column(heading, justify="right")
        for name, score in result.subjects.items():
            scores = [one.subjects[name] for one in shown]
            figures = [f"{v:.3f}" for s in scores for v in (s.balanced_accuracy, s.rolling_balanced_accuracy)]
            table.add_row(name, str(score.windows), *figures)
        table.add_section()
        figures = [f"{v:.3f}" for one in shown for v in (one.balanced_accuracy, one.rolling_balanced_accuracy)]
        table.add_row("all", str(result.windows), *figures, style="bold")
        console.print(table)
        console.print(f"expected calibration error {result.ece:.3f}", highlight=False)
        if result.answers is not None:
            console.print(_answers_line(result.answers), highlight=False)
        if len(shown) > 1:
            others = f"fitted for each subject on the other {len(result.subjects) - 1} of these recordings"
            console.print(f"reference: {REFERENCE_NAME}, {others}; same windows", highlight=False)


def study_table(study: Study) -> None:
    """Show what an elastic head reached on people held out, for each headset, beside the swap test."""
    from offline.elastic.shipping import ANY_OF, any_of

    table = Table(
        title=f"{study.info.title}, people held out",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,  # eight columns fit a terminal of 80
    )
    table.add_column("electrodes", no_wrap=True)
    headings = (
        "windows\n",
        "rolling\n10 s",
        "ECE\n",
        "ans-\nwered",
        "of them\nrolling",
        "cover-\nage",
        "swap:\nhigh",
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    sizes = {name: f" ({len(people[0].spec.channels)})" for name, people in study.people.items()}
    for name in (*sizes, *map(any_of, ANY_OF)):
        found, controls = study.summary(name), study.controls(name)
        figures = [found.balanced, found.rolling, found.calibration_error]
        figures += [found.answers.share, found.answers.rolling_balanced_accuracy, found.answers.coverage]
        if controls.swap is not None:
            figures.append(controls.swap.rest_high)
        table.add_row(f"{name}{sizes.get(name, '')}", *(f"{figure:.3f}" for figure in figures))
    Console().print(table)
    lines = [f"28 to 45 Hz alone, all electrodes: {study.muscle_only:.3f} of windows"]
    lines += [
        f"fitted to {name} alone: windows {found.balanced:.3f}, rolling {found.rolling:.3f}"
        for name, found in study.retrained.items()
    ]
    Console().print("\n".join(lines), highlight=False)


def _answers_line(answers: AnswerScore) -> str:
    parts = [f"answered {100 * answers.share:.0f} % of the windows"]
    if answers.rolling_balanced_accuracy is not None:
        parts.append(f"rolling balanced accuracy of these {answers.rolling_balanced_accuracy:.3f}")
    if answers.coverage is not None:
        parts.append(f"sets hold the true class in {100 * answers.coverage:.0f} %")
    if answers.auc_within is not None:
        parts.append(f"AUC within people {answers.auc_within:.3f}")
    if answers.swap is not None:
        swap = answers.swap
        parts.append(f"swap test: rest called high {swap.rest_high:.2f}, task called high {swap.task_high:.2f}")
    return "; ".join(parts)


def _scores_table(record: RunRecord, protocol: ProtocolRecord) -> Table:
    title = f"{record.dataset.title}, protocol {protocol.name}"
    title += ", each subject scored apart" if protocol.within_subject else ""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", min_width=14)
    headings = (
        "balanced\naccuracy",
        "95 %",
        "rolling\n10 s",
        "accuracy",
        "majority\nbaseline",
        "ECE\n",
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for index, target in enumerate(record.targets):
        table.add_section()
        table.add_row(f"[bold]{target.title}[/bold]")
        titles = {"found": record.networks_title} | _KINDS | {b.name: b.title for b in record.baselines}
        for kind, label in titles.items():
            if kind in protocol.scores and (kind != "inherited" or record.settings.preset.finetune):
                table.add_row(label, *_cells(protocol.scores[kind][index]))
    return table


def _side_by_side(record: RunRecord) -> Table:
    table = Table(title=f"Balanced accuracy of the {record.networks_title}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for protocol in record.protocols:
        table.add_column(f"{protocol.name}\n(leaks)" if protocol.leaks else f"{protocol.name}\n", justify="right")
    for index, target in enumerate(record.targets):
        scores = [protocol.scores["found"][index] for protocol in record.protocols]
        table.add_row(target.title, *(f"{score.balanced_accuracy:.3f}" for score in scores))
    return table


_KINDS = {
    "int8": "  8-bit weights",
    "subnet": "  network alone",
    "inherited": "  inherited",
    "supernet": "largest, untuned",
    "reference": "reference",
}


def _cells(score: TargetScore) -> list[str]:
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


def bench_table(found: dict[str, Any]) -> None:
    """Print what `bci-offline bench` measured."""
    table = Table(title=f"{found['device']}, {found['threads']} threads", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("", "rate", "over the reference"):
        table.add_column(column, justify="right" if column else "left")
    for kind, unit in (("training", "samples/s"), ("search", "candidates/s")):
        for case, rates in found[kind].items():
            for name, rate in rates.items():
                if rate is not None:
                    ratio = found["ratios"][f"{kind}.{case}"][name]
                    table.add_row(f"{kind}, {case}, {name}", f"{rate:.4g} {unit}", f"{ratio:.2f}")
    for name, hours in found["projected_hours"].items():
        table.add_row(f"full table of {name}, projected", f"{hours:.4g} h", "")
    Console().print(table)
