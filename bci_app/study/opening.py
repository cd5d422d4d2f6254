"""Opening a study: protocol, participant, folder, engine and recording made ready for a face to show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bci_app.engine import Engine
from bci_app.errors import StudyError
from bci_app.recording.recorder import Recorder
from bci_app.recording.session_log import SessionLogFile
from bci_app.sources.base import Source
from bci_app.sources.synthetic import SyntheticSource
from bci_app.study.folder import StudySession, open_session
from bci_app.study.protocol import LoadedProtocol, Protocol, load_protocol
from bci_app.study.runner import StudyRunner
from bci_app.study.schedule import Item, plan
from bci_app.study.session import TimedSource, marks_into
from bci_app.study.simulated import SimulatedTakingPart

Check = Callable[[LoadedProtocol, Sequence[Item]], object]


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What is stated of a study beside its protocol.

    Attributes
    ----------
    out : Path
        Folder of the study.
    source : str
        Text of the source, for the recording.
    participant, session, language, notes : str or None
        None for the default.
    answers : Path or None
        File of ratings.
    markers : tuple of str
        LSL marker streams that are recorded, and open external trials.
    beside : tuple of str
        LSL streams of samples that are recorded too.
    pick, drop : tuple of str
        The only channels that are judged and learnt from, or channels that are not (see `channel_uses`). All are
        recorded.
    """

    out: Path
    source: str
    participant: str | None = None
    session: str | None = None
    language: str | None = None
    answers: Path | None = None
    notes: str | None = None
    markers: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    pick: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenStudy:
    """A study that is ready to begin: the source is open and recorded.

    Attributes
    ----------
    loaded : LoadedProtocol
        What is shown, and where its media lie.
    session : StudySession
        Where it is kept.
    source : TimedSource
        The engine's.
    engine : Engine
        Started; the caller stops it.
    runner : StudyRunner
        Not started.
    recorder : Recorder
        Of this run.
    run : int
        Number of this run in the session.
    language : str
        Of the texts.
    simulated : SimulatedTakingPart or None
        Who feels and answers, where the source is a simulated participant.
    """

    loaded: LoadedProtocol
    session: StudySession
    source: TimedSource
    engine: Engine
    runner: StudyRunner
    recorder: Recorder
    run: int
    language: str
    simulated: SimulatedTakingPart | None

    @property
    def protocol(self) -> Protocol:
        """What is shown."""
        return self.loaded.protocol

    @property
    def details(self) -> dict[str, str]:
        """What the first marker says."""
        session = self.session
        return {"participant": session.participant, "session": session.session, "run": f"{self.run:02d}"}


def open_study(name: str, source: Source, options: StudyOptions, *, check: Check | None = None) -> OpenStudy:
    """Open everything that a study needs.

    Parameters
    ----------
    name : str
        A protocol file or the name of one that ships.
    source : Source
        Not started yet.
    options : StudyOptions
        Who, where and how.
    check : callable, optional
        Takes the protocol and the plan before anything is opened, to refuse what cannot be shown or answered.

    Raises
    ------
    BciError
        If the protocol, the source or the folder cannot be used.
    """
    loaded = load_protocol(name)
    protocol = loaded.protocol
    language = options.language or protocol.language
    if language not in protocol.languages:
        raise StudyError(
            f"The protocol {protocol.name} has no texts in that language",
            found=language,
            expected=f"one of {', '.join(protocol.languages)}",
            fix="Choose another --language, or add the texts to the protocol file.",
        )
    participant = options.participant or _default_code(source)
    session = open_session(options.out, protocol, participant=participant, session=options.session)
    done = session.resume(protocol)
    items = plan(protocol, participant=participant, session=session.session)
    if check is not None:
        check(loaded, items)
    timed = TimedSource(source, live=not isinstance(source, SyntheticSource) or source.speed == 1.0)
    engine = Engine(timed, None, markers=options.markers, beside=options.beside, pick=options.pick, drop=options.drop)
    engine.start()
    try:
        run = session.next_run
        recorder = _recorder(engine, session, run, protocol, options)
        engine.keep_log(SessionLogFile(recorder.path.parent, participant))
        engine.start_recording(recorder)
        session.save(protocol, done, running=True)
    except BaseException:
        engine.stop()
        raise
    return OpenStudy(
        loaded=loaded,
        session=session,
        source=timed,
        engine=engine,
        runner=StudyRunner(protocol, items, mark=marks_into(engine), done=done),
        recorder=recorder,
        run=run,
        language=language,
        simulated=SimulatedTakingPart(source.participant) if isinstance(source, SyntheticSource) else None,
    )


def _default_code(source: Source) -> str:
    return f"sim{source.participant.seed}" if isinstance(source, SyntheticSource) else "P01"


def _recorder(engine: Engine, session: StudySession, run: int, protocol: Protocol, options: StudyOptions) -> Recorder:
    path = session.recording(run)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"Cannot record into {path.parent}",
            found=error.strerror or str(error),
            expected="a folder that this user may write to",
            fix="Choose another --out.",
        ) from error
    metadata: dict[str, object] = {
        "source": options.source,
        "participant": session.participant,
        "session": session.session,
        "task": session.task,
        "study": protocol.model_dump(mode="json"),
    }
    if options.notes:
        metadata["notes"] = options.notes
    return Recorder(path, engine.info, metadata=metadata)
