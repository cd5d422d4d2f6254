"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

GRAMMAR = "lsl:NAME, brainflow:BOARD?serial_port=…, file:PATH?speed=max, synthetic:"

SourceOption = Annotated[str, typer.Option("--source", "-s", help=f"Where samples come from: {GRAMMAR}.")]
BundleOption = Annotated[str, typer.Option("--bundle", "-b", help="Folder of a bundle, or the name of one that ships.")]
ChannelsOption = Annotated[
    str | None,
    typer.Option(help="Channel names separated by commas, in the order of the stream, if the stream names none."),
]
RateOption = Annotated[float | None, typer.Option(help="Nominal rate in Hz, if the stream states none.")]
UnitOption = Annotated[str | None, typer.Option(help="Unit of the samples (uV, mV, V), if the stream states none.")]
SecondsOption = Annotated[float | None, typer.Option(min=0.1, help="End after this many seconds.")]
NetworkOption = Annotated[
    bool, typer.Option("--network", help="Use LSL streams of the whole network, not only of this machine.")
]
MarkersOption = Annotated[
    list[str] | None,
    typer.Option(help="Record the events of this LSL marker stream too (NAME or type=…,source_id=…). Repeatable."),
]
SplitMinutesOption = Annotated[
    float | None, typer.Option("--split-minutes", min=0.05, help="Go on in another file after this many minutes.")
]
SplitMegabytesOption = Annotated[
    float | None, typer.Option("--split-megabytes", min=1.0, help="Go on in another file after this many megabytes.")
]
WithOption = Annotated[
    list[str] | None,
    typer.Option("--with", help="Record this LSL stream of samples too (lsl:NAME or lsl:type=…). Repeatable."),
]
PickOption = Annotated[str | None, typer.Option(help="Predict from these channels only, separated by commas.")]
DropOption = Annotated[str | None, typer.Option(help="Do not predict from these channels, separated by commas.")]
ParticipantOption = Annotated[str | None, typer.Option(help="Code of the participant, for the recording.")]
NotesOption = Annotated[str | None, typer.Option(help="Notes on the session, for the recording.")]
ProfileOption = Annotated[
    Path | None, typer.Option(help="Folder of a person's profile for the bundle, as bci-app learn writes it.")
]
ReportOption = Annotated[
    bool, typer.Option("--report/--no-report", help="Write a page about the recording beside it, once it is closed.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEMO_BUNDLE = "mental-load"
