"""Channel names: one spelling for the many that files and devices use.

Names follow the extended 10-20 system (Oostenveld & Praamstra 2001, Clin. Neurophysiol. 112).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import ChannelError

# Names of the original 10-20 system and their successors in the 10-10 system.
_RENAMED = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}

_PREFIX = re.compile(r"^(?:EEG|EXG)[\s_:-]+", re.IGNORECASE)
# "Fp1-REF", "C3-LE", "O1-A2": the electrode before the dash is the one measured.
_REFERENCE_SUFFIX = re.compile(r"[-_](?:REF|LE|AVG|AR|A1|A2|M1|M2|CPZ)$", re.IGNORECASE)
_ELECTRODE = re.compile(
    r"^(FPZ|FP|AFP|AF|FFC|FC|FFT|FT|F|CCP|CP|CB|C|TPP|TP|TTP|T|PPO|PO|POO|P|OI|O|I|N|A|M)(Z|\d{1,2}H?)$"
)


def canonical(name: str) -> str:
    """Give the one spelling of a channel name used inside the project.

    ``EEG Fp1``, ``Fp1.``, ``FP1`` and ``fp1-ref`` become ``Fp1``; ``T3`` becomes ``T7``. A name
    that is no electrode (``ECG ECG``, ``Right AUX``) is only stripped.
    """
    stripped = name.strip().strip(".").strip()
    electrode = _REFERENCE_SUFFIX.sub("", _PREFIX.sub("", stripped)).strip(".").upper()
    if not _ELECTRODE.match(electrode):
        return stripped
    electrode = _RENAMED.get(electrode, electrode)
    electrode = electrode.replace("FP", "Fp") if electrode.startswith("FP") else electrode
    electrode = re.sub(r"Z$", "z", electrode)
    return re.sub(r"H$", "h", electrode)


def is_electrode(name: str) -> bool:
    """Tell whether a name, in any spelling, is an electrode position of the 10-10/10-5 system."""
    stripped = name.strip().strip(".").strip()
    return bool(_ELECTRODE.match(_REFERENCE_SUFFIX.sub("", _PREFIX.sub("", stripped)).strip(".").upper()))


def match_channels(wanted: Sequence[str], available: Sequence[str]) -> list[int | None]:
    """Find each wanted channel among the available ones, by name in any spelling.

    Parameters
    ----------
    wanted : sequence of str
        Channels of the model.
    available : sequence of str
        Channels of the stream.

    Returns
    -------
    list of int or None
        For each wanted channel its position in `available`, or None where it is missing.

    Raises
    ------
    ChannelError
        If two available channels are the same electrode and it is wanted.
    """
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(available):
        positions.setdefault(canonical(name), []).append(position)
    result: list[int | None] = []
    for name in wanted:
        found = positions.get(canonical(name), [])
        if len(found) > 1:
            raise ChannelError(
                f"Channel {canonical(name)} is in the stream more than once",
                found=", ".join(repr(available[i]) for i in found),
                expected="each electrode once",
                fix="Rename or drop the duplicates, or name the channels with --channels.",
            )
        result.append(found[0] if found else None)
    return result


def select_channels(wanted: Sequence[str], available: Sequence[str]) -> list[int]:
    """Find every wanted channel among the available ones, as `match_channels` does.

    Raises
    ------
    ChannelError
        If one is missing or there twice.
    """
    matched = match_channels(wanted, available)
    missing = [name for name, position in zip(wanted, matched, strict=True) if position is None]
    if missing:
        raise ChannelError(
            f"The stream lacks {len(missing)} of the {len(wanted)} channels that the model needs",
            found=f"channels {', '.join(available)}; missing {', '.join(missing)}",
            expected=", ".join(wanted),
            fix="Choose a bundle made for this montage, or name the channels in their order with --channels.",
        )
    return [position for position in matched if position is not None]


def standard_montage() -> str:
    """Name MNE's montage of the 10-05 system, which MNE 1.13 renamed."""
    from mne.channels import get_builtin_montages

    return "colin27_1005" if "colin27_1005" in get_builtin_montages() else "standard_1005"


@cache
def electrode_places() -> Mapping[str, tuple[float, float]]:
    """Give where the electrodes of the 10-05 system lie on a head seen from above.

    Returns
    -------
    mapping of str to (float, float)
        x to the right and y to the front, azimuthal equidistant from the vertex: 1 is 90 degrees.
    """
    text = Path(__file__).with_name("electrodes.csv").read_text(encoding="utf-8")
    rows = (line.split(",") for line in text.splitlines() if not line.startswith(("#", "name,")))
    return MappingProxyType({name: (float(x), float(y)) for name, x, y in rows})


# Reaches from each electrode of the 10-20 system to the next (33 to 50 degrees) and not to the one
# after (58 and more); of a denser cap the closest four.
_NEIGHBOUR_DEGREES = 54.0
_MOST_NEIGHBOURS = 4
# Ears and mastoids are references more often than not.
_OFF_SCALP = frozenset({"A1", "A2", "M1", "M2"})


def neighbours(channels: Sequence[str]) -> list[list[int]]:
    """Find the electrodes around each electrode.

    Parameters
    ----------
    channels : sequence of str
        Names in any spelling.

    Returns
    -------
    list of list of int
        For each channel the positions in `channels` of the up to four electrodes within 54 degrees,
        the closest first; none for ears, mastoids and names without a standard position.
    """
    places = electrode_places()
    scalp = places.keys() - _OFF_SCALP
    known = [index for index, name in enumerate(channels) if canonical(name) in scalp]
    x, y = np.array([places[canonical(channels[index])] for index in known]).reshape(-1, 2).T
    polar, azimuth = np.hypot(x, y) * np.pi / 2, np.arctan2(y, x)
    unit = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])
    degrees = np.degrees(np.arccos(np.clip(unit.T @ unit, -1.0, 1.0)))
    np.fill_diagonal(degrees, np.inf)
    result: list[list[int]] = [[] for _ in channels]
    for row, index in enumerate(known):
        closest = np.argsort(degrees[row], kind="stable")[:_MOST_NEIGHBOURS]
        result[index] = [known[column] for column in closest if degrees[row, column] <= _NEIGHBOUR_DEGREES]
    return result


@lru_cache(maxsize=256)
def interpolation_weights(channels: tuple[str, ...], bad: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
    """Give the weights that make bad channels of the good ones.

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
            fix="Mend the contact of the electrodes.",
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
