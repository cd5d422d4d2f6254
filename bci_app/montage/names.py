"""Channel names: one spelling for the many that files and devices use.

Names follow the extended 10-20 system (Oostenveld & Praamstra 2001, Clin. Neurophysiol. 112).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    """Return the one spelling of a channel name that the project uses.

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
    """Return whether a name, in any spelling, is an electrode position of the 10-10/10-5 system."""
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
