"""Copies of trials, which must not lie on both sides of a border."""

from __future__ import annotations

import numpy as np

from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet


def refuse_copies(windows: WindowSet, split: Split) -> None:
    """Check that no test trial is a copy of one that training or validation sees.

    Raises
    ------
    DatasetError
        If one is. The message names the people.
    """
    seen = set(windows.trial[np.concatenate([split.train, split.validation])].tolist())
    tested = set(windows.trial[split.test].tolist())
    across = [pair for pair in windows.copies if {*pair} & seen and {*pair} & tested]
    if not across:
        return
    of_trial = dict(zip(windows.trial.tolist(), windows.subject.tolist(), strict=True))
    people = sorted({tuple(windows.subjects[of_trial[code]] for code in pair) for pair in across})
    raise DatasetError(
        f"Split {split.name} tests copies of trials that are trained on",
        found=f"{len(across)} copies, of {', '.join(' and '.join(pair) for pair in people[:5])}",
        expected="a separate recording for each subject and trial",
        fix="Leave one of each pair out: --subjects.",
    )
