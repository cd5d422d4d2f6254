"""Labelled data sets, the windows made from them, and their cache."""

from __future__ import annotations

from offline.datasets.base import Damage, Dataset, DatasetInfo, Split, Trial, WindowSet
from offline.datasets.cache import prepare
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import FileDataset
from offline.datasets.labels import Threshold
from offline.datasets.registry import (
    DATASETS,
    DEFAULT,
    DatasetRow,
    find_dataset,
    is_accession,
    list_datasets,
    open_dataset,
    plain_name,
)
from offline.datasets.windows import make_windows

__all__ = [
    "DATASETS",
    "DEFAULT",
    "Damage",
    "Dataset",
    "DatasetEntry",
    "DatasetInfo",
    "DatasetRow",
    "FileDataset",
    "Split",
    "Threshold",
    "Trial",
    "WindowSet",
    "find_dataset",
    "is_accession",
    "list_datasets",
    "make_windows",
    "open_dataset",
    "plain_name",
    "prepare",
]
