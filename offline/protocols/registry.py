"""The protocols: a closed list, one line each."""

from __future__ import annotations

from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.protocols.base import Protocol
from offline.protocols.copies import refuse_copies
from offline.protocols.cross import CROSS_DATASET
from offline.protocols.listed import LIBEER, NEURALBENCH
from offline.protocols.paper import PAPER
from offline.protocols.session import SESSION
from offline.protocols.stimulus import LOSO_STIMULUS, STIMULUS
from offline.protocols.subjects import LOSO, SUBJECTS
from offline.protocols.trial import TRIAL

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        PAPER,
        TRIAL,
        LOSO,
        SUBJECTS,
        SESSION,
        STIMULUS,
        LOSO_STIMULUS,
        CROSS_DATASET,
        NEURALBENCH,
        LIBEER,
    )
}
"""The known protocols."""


def protocol_named(name: str) -> Protocol:
    """Return a protocol by name.

    Raises
    ------
    DatasetError
        If it is unknown.
    """
    try:
        return PROTOCOLS[name]
    except KeyError:
        raise DatasetError("Unknown protocol", found=repr(name), expected=", ".join(PROTOCOLS)) from None


def leaks(protocol: str) -> bool:
    """Return True if scores under a protocol are inflated by shared trials."""
    return protocol_named(protocol).leaks


def make_splits(
    windows: WindowSet, protocol: str, *, folds: int | None = None, seed: int = 0, validation: float = 0.2
) -> list[Split]:
    """Partition windows into training, validation and test parts.

    Validation is cut from training by the protocol's own unit. A subject's folds depend on its name, the seed and its
    windows, not on who else is in the set.

    Parameters
    ----------
    windows : WindowSet
        What to partition.
    protocol : str
        A name in `PROTOCOLS`.
    folds : int, optional
        Number of folds (for each subject); the protocol's own by default, fewer where there are fewer units, and three
        where there are three: every part of every fold has a unit. For ``session`` the number of last sessions that
        are tested in turn, for ``loso+stimulus`` the number of folds of people and of stimuli.
    seed : int
        Of the shuffling.
    validation : float
        Share of the training units that becomes validation; at least one unit.

    Returns
    -------
    list of Split
        Indices ascend. Every window is tested at most once, and exactly once but under ``session``,
        ``cross-dataset``, ``neuralbench`` and ``libeer``.

    Raises
    ------
    DatasetError
        If the protocol is unknown or there are too few units for it.
    """
    chosen = protocol_named(protocol)
    if not 0 < validation < 1:
        raise DatasetError("The validation share is out of range", found=f"{validation:g}", expected="between 0 and 1")
    chosen.check_folds(windows, folds)
    splits = list(chosen.make(windows, folds=folds, seed=seed, validation=validation))
    for split in splits:
        check_split(windows, split, protocol)
    return splits


def check_split(windows: WindowSet, split: Split, protocol: str) -> None:
    """Check that no window, and no unit of the protocol, is in two parts of a split, and no copy is tested.

    Raises
    ------
    DatasetError
        If one is, or a part is empty.
    """
    chosen = protocol_named(protocol)
    chosen.check(windows, split)
    if not chosen.leaks:
        refuse_copies(windows, split)
