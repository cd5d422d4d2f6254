"""Commands on recordings: `replay`, `info`, `report` and `export`."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from bci_app.cli.options import JsonOption, ProfileOption
from bci_app.cli.session_setup import interruptible, keep_to_this_machine, personal_predictor
from bci_app.text import printable


def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings, played one after the other.")],
    name: Annotated[str | None, typer.Option(help="Name of the stream; the file's by default.")] = None,
    source_id: Annotated[str | None, typer.Option(help="Identity of the stream; unique by default.")] = None,
    speed: Annotated[float, typer.Option(help="0.1 to 100.")] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end.")] = False,
    start: Annotated[float, typer.Option(min=0.0, help="Start at this second.")] = 0.0,
    stop: Annotated[float | None, typer.Option(help="Stop at this second.")] = None,
    wait: Annotated[bool, typer.Option(help="Begin when somebody listens, so that no sample is missed.")] = True,
    prompt: Annotated[
        bool | None, typer.Option(help="Pause, seek and change speed by lines of text; in a terminal by default.")
    ] = None,
    network: Annotated[
        bool, typer.Option("--network", help="Let the whole network receive the stream, not this machine only.")
    ] = False,
) -> None:
    """Play a recording as an LSL stream."""
    from bci_app.replay import Replay

    if not network:
        keep_to_this_machine()
    player = Replay.of_files(
        files, name=name, source_id=source_id, speed=speed, loop=loop, start=start, stop=stop, wait=wait
    )
    info = player.timeline.info
    print(
        f"LSL stream {printable(player.name)} ({len(info.channels)} channels, {info.rate:g} Hz, "
        f"{player.timeline.duration:.1f} s)\nUse it with: --source lsl:source_id={player.source_id}",
        flush=True,
    )
    with interruptible() as stopped:
        # Started without a standard input (`<&-`, some services) there is none to read lines from.
        if sys.stdin is None or not (sys.stdin.isatty() if prompt is None else prompt):
            player.run(stopped)
            return
        from bci_app.replay.prompt import HELP, run_with_prompt

        print(HELP, flush=True)
        run_with_prompt(player, stopped, input_fd=sys.stdin.fileno(), say=lambda answer: print(answer, flush=True))


def info(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    stream: Annotated[
        str | None, typer.Option(help="XDF: name or source_id of the stream, where the file holds several.")
    ] = None,
    board: Annotated[
        str | None, typer.Option(help="BrainFlow: name of the board, if the file does not name it.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Describe a recording."""
    from bci_app.recording import describe, read_recording

    description = describe(read_recording(file, stream=stream, board=board))
    if json_:
        print(json.dumps(description, indent=2, ensure_ascii=False))
        return
    units = sorted(set(description["units"]))
    print(f"{file.name}: {description['format']}, {description['duration']:.2f} s, {description['rate']:g} Hz")
    print(
        printable(f"{len(description['channels'])} channels ({', '.join(units)}): {' '.join(description['channels'])}")
    )
    for annotation in description["annotations"]:
        print(f"  {annotation['onset']:9.3f} s  {printable(annotation['text'])}")
    for gap in description["gaps"]:
        print(f"  {gap['onset']:9.3f} s  gap of {gap['lost']} samples")
    for note in description["notes"]:
        print(f"note: {printable(note)}")


def report(
    session: Annotated[Path, typer.Argument(help="XDF of a session that bci-app recorded, or another recording.")],
    out: Annotated[Path | None, typer.Option(help="The page (HTML); beside the recording by default.")] = None,
    bundle: Annotated[
        str | None, typer.Option("--bundle", "-b", help="Predict it now with this bundle, as where none predicted.")
    ] = None,
    profile: ProfileOption = None,
) -> None:
    """Write what a session was on one page: contact and loss, predictions and ratings, verdict, how to repeat it."""
    from bci_app.bundle import find_bundle, load_bundle
    from bci_app.learn.profile import load_profile
    from bci_app.report import write_report

    loaded = None if bundle is None else load_bundle(find_bundle(bundle))
    page = write_report(
        session,
        out=out,
        bundle=loaded,
        predictor=None if loaded is None or profile is None else personal_predictor(loaded, profile),
        profile=None if profile is None else load_profile(profile),
    )
    print(f"Report: {page}")


class ExportFormat(Enum):
    """What recordings can be written as."""

    BIDS = "bids"


def export(
    format_: Annotated[ExportFormat, typer.Argument(metavar="FORMAT", help="bids.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="Folder of a study or of recordings, or one recording.")],
    out: Annotated[Path, typer.Argument(help="Folder of the data set; new or empty.")],
) -> None:
    """Write recorded sessions as a data set that other programs read.

    BIDS: BrainVision files with tables of events, channels, electrodes and participants. Trials and ratings lie on the
    samples that they were recorded at.
    """
    from bci_app.bids.export import export_bids

    assert format_ is ExportFormat.BIDS
    found = export_bids(folder, out)
    print(f"Wrote {found.folder} (recordings: {found.recordings}, participants: {found.participants})")
