"""What commands with a session share: opening sources and outputs, running, ending."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bci_app.bundle import LoadedBundle
    from bci_app.bundle.predictor import Predictor
    from bci_app.bundle.spec import Bundle
    from bci_app.engine import Engine
    from bci_app.events import StepResult
    from bci_app.learn.personal import PersonalPredictor
    from bci_app.learn.profile import Profile
    from bci_app.outputs.base import Output
    from bci_app.recording.recorder import Recorder, Split
    from bci_app.sources.base import Source


def keep_to_this_machine() -> None:
    """Let LSL find and offer streams on this machine only."""
    from bci_app.sources.lsl.library import use_loopback

    use_loopback()


def require_display(otherwise: str) -> None:
    """Report in one message that no window can open, and what to do; Qt would abort the process."""
    from bci_app.doctor import display_problem
    from bci_app.errors import DependencyError

    problem = display_problem()
    if problem is not None:
        raise DependencyError("The window cannot open", found=problem.rstrip("."), fix=otherwise)


def open_stream(
    text: str,
    *,
    channels: str | None = None,
    rate: float | None = None,
    unit: str | None = None,
    undescribed: bool = False,
) -> Source:
    """Make the source that the options of a command describe."""
    from bci_app.sources.registry import open_source

    return open_source(text, channels=names_in(channels), rate=rate, unit=unit, undescribed=undescribed)


def names_in(text: str | None) -> list[str] | None:
    """Read names separated by commas; None if none are stated."""
    return None if text is None else [name.strip() for name in text.split(",")]


def worn_for(text: str, bundle: Bundle) -> str:
    """Return the text of a source for a model.

    A simulated participant without a stated montage wears the model's, unless the usual cap has all its electrodes.
    """
    from bci_app.montage.headsets import HEADSETS
    from bci_app.presentation.choices import SourceChoice

    usual = set(bundle.preprocessing.channels) <= set(HEADSETS["10-20"].channels)
    return text if usual else SourceChoice(text).for_model(bundle).text


def session_in_terminal(
    source: Source,
    bundle: LoadedBundle,
    title: str,
    *,
    seconds: float | None,
    predictor: Predictor | None = None,
    outputs: Sequence[Output] = (),
    record: Path | None = None,
    split: Split | None = None,
    metadata: Mapping[str, str] | None = None,
    markers: Sequence[str] = (),
    beside: Sequence[str] = (),
    pick: str | None = None,
    drop: str | None = None,
    rest: Path | None = None,
    quiet: bool = False,
    report: bool = True,
    follow: Callable[[StepResult], object] | None = None,
) -> None:
    """Run a session to its end, to a signal or for some seconds, close everything, and report what was recorded."""
    from bci_app.engine import Engine
    from bci_app.terminal import run_in_terminal

    engine = Engine(
        source,
        bundle,
        predictor=predictor,
        outputs=outputs,
        markers=markers,
        beside=beside,
        pick=names_in(pick),
        drop=names_in(drop) or (),
    )
    recorded_rest, measured = None, None
    if rest is not None:
        from bci_app.engine.rest import rest_of_recording
        from bci_app.recording import read_recording

        recorded_rest = read_recording(rest)
        if not bundle.spec.elastic:  # a rest that does not do is refused before anything is written
            measured = rest_of_recording(recorded_rest, bundle.spec)
    info = engine.start()
    recorder: Recorder | None = None
    try:
        with interruptible() as stopped:
            if recorded_rest is not None and engine.spec is not None and engine.spec.elastic:
                # On the electrodes of the stream, which are known now.
                measured = rest_of_recording(recorded_rest, engine.spec)
            if measured is not None:
                engine.set_rest(measured)
            if record is not None:
                from bci_app.recording.recorder import Recorder

                recorder = Recorder(record, info, metadata=metadata, split=split)
                keep_log(engine, recorder, participant=(metadata or {}).get("participant", ""))
                engine.start_recording(recorder)
                print(f"Recording to {recorder.path}", file=sys.stderr)
            run_in_terminal(engine, title, seconds=seconds, stopped=stopped, quiet=quiet, follow=follow)
    finally:
        engine.stop()
        if report and recorder is not None:
            from bci_app.learn.personal import PersonalPredictor

            report_recorded(recorder, profile=predictor.profile if isinstance(predictor, PersonalPredictor) else None)
    conclude(engine)


def report_recorded(recorder: Recorder, *, profile: Profile | None = None) -> None:
    """Write the report of a recording that was closed, and say in one line where it lies or why there is none.

    A recording that ended by a failure is reported up to there.
    """
    from bci_app.errors import BciError
    from bci_app.report import report_recording

    try:
        pages = report_recording(recorder.paths, profile=profile)
    except BciError as error:
        # What ended a recording was named in full.
        print(f"No report: {error if recorder.failure is None else error.summary}", file=sys.stderr)
    else:
        print(f"Report: {', '.join(map(str, pages))}", file=sys.stderr)


def personal_predictor(bundle: LoadedBundle, profile: Path) -> PersonalPredictor:
    """Load a person's profile for a bundle."""
    from bci_app.learn.personal import PersonalPredictor
    from bci_app.learn.profile import load_profile

    return PersonalPredictor(bundle, load_profile(profile))


def split_at(minutes: float | None, megabytes: float | None) -> Split:
    """Read when a recording goes on in another file."""
    from bci_app.recording.recorder import Split

    return Split(
        bytes=math.inf if megabytes is None else megabytes * 1e6,
        seconds=math.inf if minutes is None else minutes * 60,
    )


def recording_metadata(source: str, participant: str | None, notes: str | None) -> dict[str, str]:
    """Collect what the options of a command say about a recording."""
    stated = {"source": source, "participant": participant, "notes": notes}
    return {name: value for name, value in stated.items() if value}


def keep_log(engine: Engine, recorder: Recorder, *, participant: str) -> None:
    """Write the events of a session to a log beside its recording too, which may end by a failure."""
    from bci_app.recording.session_log import SessionLogFile

    engine.keep_log(SessionLogFile(recorder.path.parent, participant))


def conclude(engine: Engine) -> None:
    """Report streams that never came, and events that no recording holds.

    End with code 1 if something has failed, which was reported then.
    """
    streams = engine.marker_streams
    for text in streams.never_seen if streams is not None else ():
        print(f"No LSL marker stream {text!r} has appeared; none of its events is recorded.", file=sys.stderr)
    for text in engine.beside.never_seen if engine.beside is not None else ():
        print(f"No LSL stream {text!r} has appeared; nothing of it is recorded.", file=sys.stderr)
    if engine.unrecorded and engine.log is not None and engine.log.path is not None:
        print(f"{engine.unrecorded} events are in no recording, but in {engine.log.path}.", file=sys.stderr)
    if engine.failures:
        raise typer.Exit(1)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into an event that the loops look at, so that files get closed.

    A second signal interrupts whatever the program waits for.
    """
    stopped = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
