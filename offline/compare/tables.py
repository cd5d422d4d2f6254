"""The rows of a comparison, from the files of finished runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from bci_app.bundle.provenance import EXPLAINED, weakness
from bci_app.errors import FileError
from offline.report import Report, analyse
from offline.report.methods import FOUND, MethodFigures
from offline.statistics import Comparison, compare_methods

SEED_FOLDERS = "seed-*"
"""Runs of one command with several seeds are in folders of this name."""

_LEAST_PEOPLE, _DRAWS = 5, 2000


@dataclass(frozen=True)
class MethodRow:
    """One method of one run, over all seeds.

    Attributes
    ----------
    run, dataset, protocol, held_out, target, method : str
        What it is of. `held_out` describes the protocol.
    leaks : bool
        Whether the protocol leaks.
    seeds : int
        How many.
    people : int
        How many have their own balanced accuracy.
    balanced_accuracy, spread : float
        Mean over seeds, and standard deviation over them (0 for one).
    low, high : float or None
        95 % interval over people, each by the mean over the seeds; None for several seeds of fewer than five people.
    rolling, trials : float or None
        Balanced accuracy of the rolling mean, and of whole trials; means over seeds.
    chance, chance_upper, chance_p : float
        Under permuted labels: mean, 95 % quantile, and the largest p over the seeds.
    difference, effect, p_holm, p_wilcoxon : float or None
        The found subnets less this method, over people, each person's mean over the seeds.
    explained : int
        Seeds in which the score is above chance and controls explain it.
    """

    run: str
    dataset: str
    protocol: str
    held_out: str
    leaks: bool
    target: str
    method: str
    seeds: int
    people: int
    balanced_accuracy: float
    spread: float
    low: float | None
    high: float | None
    rolling: float | None
    trials: float
    chance: float
    chance_upper: float
    chance_p: float
    difference: float | None
    effect: float | None
    p_holm: float | None
    p_wilcoxon: float | None
    explained: int


@dataclass(frozen=True)
class RunRow:
    """The found subnets of one run beside those of the first, over the people of both."""

    dataset: str
    protocol: str
    target: str
    first: str
    other: str
    comparison: Comparison


@dataclass(frozen=True)
class CompareTables:
    """All that a comparison shows."""

    methods: tuple[MethodRow, ...]
    runs: tuple[RunRow, ...]


@dataclass(frozen=True)
class _Group:
    """The runs that differ in their seed alone."""

    name: str
    reports: tuple[Report, ...]


def compare(folders: Sequence[Path]) -> CompareTables:
    """Set finished runs side by side.

    Raises
    ------
    FileError
        If there is none, or one is not finished or damaged.
    """
    groups = _groups([run for folder in folders for run in _runs_in(folder)])
    rows = tuple(row for group in groups for row in _method_rows(group))
    return CompareTables(rows, tuple(_run_rows(groups)))


def csv_text(tables: CompareTables) -> str:
    """Return the rows of the methods as CSV."""
    written = io.StringIO()
    rows = csv.DictWriter(written, [field.name for field in fields(MethodRow)], lineterminator="\n")
    rows.writeheader()
    rows.writerows(
        {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in asdict(row).items()}
        for row in tables.methods
    )
    return written.getvalue()


def _runs_in(folder: Path) -> list[Path]:
    seeds = sorted(folder.glob(SEED_FOLDERS))
    if not folder.is_dir():
        raise FileError(
            f"There is no run {folder}", expected="the folder of a finished run", fix="Name folders of finished runs."
        )
    return seeds or [folder]


def _groups(runs: Sequence[Path]) -> list[_Group]:
    """Put runs together that differ in their seed alone; each has the name of its folder."""
    found: dict[str, list[tuple[Path, Report]]] = {}
    for run in runs:
        report = analyse(run)
        settings = report.record.settings.model_copy(update={"seed": 0}).model_dump_json()
        found.setdefault(settings, []).append((run, report))
    groups = []
    for members in found.values():
        first = members[0][0].resolve()
        name = first.parent.name if first.match(SEED_FOLDERS) else first.name
        groups.append(_Group(name, tuple(report for _, report in members)))
    return groups


def _methods(group: _Group, protocol: int, target: int) -> dict[str, list[MethodFigures]]:
    """Return the figures of each method, one for each seed that has it."""
    found: dict[str, list[MethodFigures]] = {}
    for report in group.reports:
        for method in report.protocols[protocol].targets[target].methods:
            found.setdefault(method.kind, []).append(method)
    return found


def _people(figures: Sequence[MethodFigures]) -> dict[str, float]:
    """Return each person's balanced accuracy, the mean over the seeds that have one."""
    names = dict.fromkeys(name for each in figures for name in each.people)
    return {name: float(np.mean([each.people[name] for each in figures if name in each.people])) for name in names}


def _interval(people: dict[str, float], figures: Sequence[MethodFigures]) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the mean over people (percentile bootstrap, 2000 draws)."""
    if len(figures) == 1 or len(people) < _LEAST_PEOPLE:
        return figures[0].score.interval if len(figures) == 1 and figures[0].score.interval else (None, None)
    own = np.array(list(people.values()))
    drawn = own[np.random.default_rng(0).integers(len(own), size=(_DRAWS, len(own)))].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _method_rows(group: _Group) -> list[MethodRow]:
    first, rows = group.reports[0], []
    for p, protocol in enumerate(first.protocols):
        for t, target in enumerate(protocol.targets):
            methods = _methods(group, p, t)
            own = {kind: _people(figures) for kind, figures in methods.items()}
            others = {kind: people for kind, people in own.items() if kind != FOUND}
            compared = {each.method: each for each in compare_methods(own[FOUND], others)}
            for kind, figures in methods.items():
                scores = [each.score.balanced_accuracy for each in figures]
                rolling = [v for each in figures if (v := each.score.rolling_balanced_accuracy) is not None]
                low, high = _interval(own[kind], figures)
                beside = compared.get(kind)
                rows.append(
                    MethodRow(
                        run=group.name,
                        dataset=first.record.dataset.name,
                        protocol=protocol.name,
                        held_out=protocol.description,
                        leaks=protocol.leaks,
                        target=target.target,
                        method=figures[0].title,
                        seeds=len(figures),
                        people=len(own[kind]),
                        balanced_accuracy=float(np.mean(scores)),
                        spread=float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0,
                        low=low,
                        high=high,
                        rolling=float(np.mean(rolling)) if rolling else None,
                        trials=float(np.mean([each.trial_balanced_accuracy for each in figures])),
                        chance=float(np.mean([each.chance for each in figures])),
                        chance_upper=float(np.mean([each.chance_upper for each in figures])),
                        chance_p=max(each.chance_p for each in figures),
                        difference=beside.difference if beside else None,
                        effect=beside.effect if beside else None,
                        p_holm=beside.p_holm if beside else None,
                        p_wilcoxon=beside.p_wilcoxon if beside else None,
                        explained=sum(weakness(each.score, target.chance) == EXPLAINED for each in figures),
                    )
                )
    return rows


def _run_rows(groups: Sequence[_Group]) -> list[RunRow]:
    """Compare the found subnets of the first run of each data set, protocol and target with those of the others."""
    found: dict[tuple[str, str, str], dict[str, dict[str, float]]] = {}
    for group in groups:
        first = group.reports[0]
        for p, protocol in enumerate(first.protocols):
            for t, target in enumerate(protocol.targets):
                key = first.record.dataset.name, protocol.name, target.target
                found.setdefault(key, {})[group.name] = _people(_methods(group, p, t)[FOUND])
    rows = []
    for (dataset, protocol_name, target_name), runs in found.items():
        name, *others = runs
        compared = compare_methods(runs[name], {other: runs[other] for other in others})
        rows += [RunRow(dataset, protocol_name, target_name, name, each.method, each) for each in compared]
    return rows
