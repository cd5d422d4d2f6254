"""The entry of a data set in the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from offline.datasets.base import DatasetInfo
from offline.datasets.downloads.archives import Archive
from offline.datasets.files import FileDataset
from offline.datasets.labels import Threshold


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that can be opened. Each module of a data set defines one.

    Attributes
    ----------
    info : DatasetInfo
        The description before any file is read.
    open : callable
        Opens a file or folder, given the threshold of ratings. Data sets without ratings ignore the threshold.
    threshold : Threshold or None
        The usual threshold of ratings; None where labels are not ratings.
    archive : Archive or None
        Where ``bci-offline datasets get`` downloads it from; None where its owners pass it on themselves.
    configured : callable or None
        Returns the entry under options, as in ``bids?labels=valence``; None where there are none.
    without_files : callable or None
        Opens a data set that needs no file; None for all others.
    published : mapping of str to float
        Accuracy of each target in the TNAS paper, which `offline.report.literature` names.
    """

    info: DatasetInfo
    open: Callable[[Path, Threshold], FileDataset]
    threshold: Threshold | None = None
    archive: Archive | None = None
    configured: Callable[[Mapping[str, str]], DatasetEntry] | None = None
    without_files: Callable[[], FileDataset] | None = None
    published: Mapping[str, float] = field(default_factory=dict)
