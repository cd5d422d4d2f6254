"""The electrodes of common headsets and caps, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bci_app.errors import ChannelError
from bci_app.montage.names import canonical, is_electrode


@dataclass(frozen=True, slots=True)
class Headset:
    """What a headset records.

    Attributes
    ----------
    channels : tuple of str
        Electrodes in the order of its stream.
    rate : float
        Hz.
    reference : str
        Where its potentials are measured against: an electrode, ``linked-ears`` or ``average``.
    """

    channels: tuple[str, ...]
    rate: float
    reference: str


HEADSETS: Mapping[str, Headset] = MappingProxyType({
    "muse": Headset(("TP9", "AF7", "AF8", "TP10"), 256.0, "Fpz"),
    "epoc": Headset(
        ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4"), 128.0, "M1"
    ),
    "cyton": Headset(("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"), 250.0, "A1"),
    "daisy": Headset(
        ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2", "F7", "F8", "F3", "F4", "T7", "T8", "P3", "P4"),
        125.0,
        "A1",
    ),
    "10-20": Headset(
        ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz",
         "C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2"),
        250.0,
        "linked-ears",
    ),
    "deap": Headset(
        ("Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz",
         "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2"),
        512.0,
        "average",
    ),
})  # fmt: skip
"""Electrodes and rates as their makers state them: Muse 2, Emotiv EPOC, OpenBCI Cyton and Cyton with Daisy (the
default places of the OpenBCI program), the 19 of the international 10-20 system, and the cap of DEAP (BioSemi)."""


def montage_channels(text: str) -> tuple[str, ...]:
    """Read a montage: the name of a headset, or electrodes separated by commas.

    Parameters
    ----------
    text : str
        ``muse``, ``epoc``, ``cyton``, ``daisy``, ``10-20``, ``deap``, or ``Fp1,Fp2,C3,C4``.

    Raises
    ------
    ChannelError
        If it is neither, or an electrode is named twice.
    """
    headset = HEADSETS.get(text.strip().lower())
    if headset is not None:
        return headset.channels
    names = tuple(part.strip() for part in text.split(","))
    known = [canonical(name) for name in names]
    if not all(known) or len(set(known)) != len(known) or (len(names) == 1 and not is_electrode(names[0])):
        raise ChannelError(
            "Unknown montage",
            found=repr(text),
            expected=f"one of {', '.join(HEADSETS)}, or electrodes separated by commas, each once",
        )
    return names
