"""Bad channels computed from the good ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import ChannelError
from bci_app.montage.names import canonical
from bci_app.montage.positions import standard_montage


@lru_cache(maxsize=256)
def interpolation_weights(channels: tuple[str, ...], bad: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
    """Return the weights with which bad channels are computed from the good ones.

    Spherical splines (Perrin et al. 1989, Electroenceph. Clin. Neurophysiol. 72) as MNE computes
    them, on the electrode positions of MNE's standard 10-05 montage.

    Parameters
    ----------
    channels : tuple of str
        Electrode names.
    bad : tuple of int
        Positions in `channels` to be interpolated.

    Returns
    -------
    dict of int to ndarray of float64, shape (n_channels,)
        For each bad channel the weight of every channel; 0 for the bad ones.

    Raises
    ------
    ChannelError
        If a channel has no standard position or fewer than 4 good channels are left.
    """
    if len(channels) - len(bad) < 4:
        raise ChannelError(
            "Too few good channels to interpolate from",
            found=f"{len(channels) - len(bad)} good of {len(channels)}",
            expected="at least 4",
            fix="Improve the contact of the electrodes.",
        )
    import mne

    info = mne.create_info([canonical(name) for name in channels], sfreq=1.0, ch_types="eeg", verbose="error")
    try:
        info.set_montage(standard_montage(), match_case=False, verbose="error")
    except ValueError as error:
        raise ChannelError(
            "Cannot interpolate a channel without a position on the head",
            found=str(error).splitlines()[0],
            expected="names of the 10-05 system",
            fix="Use a bundle whose channels all have standard names.",
        ) from error
    # Interpolating unit vectors gives the matrix through MNE's public interface.
    identity = mne.io.RawArray(np.eye(len(channels)), info, verbose="error")
    identity.info["bads"] = [identity.ch_names[index] for index in bad]
    identity.interpolate_bads(origin=(0.0, 0.0, 0.04), reset_bads=True, verbose="error")
    matrix = identity.get_data()
    weights = {index: matrix[index].copy() for index in bad}
    for row in weights.values():
        row[list(bad)] = 0.0
    return weights
