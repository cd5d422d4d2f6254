"""A search over tokens, window, electrodes and size together on EEGMAT, beside the preset's own choice.

``python -m tests.benchmarks.wider_search FOLDER OUT`` prints the figures in ``docs/mental-load.md``. FOLDER
holds the data set; what OUT holds is not trained again. In each fold the choice with the best balanced accuracy on the
validation people is tested on people that it has not seen. This is random search, which is a strong method where few
candidates can be trained (Bergstra and Bengio 2012).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from bci_app.atomic import write_atomically
from bci_app.preprocessing.spec import AverageReference, LogBandPowerToken, PreprocessingSpec
from offline.datasets import FileDataset, WindowSet, prepare
from offline.datasets.registry import open_dataset
from offline.metrics import rolling_mean, softmax
from offline.presets import BANDS, POWER_BANDS, PRESETS, band_power_preprocessing
from offline.protocols import make_splits
from offline.run.fold import FOUND, Task
from offline.run.scores import rolling_windows
from offline.run.stages import run_networks
from offline.run.watch import Unwatched
from offline.statistics.people import compare_methods, own_scores
from offline.supernet.space import SearchSpace

BAND_CHOICES = {"9 of 4–45 Hz": BANDS, "7 of 4–28 Hz": BANDS[:7], "4 wide": POWER_BANDS}
ELECTRODES = {
    "all": (),
    "inner": ("F3", "Fz", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4"),
    "front": ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8"),
    "back": ("P7", "P3", "Pz", "P4", "P8", "O1", "O2"),
}
SIZES = ((32, 2, 2), (48, 2, 2), (64, 4, 3))
"""Width, heads and layers."""

FOLDS = 5


@dataclass(frozen=True)
class Choice:
    """One candidate; the defaults are the preset's."""

    bands: str = "9 of 4–45 Hz"
    tapers: int = 10
    seconds: int = 4
    average: bool = True
    electrodes: str = "all"
    size: tuple[int, int, int] = (48, 2, 2)

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Choice:
        """Draw each part evenly."""
        return cls(
            bands=str(rng.choice(list(BAND_CHOICES))),
            tapers=int(rng.choice([0, 5, 10, 16])),
            seconds=int(rng.choice([2, 4, 8])),
            average=bool(rng.integers(2)),
            electrodes=str(rng.choice(list(ELECTRODES))),
            size=SIZES[int(rng.integers(len(SIZES)))],
        )

    def preprocessing(self, dataset: FileDataset) -> PreprocessingSpec:
        """Return the preset's preprocessing with these parts."""
        usual = band_power_preprocessing(dataset.info)
        kept = ELECTRODES[self.electrodes] or usual.channels
        changed = {
            "channels": tuple(name for name in usual.channels if name in kept),
            "steps": tuple(step for step in usual.steps if self.average or not isinstance(step, AverageReference)),
            "window": round(self.seconds * usual.rate),
            "token": LogBandPowerToken(bands=BAND_CHOICES[self.bands], sine_tapers=self.tapers),
        }
        return PreprocessingSpec.model_validate(usual.model_dump() | changed)

    @property
    def space(self) -> SearchSpace:
        """The space of this size alone."""
        width, heads, layers = self.size
        return SearchSpace("compact", (width,), (heads,), (2.0,), (layers,))


@dataclass(frozen=True)
class Outcome:
    """One choice in one fold: validation score, and each test person's own scores."""

    validation: float
    windows: dict[str, float]
    rolling: dict[str, float]


def outcomes_of(choice: Choice, dataset: FileDataset, out: Path) -> list[Outcome]:
    """Train one choice in every fold, or read what was trained."""
    kept = out / "outcomes.json"
    if kept.is_file():
        return [Outcome(**fold) for fold in json.loads(kept.read_text())]
    spec = choice.preprocessing(dataset)
    subjects = [name for name in dataset.subjects() if name not in dataset.info.demo_subjects]
    windows = prepare(dataset, spec, out / "windows", subjects=subjects)
    splits = make_splits(windows, "subjects", folds=FOLDS, seed=0)
    target = windows.targets[0].name
    tasks = [Task(s.name, s, (target,), n, 0, out / s.name) for n, s in enumerate(splits)]
    preset = PRESETS["compact"].model_copy(update={"space": choice.space})
    found = run_networks(windows, tasks, preset, spec, report=Unwatched().progress)
    outcomes = []
    for task, result in zip(tasks, found, strict=True):
        assert result is not None
        test = task.split.test
        probabilities = softmax(result.logits[FOUND][:, 0].astype(np.float64))
        rolled = rolling_mean(probabilities, windows.trial[test], rolling_windows(spec))
        outcomes.append(
            Outcome(
                result.summary.validation_balanced_accuracy,
                _by_person(windows, test, probabilities),
                _by_person(windows, test, rolled),
            )
        )
    write_atomically(kept, json.dumps([asdict(outcome) for outcome in outcomes]))
    return outcomes


def _by_person(windows: WindowSet, test: NDArray[np.int64], probabilities: NDArray[np.float64]) -> dict[str, float]:
    scores = own_scores(probabilities.argmax(axis=1), windows.labels[test, 0], windows.subject[test])
    return {windows.subjects[code]: score for code, score in scores.items()}


def main() -> None:
    """Print each choice, the chosen ones, and how these compare with the preset's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--choices", type=int, default=12, help="candidates, the preset's own among them")
    given = parser.parse_args()
    dataset = open_dataset("eegmat", given.root)
    rng = np.random.default_rng(0)
    choices = [Choice(), *(Choice.drawn(rng) for _ in range(given.choices - 1))]
    table = []
    for number, choice in enumerate(choices):
        table.append(outcomes_of(choice, dataset, given.out / f"choice-{number}"))
        validation = np.mean([fold.validation for fold in table[-1]])
        print(
            f"{validation:.3f}  {_mean(table[-1], 'windows'):.3f} / {_mean(table[-1], 'rolling'):.3f}  {choice}",
            flush=True,
        )
    chosen = []
    for folds in zip(*table, strict=True):
        assert len({frozenset(fold.windows) for fold in folds}) == 1, "the choices have different test people"
        best = int(np.argmax([fold.validation for fold in folds]))
        chosen.append(folds[best])
        order = kendalltau(
            [fold.validation for fold in folds], [np.mean(list(fold.windows.values())) for fold in folds]
        )
        print(f"chosen: {best}; Kendall's tau of validation and test score {order.statistic:.2f}")
    for kind in ("windows", "rolling"):
        preset = {"preset": {k: v for fold in table[0] for k, v in getattr(fold, kind).items()}}
        own = {k: v for fold in chosen for k, v in getattr(fold, kind).items()}
        beside = compare_methods(own, preset)[0]
        print(
            f"{kind}: chosen {_mean(chosen, kind):.3f}, preset {_mean(table[0], kind):.3f}; difference over "
            f"{beside.people} people {beside.difference:+.3f}, p = {beside.p_permutation:.2f}"
        )


def _mean(folds: list[Outcome], kind: str) -> float:
    return float(np.mean([score for fold in folds for score in getattr(fold, kind).values()]))


if __name__ == "__main__":
    main()
