"""The records of a labelled data set: its description, its trials, and the windows made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import Target


@dataclass(frozen=True)
class Trial:
    """One unbroken labelled recording of one subject.

    Attributes
    ----------
    subject, session, trial : str
        Who, when, which. `trial` is unique within a subject and a session.
    data : ndarray of float64, shape (n_samples, n_channels)
        EEG in µV.
    rate : float
        Hz.
    channels : tuple of str
        Names of the columns.
    labels : mapping of str to int
        Class index of each target.
    ratings : mapping of str to float
        The ratings behind the labels, where there are any.
    scored_from : int
        First sample that may be part of a training or scored window; what lies before it (the
        pre-trial baseline) is filtered but not scored.
    rest : ndarray of float64, shape (n_samples, n_channels), or None
        The recording whose beginning is the rest baseline; None if it is the beginning of `data`.
    stimulus : str
        What was shown or played, where several people or trials have the same; empty otherwise.
    """

    subject: str
    session: str
    trial: str
    data: NDArray[np.float64]
    rate: float
    channels: tuple[str, ...]
    labels: Mapping[str, int]
    ratings: Mapping[str, float] = field(default_factory=dict)
    scored_from: int = 0
    rest: NDArray[np.float64] | None = None
    stimulus: str = ""


@dataclass(frozen=True)
class DatasetInfo:
    """All that is special to a data set, as lists, model cards and reports state it.

    Attributes
    ----------
    name : str
        The name on the command line.
    title, source, licence : str
        What it is, who published it, and its terms.
    obtain, expected_files : str
        How to obtain it, and the files that the loader reads.
    targets, channels, rate
        Targets, electrodes and sampling rate in Hz; empty or 0 where only the files can say.
    synthetic : bool
        True if no person was recorded.
    rest_seconds : float
        Seconds of rest that every trial offers as a baseline before its scored part; 0 for none.
    referenced : bool
        False for recordings without a reference. They show little but common-mode noise.
    demo_subjects : tuple of str
        People whose recordings the demo shows. Runs leave them out.
    intended_use, limitations : str
        The model card's words on models of this data set.
    caution : str
        Why scores on this data set are better than they should be, if there is a reason.
    bundle_name, bundle_title : str
        Name and title of a bundle trained on it; derived from data set and preset if empty.
    """

    name: str
    title: str
    source: str
    licence: str
    obtain: str
    expected_files: str
    targets: tuple[Target, ...]
    channels: tuple[str, ...]
    rate: float
    synthetic: bool = False
    rest_seconds: float = 0.0
    referenced: bool = True
    demo_subjects: tuple[str, ...] = ()
    intended_use: str = "Research."
    limitations: str = ""
    caution: str = ""
    bundle_name: str = ""
    bundle_title: str = ""


class Dataset(Protocol):
    """A labelled data set on disk."""

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        ...

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        ...

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, in the order in which they were recorded."""
        ...


@dataclass(frozen=True)
class Damage:
    """Something wrong with a data set that its files do not show at first sight.

    Attributes
    ----------
    what : str
        The subject or target.
    why : str
        What is wrong, in words.
    """

    what: str
    why: str


@dataclass(frozen=True)
class WindowSet:
    """The windows of a data set, ready for a network.

    Attributes
    ----------
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        Network input, through the live preprocessing. May be memory-mapped.
    labels : ndarray of int64, shape (n_windows, n_targets)
        Class indices.
    targets : tuple of Target
        What the label columns are.
    subject, session, trial : ndarray of int64, shape (n_windows,)
        Group codes; `trial` is unique over the whole set, `session` too. `subject` indexes
        `subjects`.
    subjects : tuple of str
        Names of the subject codes.
    last : ndarray of int64, shape (n_windows,)
        Index, in its recording at the recording's rate, of each window's last sample.
    seconds : ndarray of float64, shape (n_windows,)
        Time of that sample from the start of the recording.
    copies : tuple of pairs of int
        Codes of trials that are copies of each other.
    damage : tuple of Damage
        What is wrong with the data.
    digest : str
        Hash of all that, where it was taken when the windows were written to disk; empty for others.
    stimulus : ndarray of int64, shape (n_windows,), or None
        Code of what was shown, the same for all people and sets; -1 where a trial names none.
    """

    tokens: NDArray[np.float32]
    labels: NDArray[np.int64]
    targets: tuple[Target, ...]
    subject: NDArray[np.int64]
    session: NDArray[np.int64]
    trial: NDArray[np.int64]
    subjects: tuple[str, ...]
    last: NDArray[np.int64]
    seconds: NDArray[np.float64]
    copies: tuple[tuple[int, int], ...] = ()
    damage: tuple[Damage, ...] = ()
    digest: str = ""
    stimulus: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return int(self.tokens.shape[0])


@dataclass(frozen=True)
class Split:
    """One partition of a window set into training, validation and test windows (indices)."""

    name: str
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
