"""Scores of the protocols of a run, with baselines and controls beside those of the found subnets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.spec import PreprocessingSpec
from offline.baselines import REFERENCE as REFERENCE_BASELINE
from offline.baselines import Baseline
from offline.baselines.distance import rest_distances
from offline.datasets.base import WindowSet
from offline.run.bad_channels import FoldNetwork
from offline.run.baselines import BaselineFrame, BaselineTask, Probabilities, baseline_tasks, over_all_windows
from offline.run.comparison import compare_search
from offline.run.controls import Probe, attributions, explained, measure_controls
from offline.run.data import RunData
from offline.run.fold import SUBNET, FoldResult, Task, read_subnet
from offline.run.plan import Plan
from offline.run.record import (
    PREDICTIONS_CSV,
    PREDICTIONS_FILE,
    REFERENCE,
    LeakRecord,
    NetworkRecord,
    ProtocolRecord,
    ScoredWindows,
)
from offline.run.reference import require_same_windows
from offline.run.scores import pooled, protocol_scores, tested
from offline.run.settings import RunSettings
from offline.run.shipping import with_int8
from offline.run.watch import Watch
from offline.run.workers import run_tasks
from offline.statistics import measure_leak

Results = Sequence[tuple[Task, FoldResult]]


def results_of(plan: Plan, results: Results) -> list[tuple[Task, FoldResult]]:
    """Return the results of the networks of a plan."""
    return [(task, result) for task, result in results if any(task.split is split for split in plan.splits)]


def network_records(out: Path, results: Results) -> tuple[NetworkRecord, ...]:
    """Record the networks of some results, by their folder under that of the run."""
    return tuple(NetworkRecord.of(str(task.folder.relative_to(out)), result.summary) for task, result in results)


class Scoring:
    """Scores of the protocols of a run: the found subnets, the baselines beside them, and the controls.

    Parameters
    ----------
    settings : RunSettings
        Of the run.
    out : Path
        The run's folder.
    data : RunData
        Makes windows.
    spec : PreprocessingSpec
        What makes the tokens of the networks.
    windows : WindowSet
        All windows as the networks see them.
    plans : sequence of Plan
        One for each protocol.
    compared : sequence of Baseline
        The methods that were asked for; the reference is always there.
    int8 : bool
        Whether 8-bit weights are scored too.
    """

    def __init__(
        self,
        settings: RunSettings,
        out: Path,
        data: RunData,
        spec: PreprocessingSpec,
        windows: WindowSet,
        plans: Sequence[Plan],
        compared: Sequence[Baseline],
        *,
        int8: bool,
    ) -> None:
        self.settings, self.out, self.data, self.spec, self.windows = settings, out, data, spec, windows
        self.plans, self.int8 = plans, int8
        self.compared = [baseline for baseline in compared if baseline is not REFERENCE_BASELINE]

    def score(self, results: Results, processes: int, watch: Watch) -> list[ProtocolRecord]:
        """Score every protocol, with the baselines on the same windows and splits beside it."""
        tasks = {plan.protocol.name: self._baseline_tasks(plan) for plan in self.plans}
        everything = [task for of_plan in tasks.values() for task in of_plan]
        watch.stage("baselines")
        watch.networks(len(everything))
        features = self._features()
        frame = BaselineFrame(self.settings.preset, features)
        # The reference alone is a matter of seconds: no process is started for it.
        found = run_tasks(frame, everything, processes=processes if self.compared else 1, report=watch.progress)
        done = list(zip(everything, found, strict=True))
        watch.stage("scores")
        return [
            self._score(
                plan,
                [each for each in done if any(each[0] is task for task in tasks[plan.protocol.name])],
                results_of(plan, results),
                features=features[REFERENCE_BASELINE.name][0],
            )
            for plan in self.plans
        ]

    def _baseline_tasks(self, plan: Plan) -> list[BaselineTask]:
        names = [baseline.name for baseline in (REFERENCE_BASELINE, *self.compared)]
        return baseline_tasks(names, plan.splits, plan.folder, seed=self.settings.seed)

    def _features(self) -> dict[str, tuple[WindowSet, PreprocessingSpec]]:
        """Make the windows as every baseline sees them; those of like preprocessing are made once."""
        referenced = self.data.dataset.info.referenced
        made: dict[PreprocessingSpec, WindowSet] = {self.spec: self.windows}
        features = {}
        for baseline in (REFERENCE_BASELINE, *self.compared):
            spec = baseline.inputs(self.spec, referenced)
            if spec not in made:
                made[spec] = self.data.windows(spec)
                require_same_windows(self.windows, made[spec])
            features[baseline.name] = made[spec], spec
        return features

    def _score(
        self,
        plan: Plan,
        compared: Sequence[tuple[BaselineTask, Probabilities]],
        results: Results,
        *,
        features: WindowSet,
    ) -> ProtocolRecord:
        int8 = self.int8
        scored_results = [with_int8(self.windows, *each) for each in results] if int8 else [r for _, r in results]
        folds = [(task.split, result) for (task, _), result in zip(results, scored_results, strict=True)]
        n_targets = range(len(self.windows.targets))
        lines = any(result.summary.lines for _, result in folds)
        kinds = [kind for kind in scored_results[0].logits if lines or kind != SUBNET]
        probabilities: dict[str, list[NDArray[np.float64]]] = {
            kind: [pooled(self.windows, folds, t, kind) for t in n_targets] for kind in kinds
        }
        for name, columns in over_all_windows(self.windows, compared).items():
            probabilities[REFERENCE if name == REFERENCE_BASELINE.name else name] = columns
        scored = tested(self.windows, probabilities)
        scored.write(plan.folder / PREDICTIONS_FILE)
        scored.write_csv(plan.folder / PREDICTIONS_CSV, subjects=self.windows.subjects, targets=self.windows.targets)
        return ProtocolRecord(
            name=plan.protocol.name,
            folder=plan.folder.name,
            description=" ".join(filter(None, (plan.protocol.description, plan.protocol.note(self.windows)))),
            leaks=plan.protocol.leaks,
            within_subject=plan.protocol.within_subject,
            splits=len(plan.splits),
            networks=network_records(self.out, results),
            scores=protocol_scores(
                scored,
                [target.name for target in self.windows.targets],
                self.spec,
                within_subject=plan.protocol.within_subject,
            ),
            leak=self._leak(plan, features),
            search=tuple(each for t in n_targets if (each := compare_search(self.windows, results, t)) is not None),
        )

    def controlled(self, records: Sequence[ProtocolRecord], results: Results, watch: Watch) -> list[ProtocolRecord]:
        """Put beside each score of the found subnets what else they may read, and what they look at."""
        watch.stage("controls")
        features = self._features()[REFERENCE_BASELINE.name][0]
        distances = rest_distances(self.data.dataset, self.spec, self.windows)
        return [
            self._controlled(plan, record, features, distances, results_of(plan, results))
            for plan, record in zip(self.plans, records, strict=True)
        ]

    def _controlled(
        self,
        plan: Plan,
        record: ProtocolRecord,
        features: WindowSet,
        distances: NDArray[np.float64] | None,
        results: Results,
    ) -> ProtocolRecord:
        networks = [
            FoldNetwork(read_subnet(task.folder, self.windows, result), task.split, task.targets)
            for task, result in results
        ]
        scored = ScoredWindows.read(plan.folder / PREDICTIONS_FILE)
        probe = Probe(self.windows, networks, within_subject=plan.protocol.within_subject)
        measured = measure_controls(self.data.dataset, self.spec, probe, features, scored, plan.splits, distances)
        found = tuple(
            score.model_copy(
                update={
                    "controls": controls,
                    "explained_by_controls": explained(controls, score.balanced_accuracy),
                }
            )
            for score, controls in zip(record.scores["found"], measured, strict=True)
        )
        # What the exported model looks at is that of the protocol that it answers for.
        looked_at = attributions(self.spec, probe) if plan.protocol.name == self.settings.primary else ()
        return record.model_copy(update={"scores": record.scores | {"found": found}, "attributions": looked_at})

    def _leak(self, plan: Plan, features: WindowSet) -> tuple[LeakRecord, ...]:
        """Measure what a nearest neighbour gains from the leaks of a protocol."""
        measured = [measure_leak(features, plan.splits, t) for t in range(len(features.targets))]
        return tuple(
            LeakRecord(target=target.title, nearest=leak.nearest, elsewhere=leak.elsewhere)
            for target, leak in zip(features.targets, measured, strict=True)
            if leak is not None
        )
