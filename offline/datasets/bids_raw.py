"""Recordings of a BIDS folder, read by MNE-BIDS."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import BciError, DatasetError, DependencyError
from bci_app.montage.interpolation import interpolation_weights
from bci_app.montage.names import canonical, is_electrode
from bci_app.recording.parsing import PARSER_ERRORS
from offline.datasets.files import require_finite

MOST_BAD = 0.25
"""Share of bad channels up to which the others can replace them."""

_IMPLAUSIBLE = 0.1
"""Volts. A recording whose channels vary more is in µV, whatever its header says."""


def microvolts_per_unit(raw: Any, *, units_vary: bool) -> float:
    """Return the factor from MNE's volts to µV, or 1 where a header states V for samples in µV."""
    first_minute = min(raw.n_times, round(60 * raw.info["sfreq"]))
    return 1.0 if units_vary and np.std(raw.get_data(stop=first_minute)) > _IMPLAUSIBLE else 1e6


def require_mne_bids() -> Any:
    """Return the module `mne_bids`.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    try:
        import mne_bids
    except ImportError as error:
        raise DependencyError(
            "BIDS folders are read by MNE-BIDS, which is not installed",
            found=str(error),
            expected="the extra 'offline'",
            fix="Install it: pip install 'bci-app[offline]'.",
        ) from error
    return mne_bids


def open_raw(path: Any) -> Any:
    """Open a recording without its samples."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return require_mne_bids().read_raw_bids(path, verbose="error")
    except (*PARSER_ERRORS, RuntimeError) as error:
        raise DatasetError(
            f"{path.fpath.name} cannot be used",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            expected="a recording with channels.tsv and events.tsv that fit it",
        ) from error


def electrodes(raw: Any) -> list[str]:
    """List the EEG channels that are electrodes, by their canonical names."""
    kinds = zip(raw.ch_names, raw.get_channel_types(), strict=True)
    return [canonical(name) for name, kind in kinds if kind == "eeg" and is_electrode(name)]


def repair_weights(raw: Any, channels: tuple[str, ...], name: str) -> dict[int, NDArray[np.float64]]:
    """Return the weights that replace bad channels by the others."""
    marked = {canonical(name) for name in raw.info["bads"]}
    bad = tuple(number for number, name in enumerate(channels) if name in marked)
    if not bad:
        return {}
    if len(bad) > MOST_BAD * len(channels):
        raise DatasetError(
            f"{name} has too many bad channels",
            found=f"{len(bad)} of {len(channels)}: {', '.join(channels[k] for k in bad)}",
            expected=f"a share of {MOST_BAD:g} at most",
        )
    try:
        return interpolation_weights(channels, bad)
    except BciError as error:
        raise DatasetError(f"Bad channels of {name} cannot be replaced", found=str(error)) from error


def read_samples(
    raw: Any, channels: tuple[str, ...], start: int, end: int, scale: float, repair: Mapping[int, NDArray[np.float64]],
    where: str,
) -> NDArray[np.float64]:  # fmt: skip
    """Read samples in µV, shape (end - start, n_channels)."""
    names = {canonical(name): name for name in raw.ch_names}
    try:
        data = raw.get_data(picks=[names[name] for name in channels], start=start, stop=end).T * scale
    except (*PARSER_ERRORS, RuntimeError) as error:
        raise DatasetError(f"Cannot read {where}", found=str(error)) from error
    fixed = np.ascontiguousarray(data)
    for column, weights in repair.items():
        fixed[:, column] = data @ weights
    return require_finite(fixed, where)
