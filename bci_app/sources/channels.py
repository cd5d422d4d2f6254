"""Which channels of a stream a prediction may use; all of them are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bci_app.errors import ChannelError
from bci_app.montage.names import canonical
from bci_app.stream import StreamInfo, is_voltage


@dataclass(frozen=True, slots=True)
class ChannelUse:
    """What becomes of a channel.

    Attributes
    ----------
    name : str
        Its name in the stream.
    used : bool
        Whether predictions may use it.
    why : str
        Why not, in a few words; empty if it is used.
    """

    name: str
    used: bool
    why: str = ""


def channel_uses(
    info: StreamInfo, *, pick: Sequence[str] | None = None, drop: Sequence[str] = ()
) -> tuple[ChannelUse, ...]:
    """Decide for each channel of a stream whether predictions may use it.

    Channels without a unit of voltage (counters, quality, accelerometers) are left out without asking.

    Parameters
    ----------
    info : StreamInfo
        The stream.
    pick : sequence of str, optional
        The only channels to use, in any spelling.
    drop : sequence of str
        Channels not to use.

    Raises
    ------
    ChannelError
        If a channel to pick or drop is not in the stream.
    """
    known = {canonical(name) for name in info.channels}
    unknown = [name for name in (*(pick or ()), *drop) if canonical(name) not in known]
    if unknown:
        raise ChannelError(
            "The stream has no such channel",
            found=", ".join(unknown),
            expected=f"some of {', '.join(info.channels)}",
            fix="Correct --pick or --drop.",
        )
    picked = None if pick is None else {canonical(name) for name in pick}
    dropped = {canonical(name) for name in drop}
    uses = []
    for name, unit in zip(info.channels, info.units, strict=True):
        if (picked is not None and canonical(name) not in picked) or canonical(name) in dropped:
            why = "not chosen"
        elif not is_voltage(unit):
            why = f"unit {unit}" if unit and unit != "n/a" else "no unit"
        else:
            why = ""
        uses.append(ChannelUse(name, not why, why))
    return tuple(uses)


def for_prediction(info: StreamInfo, *, pick: Sequence[str] | None = None, drop: Sequence[str] = ()) -> StreamInfo:
    """Describe a stream as a model may see it: what it may not use has no electrode's name.

    Columns stay where they are. Parameters and errors are those of `channel_uses`. Without `pick` and `drop`, a stream
    whose channels all lack a unit of voltage stays as it is, so that the model reports the unit that it needs.
    """
    uses = channel_uses(info, pick=pick, drop=drop)
    if pick is None and not drop and not any(use.used for use in uses):
        return info
    names = tuple(use.name if use.used else f"{use.name} ({use.why})" for use in uses)
    return replace(info, channels=names)
