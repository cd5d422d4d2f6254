"""The command line: one thin handler a command; heavy imports stand inside the handlers."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from bci_app import __version__
from bci_app.command_line import run_command_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bci_app.bundle import LoadedBundle
    from bci_app.engine import Engine
    from bci_app.outputs.base import Output
    from bci_app.sources.base import Source

app = typer.Typer(
    help="Live EEG: from a headset, a stream or a recording to predictions that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

GRAMMAR = "lsl:NAME, brainflow:BOARD?serial_port=…, file:PATH?speed=max, synthetic:"

SourceOption = Annotated[str, typer.Option("--source", "-s", help=f"Where samples come from: {GRAMMAR}.")]
BundleOption = Annotated[str, typer.Option("--bundle", "-b", help="Folder of a bundle, or the name of one that ships.")]
ChannelsOption = Annotated[
    str | None, typer.Option(help="Channel names by commas, in the order of the stream, where it names none.")
]
RateOption = Annotated[float | None, typer.Option(help="Nominal rate in Hz, where the stream states none.")]
UnitOption = Annotated[str | None, typer.Option(help="Unit of the samples (uV, mV, V), where the stream states none.")]
SecondsOption = Annotated[float | None, typer.Option(min=0.1, help="End after so many seconds.")]
NetworkOption = Annotated[
    bool, typer.Option("--network", help="Use LSL streams of the whole network, not of this machine only.")
]
MarkersOption = Annotated[
    list[str] | None,
    typer.Option(help="Record the events of this LSL marker stream too (NAME or type=…,source_id=…); may be repeated."),
]
ParticipantOption = Annotated[str | None, typer.Option(help="Code of the participant, for the recording.")]
NotesOption = Annotated[str | None, typer.Option(help="Notes on the session, for the recording.")]
OscOption = Annotated[str | None, typer.Option(help="Send predictions by OSC to HOST:PORT.")]
LslOutOption = Annotated[str | None, typer.Option(help="Send predictions as an LSL stream of this name.")]
LslMarkersOption = Annotated[
    str | None, typer.Option(help="Send what changes in them, and the session's events, as an LSL marker stream.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEMO_BUNDLE = "mental-load"


def main() -> None:
    """Run the command line; a failure is one message and exit code 1."""
    run_command_line("bci-app", app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bci-app {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Live EEG: from a headset, a stream or a recording to predictions that can be trusted."""


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Show the session in the terminal.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="In the terminal: end after so many seconds.")] = None,
) -> None:
    """Replay the shipped recording through LSL into the shipped model."""
    from bci_app.demo import replayed
    from bci_app.doctor import display_problem

    _keep_to_this_machine()
    problem = None if headless else display_problem()
    if problem is not None:
        print(f"No window: {problem}\nThe session follows in the terminal.\n", file=sys.stderr)
    # The stream first: it gets known while the libraries of the session load.
    with replayed() as replay:
        from bci_app.bundle import find_bundle, load_bundle

        bundle = load_bundle(find_bundle(DEMO_BUNDLE))
        if headless or problem is not None:
            _in_terminal(replay.source(), bundle, "Subject 01, rest then arithmetic (replay)", seconds=seconds)
        else:
            from bci_app.gui.app import run_window
            from bci_app.presentation.choices import SourceChoice, of_player
            from bci_app.presentation.player import Player

            sys.exit(
                run_window(
                    source=SourceChoice(replay.text),
                    model=find_bundle(DEMO_BUNDLE),
                    ready=lambda: of_player(Player(replay.thread, owned=False), bundle),
                )
            )


@app.command()
def gui(
    source: Annotated[str | None, typer.Option("--source", "-s", help=f"Open this at once: {GRAMMAR}.")] = None,
    bundle: Annotated[str | None, typer.Option("--bundle", "-b", help="Folder or name of a bundle.")] = None,
    markers: MarkersOption = None,
    osc: OscOption = None,
    lsl_out: LslOutOption = None,
    lsl_markers: LslMarkersOption = None,
    channels: ChannelsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    network: NetworkOption = False,
) -> None:
    """Open the session window."""
    from bci_app.bundle import find_bundle
    from bci_app.doctor import display_problem
    from bci_app.errors import DependencyError

    if not network:
        _keep_to_this_machine()
    # What cannot be read is told here, before there is a window.
    _outputs(None, osc=osc, lsl_out=lsl_out, lsl_markers=lsl_markers)
    problem = display_problem()
    if problem is not None:
        raise DependencyError(
            "The window cannot open", found=problem.rstrip("."), fix="Use `bci-app run` in a terminal."
        )
    if source is not None:
        _open(source, channels=channels, rate=rate, unit=unit)
    from bci_app.gui.app import run_window
    from bci_app.presentation.choices import SourceChoice
    from bci_app.presentation.output_control import OutputChoice

    names = None if channels is None else tuple(name.strip() for name in channels.split(","))
    sys.exit(
        run_window(
            source=None if source is None else SourceChoice(source, names, rate, unit),
            model=None if bundle is None else find_bundle(bundle),
            wait_for_baseline=True,
            markers=markers or (),
            outputs=OutputChoice(lsl_out or "", lsl_markers or "", osc or ""),
        )
    )


@app.command()
def run(
    source: SourceOption,
    bundle: BundleOption = DEMO_BUNDLE,
    jsonl: Annotated[
        str | None, typer.Option(help="Write a line of JSON for each window to this file; - for standard output.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="Record the session to this XDF file.")] = None,
    participant: ParticipantOption = None,
    notes: NotesOption = None,
    markers: MarkersOption = None,
    rest: Annotated[
        Path | None, typer.Option(help="Measure the rest baseline in this recording of the same person and montage.")
    ] = None,
    osc: OscOption = None,
    lsl_out: LslOutOption = None,
    lsl_markers: LslMarkersOption = None,
    seconds: SecondsOption = None,
    channels: ChannelsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    network: NetworkOption = False,
) -> None:
    """Run a session without a window."""
    from bci_app.bundle import find_bundle, load_bundle

    for option, value in (("--markers", markers), ("--participant", participant), ("--notes", notes)):
        if value and record is None:
            raise typer.BadParameter(f"{option} is for a recording; name one with --record", param_hint=option)
    if not network:
        _keep_to_this_machine()
    _in_terminal(
        _open(source, channels=channels, rate=rate, unit=unit),
        load_bundle(find_bundle(bundle)),
        source,
        seconds=seconds,
        outputs=_outputs(jsonl, osc=osc, lsl_out=lsl_out, lsl_markers=lsl_markers),
        record=record,
        metadata=_metadata(source, participant, notes),
        markers=markers or (),
        rest=rest,
        quiet=jsonl == "-",
    )


@app.command()
def record(
    source: SourceOption,
    file: Annotated[Path, typer.Argument(help="XDF file; one that is there is never overwritten.")],
    participant: ParticipantOption = None,
    notes: NotesOption = None,
    markers: MarkersOption = None,
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
        _keep_to_this_machine()
    engine = Engine(_open(source, channels=channels, rate=rate, unit=unit), None, markers=markers or ())
    info = engine.start()
    try:
        recorder = Recorder(file, info, metadata=_metadata(source, participant, notes))
        with _interruptible() as stopped:
            engine.start_recording(recorder)
            print(
                f"Recording {info.name} ({len(info.channels)} channels, {info.rate:g} Hz) to {recorder.path}",
                flush=True,
            )
            run_in_terminal(engine, source, seconds=seconds, stopped=stopped)
    finally:
        engine.stop()
    status = engine.status()
    lost = f", {status.lost} lost" if status.lost else ""
    print(f"{status.received} samples, {status.received / info.rate:.1f} s{lost}, in {recorder.path}")
    _conclude(engine)


@app.command()
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
        _keep_to_this_machine()
    player = Replay.of_files(
        files, name=name, source_id=source_id, speed=speed, loop=loop, start=start, stop=stop, wait=wait
    )
    info = player.timeline.info
    print(
        f"LSL stream {player.name} ({len(info.channels)} channels, {info.rate:g} Hz, "
        f"{player.timeline.duration:.1f} s)\nUse it with: --source lsl:source_id={player.source_id}",
        flush=True,
    )
    with _interruptible() as stopped:
        # Started without a standard input (`<&-`, some services) there is none to read lines from.
        if sys.stdin is None or not (sys.stdin.isatty() if prompt is None else prompt):
            player.run(stopped)
            return
        from bci_app.replay.prompt import HELP, run_with_prompt

        print(HELP, flush=True)
        run_with_prompt(player, stopped, input_fd=sys.stdin.fileno(), say=lambda answer: print(answer, flush=True))


@app.command()
def sources(
    json_: JsonOption = False,
    network: NetworkOption = False,
) -> None:
    """List what samples can come from now."""
    from bci_app.sources.registry import list_sources

    if not network:
        _keep_to_this_machine()
    found = list_sources()
    if json_:
        print(json.dumps([{"source": entry.text, "description": entry.description} for entry in found], indent=2))
        return
    width = max(len(entry.text) for entry in found)
    for entry in found:
        print(f"{entry.text:<{width}}  {entry.description}")


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    stream: Annotated[
        str | None, typer.Option(help="XDF: name or source_id of the stream, where the file holds several.")
    ] = None,
    board: Annotated[
        str | None, typer.Option(help="BrainFlow: name of the board, where the file does not tell.")
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
    print(f"{len(description['channels'])} channels ({', '.join(units)}): {' '.join(description['channels'])}")
    for annotation in description["annotations"]:
        print(f"  {annotation['onset']:9.3f} s  {annotation['text']}")
    for gap in description["gaps"]:
        print(f"  {gap['onset']:9.3f} s  gap of {gap['lost']} samples")
    for note in description["notes"]:
        print(f"note: {note}")


@app.command()
def check(bundle: Annotated[str, typer.Argument(help="Folder or name of a bundle.")]) -> None:
    """Replay a bundle's golden record and compare."""
    from bci_app.bundle import find_bundle, load_bundle
    from bci_app.bundle.golden import check_bundle

    loaded = load_bundle(find_bundle(bundle))
    result = check_bundle(loaded)
    spec = loaded.spec
    print(f"{spec.name}: {spec.title}")
    print(f"{result.windows} windows agree; probabilities differ by at most {result.probability_error:.1e}")


@app.command()
def doctor(json_: JsonOption = False) -> None:
    """Check this machine: libraries, display, streams."""
    from bci_app.doctor import examine

    _keep_to_this_machine()
    findings = examine()
    if json_:
        print(json.dumps([{"name": f.name, "ok": f.ok, "detail": f.detail, "fix": f.fix} for f in findings], indent=2))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "ok  " if finding.ok else "FAIL" if finding.needed else "note"
            print(f"{mark}  {finding.name:<{width}}  {finding.detail}")
            if not finding.ok:
                print(f"{'':{width + 8}}{finding.fix}")
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(1)


@app.command()
def bench(
    bundle: BundleOption = DEMO_BUNDLE,
    seconds: Annotated[float, typer.Option(min=2.0, help="Measured time of each benchmark.")] = 20.0,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also an hour of stream at 60 times its speed (one minute).")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Measure this machine: latency, processor share, memory."""
    from bci_app.bench import run_benchmarks
    from bci_app.bench.table import lines
    from bci_app.bundle import find_bundle, load_bundle

    _keep_to_this_machine()
    loaded = load_bundle(find_bundle(bundle))
    report = run_benchmarks(
        loaded, seconds=seconds, memory=memory, tell=lambda text: print(f"Measuring {text} …", file=sys.stderr)
    )
    if json_:
        print(json.dumps(report.as_dict(), indent=2))
        return
    for line in lines(report):
        print(line)


def _keep_to_this_machine() -> None:
    from bci_app.sources.lsl.library import use_loopback

    use_loopback()


def _open(text: str, *, channels: str | None = None, rate: float | None = None, unit: str | None = None) -> Source:
    from bci_app.sources.registry import open_source

    names = None if channels is None else [name.strip() for name in channels.split(",")]
    return open_source(text, channels=names, rate=rate, unit=unit)


def _outputs(jsonl: str | None, *, osc: str | None, lsl_out: str | None, lsl_markers: str | None) -> list[Output]:
    outputs: list[Output] = []
    if jsonl is not None:
        from bci_app.outputs.jsonl import JsonLinesOutput

        outputs.append(JsonLinesOutput(jsonl))
    if osc is not None:
        from bci_app.outputs.osc import OscOutput

        outputs.append(OscOutput.parse(osc))
    if lsl_out is not None:
        from bci_app.outputs.lsl import LslPredictionOutput

        outputs.append(LslPredictionOutput(lsl_out))
    if lsl_markers is not None:
        from bci_app.outputs.lsl import LslMarkerOutput

        outputs.append(LslMarkerOutput(lsl_markers))
    return outputs


def _in_terminal(
    source: Source,
    bundle: LoadedBundle,
    title: str,
    *,
    seconds: float | None,
    outputs: Sequence[Output] = (),
    record: Path | None = None,
    metadata: Mapping[str, str] | None = None,
    markers: Sequence[str] = (),
    rest: Path | None = None,
    quiet: bool = False,
) -> None:
    """Run a session to its end, to a signal or for some seconds, and close everything."""
    from bci_app.engine import Engine
    from bci_app.terminal import run_in_terminal

    engine = Engine(source, bundle, outputs=outputs, markers=markers)
    if rest is not None:
        from bci_app.engine.rest import rest_of_recording
        from bci_app.recording import read_recording

        measured = rest_of_recording(read_recording(rest), bundle.spec)
    else:
        measured = None
    info = engine.start()
    try:
        with _interruptible() as stopped:
            if measured is not None:
                engine.set_rest(measured)
            if record is not None:
                from bci_app.recording.recorder import Recorder

                recorder = Recorder(record, info, metadata=metadata)
                engine.start_recording(recorder)
                print(f"Recording to {recorder.path}", file=sys.stderr)
            run_in_terminal(engine, title, seconds=seconds, stopped=stopped, quiet=quiet)
    finally:
        engine.stop()
    _conclude(engine)


def _metadata(source: str, participant: str | None, notes: str | None) -> dict[str, str]:
    given = {"source": source, "participant": participant, "notes": notes}
    return {name: value for name, value in given.items() if value}


def _conclude(engine: Engine) -> None:
    """Say what was asked for and never came; end with code 1 if something has failed, which was told then."""
    streams = engine.marker_streams
    for text in streams.never_seen if streams is not None else ():
        print(f"No LSL marker stream {text!r} has appeared; none of its events is recorded.", file=sys.stderr)
    if engine.failures:
        raise typer.Exit(1)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into an event that the loops look at, so that files get closed."""
    stopped = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
