"""The windows of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bci_app.errors import DatasetError
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.datasets import FileDataset, prepare
from offline.datasets.base import WindowSet
from offline.run.record import Exclusion
from offline.run.watch import Watch


class RunData:
    """The windows of a run's subjects and targets, and who was left out on the way."""

    def __init__(
        self,
        dataset: FileDataset,
        subjects: Sequence[str],
        targets: Sequence[str],
        cache: Path,
        processes: int,
        watch: Watch,
    ) -> None:
        self.dataset, self._subjects, self._targets = dataset, subjects, targets
        self._cache, self._processes, self._watch = cache, processes, watch
        self.skipped: dict[str, DatasetError] = {}

    def windows(self, spec: PreprocessingSpec) -> WindowSet:
        """Return the windows that a specification makes."""
        return prepare(
            self.dataset,
            spec,
            self._cache,
            subjects=self._subjects,
            targets=self._targets,
            jobs=self._processes,
            progress=self._watch.windows,
            on_skip=self._skip,
        )

    def report_damage(self, windows: WindowSet) -> None:
        """Show what is wrong with the windows."""
        for found in windows.damage:
            self._watch.damaged(found)

    def _skip(self, subject: str, reason: DatasetError) -> None:
        if subject not in self.skipped:
            self.skipped[subject] = reason
            self._watch.skipped(subject, reason)

    def exclusions(self, windows: WindowSet) -> tuple[Exclusion, ...]:
        """List what the data set holds and the run leaves out."""
        dataset, skipped = self.dataset, self.skipped
        demo = dataset.info.demo_subjects
        used = {target.name for target in windows.targets}
        found = [Exclusion(what=name, why=str(error)) for name, error in skipped.items()]
        found += [
            Exclusion(what=name, why="the demo replays this recording" if name in demo else "not asked for")
            for name in dataset.subjects()
            if name not in windows.subjects and name not in skipped
        ]
        found += [
            Exclusion(what=target.name, why="not asked for")
            for target in dataset.info.targets
            if target.name not in used
        ]
        return tuple(found)
