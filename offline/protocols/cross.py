"""Another data set held out: another laboratory, with other people and devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.datasets.cross import TEST, TRAIN
from offline.protocols.base import Protocol
from offline.protocols.deal import contents_of, deal
from offline.protocols.subjects import WholeSubjects


class OtherDataset(WholeSubjects):
    """One fold: people of the one data set train and validate, all people of the other are tested.

    Nobody who is tested is in the model that ships: the data set may be there for measuring alone.
    """

    least_folds: ClassVar[int] = 1
    ships_tested: ClassVar[bool] = False

    def make(self, windows: WindowSet, *, folds: int | None, seed: int, validation: float) -> Iterator[Split]:
        """Partition windows by the side that their people are on."""
        tested = np.array([name.startswith(TEST) for name in windows.subjects])[windows.subject]
        rows = np.flatnonzero(~tested)
        people, of_row = np.unique(windows.subject[rows], return_inverse=True)
        if not tested.any() or len(people) < 2 or not all(name.startswith((TRAIN, TEST)) for name in windows.subjects):
            raise DatasetError(
                "Protocol cross-dataset needs two data sets",
                found=f"{len(people)} people to train on, {len(windows.subjects) - len(people)} to test",
                expected="two people or more on the side that trains, one or more on the other",
                fix="--dataset 'cross?train=NAME&train_root=FOLDER&test=NAME&test_root=FOLDER'",
            )
        contents = contents_of(windows.labels[rows], of_row, len(people))
        part = deal(contents, np.array([1 - validation, validation]), np.random.default_rng(seed))[of_row]
        yield Split("other-dataset", rows[part == 0], rows[part == 1], np.flatnonzero(tested))


CROSS_DATASET: Protocol = OtherDataset(
    "cross-dataset",
    "subject",
    within_subject=False,
    folds=1,
    description="Another data set held out: trained on people of one data set, scored on all people of another.",
)
