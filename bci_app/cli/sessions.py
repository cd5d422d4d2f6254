"""Commands with a session in the terminal: `run` and `record`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from bci_app.cli.options import (
    DEMO_BUNDLE,
    BundleOption,
    ChannelsOption,
    DropOption,
    MarkersOption,
    NetworkOption,
    NotesOption,
    ParticipantOption,
    PickOption,
    ProfileOption,
    RateOption,
    ReportOption,
    SecondsOption,
    SourceOption,
    SplitMegabytesOption,
    SplitMinutesOption,
    UnitOption,
    WithOption,
)
from bci_app.cli.session_setup import (
    conclude,
    interruptible,
    keep_log,
    keep_to_this_machine,
    open_stream,
    personal_predictor,
    recording_metadata,
    report_recorded,
    session_in_terminal,
    split_at,
    worn_for,
)
from bci_app.text import printable


def run(
    source: SourceOption,
    bundle: BundleOption = DEMO_BUNDLE,
    outputs: Mapping[str, str] = MappingProxyType({}),
    record: Annotated[Path | None, typer.Option(help="Record the session to this XDF file.")] = None,
    participant: ParticipantOption = None,
    notes: NotesOption = None,
    markers: MarkersOption = None,
    with_: WithOption = None,
    split_minutes: SplitMinutesOption = None,
    split_megabytes: SplitMegabytesOption = None,
    rest: Annotated[
        Path | None, typer.Option(help="Measure the rest baseline in this recording of the same person and montage.")
    ] = None,
    profile: ProfileOption = None,
    prequential: Annotated[
        bool,
        typer.Option("--prequential", help="Let each rating score the profile, and then update it for this session."),
    ] = False,
    pick: PickOption = None,
    drop: DropOption = None,
    report: ReportOption = True,
    seconds: SecondsOption = None,
    channels: ChannelsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    network: NetworkOption = False,
) -> None:
    """Run a session without a window."""
    from bci_app.bundle import find_bundle, load_bundle
    from bci_app.outputs.jsonl import STANDARD_OUTPUT
    from bci_app.outputs.registry import make_outputs

    split = split_at(split_minutes, split_megabytes)
    for_recording = {
        "--markers": markers,
        "--with": with_,
        "--split-minutes": split_minutes,
        "--split-megabytes": split_megabytes,
        "--participant": participant,
        "--notes": notes,
    }
    for option, value in for_recording.items():
        if value and record is None:
            raise typer.BadParameter(f"{option} is for a recording; name one with --record", param_hint=option)
    if prequential and profile is None:
        raise typer.BadParameter("--prequential updates a profile; name one with --profile", param_hint="--prequential")
    if not network:
        keep_to_this_machine()
    loaded = load_bundle(find_bundle(bundle))
    worn = source if channels is not None else worn_for(source, loaded.spec)
    predictor = None if profile is None else personal_predictor(loaded, profile)
    learning = None
    if prequential and predictor is not None:
        from bci_app.learn.prequential import Prequential

        learning = Prequential(predictor)
    session_in_terminal(
        open_stream(worn, channels=channels, rate=rate, unit=unit),
        loaded,
        source,
        predictor=predictor,
        seconds=seconds,
        outputs=make_outputs(outputs),
        record=record,
        split=split,
        metadata=recording_metadata(source, participant, notes),
        markers=markers or (),
        beside=with_ or (),
        pick=pick,
        drop=drop,
        rest=rest,
        quiet=outputs.get("jsonl") == STANDARD_OUTPUT,
        report=report,
        follow=None if learning is None else learning.on_step,
    )
    if learning is not None:
        print(learning.summary, file=sys.stderr)


def record(
    source: SourceOption,
    file: Annotated[Path, typer.Argument(help="XDF file; one that is there is never overwritten.")],
    participant: ParticipantOption = None,
    notes: NotesOption = None,
    markers: MarkersOption = None,
    with_: WithOption = None,
    split_minutes: SplitMinutesOption = None,
    split_megabytes: SplitMegabytesOption = None,
    report: ReportOption = True,
    seconds: SecondsOption = None,
    channels: ChannelsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    network: NetworkOption = False,
) -> None:
    """Record a source to XDF, without a model."""
    from bci_app.engine import Engine
    from bci_app.recording.recorder import Recorder
    from bci_app.terminal import run_in_terminal

    if not network:
        keep_to_this_machine()
    stream = open_stream(source, channels=channels, rate=rate, unit=unit, undescribed=True)
    engine = Engine(stream, None, markers=markers or (), beside=with_ or ())
    info = engine.start()
    recorder: Recorder | None = None
    try:
        metadata = recording_metadata(source, participant, notes)
        recorder = Recorder(file, info, metadata=metadata, split=split_at(split_minutes, split_megabytes))
        keep_log(engine, recorder, participant=participant or "")
        with interruptible() as stopped:
            engine.start_recording(recorder)
            print(
                f"Recording {printable(info.name)} ({len(info.channels)} channels, {info.rate:g} Hz) "
                f"to {recorder.path}",
                flush=True,
            )
            run_in_terminal(engine, source, seconds=seconds, stopped=stopped)
    finally:
        engine.stop()
        if report and recorder is not None:
            report_recorded(recorder)
    lost = engine.status().lost
    print(
        f"{recorder.samples} samples, {recorder.samples / info.rate:.1f} s{f', {lost} lost' if lost else ''}, "
        f"in {', '.join(map(str, recorder.paths))}"
    )
    conclude(engine)
