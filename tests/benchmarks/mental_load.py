"""What was tried for `mental-load`: python -m tests.benchmarks.mental_load EEGMAT [--variant NAME] [--seeds N]

Each variant changes one thing of the recipe that ships. The last is a leak check and must come out near
chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bci_app.preprocessing.spec import AverageReference, PreprocessingSpec
from offline.datasets import open_dataset
from offline.elastic.sessions import BANDS, MUSCLE_BANDS, Person, load_preprocessing, read_people
from offline.elastic.study import ElasticSettings, cross_validate, standard, summarise, swapped

Change = Callable[[Sequence[Person]], list[Person]]


def unchanged(people: Sequence[Person]) -> list[Person]:
    return list(people)


def relabelled(people: Sequence[Person]) -> list[Person]:
    """Exchange rest and task in half of the people."""
    rng = np.random.default_rng(0)
    return [replace(p, recordings=p.recordings[::-1]) if rng.random() < 0.5 else p for p in people]


def as_recorded(spec: PreprocessingSpec) -> PreprocessingSpec:
    """Leave the reference as it was recorded."""
    kept = tuple(step for step in spec.steps if not isinstance(step, AverageReference))
    return spec.model_copy(update={"steps": kept})


def main() -> None:
    """Print a row for each variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--variant", choices=VARIANTS, action="append")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    dataset = open_dataset("eegmat", arguments.file)
    known: dict[str, list[Person]] = {}
    for name in arguments.variant or VARIANTS:
        spec, changes, change = VARIANTS[name]
        settings = ElasticSettings(seeds=arguments.seeds).model_copy(update=changes)
        made = spec(dataset.info.channels)
        if made.digest not in known:
            known[made.digest] = read_people(dataset, made)
        people = change(known[made.digest])
        found = cross_validate(people, settings, {"rest": (people, standard), "task": (people, swapped)})
        one, swap = (summarise(found[baseline], settings) for baseline in ("rest", "task"))
        print(
            f"{name:26} {one.balanced:.3f} / {one.rolling:.3f}  ECE {one.calibration_error:.3f}  answered "
            f"{one.answers.share:.2f}: {one.answers.rolling_balanced_accuracy:.3f}  swapped: rest high "
            f"{swap.rest_high:.2f} task high {swap.task_high:.2f}",
            flush=True,
        )


def _spec(
    bands: Sequence[tuple[float, float]] = BANDS, *, shape: bool = True, average: bool = True
) -> Callable[[Sequence[str]], PreprocessingSpec]:
    def made(channels: Sequence[str]) -> PreprocessingSpec:
        spec = load_preprocessing(channels, bands, shape=shape)
        return spec if average else as_recorded(spec)

    return made


VARIANTS: dict[str, tuple[Callable[[Sequence[str]], PreprocessingSpec], dict[str, float], Change]] = {
    "shipped": (_spec(), {}, unchanged),
    "penalty / 10": (_spec(), {"inverse_penalty": 0.03}, unchanged),
    "penalty x 3": (_spec(), {"inverse_penalty": 0.001}, unchanged),
    "without shape": (_spec(shape=False), {}, unchanged),
    "without shape, / 10": (_spec(shape=False), {"inverse_penalty": 0.03}, unchanged),
    "as recorded": (_spec(average=False), {}, unchanged),
    "4-45 Hz": (_spec((*BANDS, *MUSCLE_BANDS)), {}, unchanged),
    "28-45 Hz": (_spec(MUSCLE_BANDS), {}, unchanged),
    "task against task is high": (_spec(), {"swapped_task": 1.0}, unchanged),
    "width 0.6": (_spec(), {"width": 0.6}, unchanged),
    "rest and task exchanged": (_spec(), {}, relabelled),
}

if __name__ == "__main__":
    main()
