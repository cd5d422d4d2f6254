"""What goes wrong in the middle of a study: the disk is full, the headset is lost."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bci_app.cli.session_setup import report_recorded
from bci_app.errors import BciError
from bci_app.recording import read_recording
from bci_app.sources.registry import open_source
from bci_app.study.headless import study_without_window
from bci_app.study.opening import StudyOptions
from bci_app.study.runner import Stage, StageKind
from bci_app.study.trials import RecordedStudy, read_study
from tests.lsl_outlet import outlet, unique
from tests.study.protocols import HEAD, write

ONE_TRIAL = (
    HEAD
    + """
[[blocks]]
kind = "trials"
fixation = 0
pause = 0
[[blocks.trials]]
name = "happy"
seconds = 2.5
stimulus = { kind = "text", text = "A happy moment" }
"""
)


@contextmanager
def files_up_to(n_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def recorded(folder: Path) -> list[RecordedStudy]:
    found = (read_recording(path) for path in sorted(folder.rglob("*.xdf")))
    studies = [read_study((note.onset, note.text) for note in recording.annotations) for recording in found]
    return [study for study in studies if study is not None]


def test_a_full_disk_ends_the_study_with_one_message_and_keeps_what_was_completed(tmp_path: Path) -> None:
    options = StudyOptions(out=tmp_path / "S", source="", participant="P01")
    source = "synthetic:?participant=4&rate=128&speed=max"

    def run() -> int:
        done = study_without_window(
            str(write(tmp_path)),
            open_source(source),
            options,
            stopped=threading.Event(),
            on_stage=lambda _stage, _sample: None,
            on_closed=report_recorded,
        )
        return done.done

    with files_up_to(700_000), pytest.raises(BciError, match=r"has ended.*Once there is room") as ended:
        run()
    assert len(str(ended.value).splitlines()) == 1
    assert len(list(tmp_path.rglob("*_report.html"))) == 1
    (broken,) = recorded(tmp_path)
    assert 0 < len(broken.trials) < 6
    assert run() == 6
    # A trial whose markers had no room any more is shown again; none is there twice in the same run.
    first, second = recorded(tmp_path)
    assert {trial.number for trial in (*first.trials, *second.trials)} == set(range(1, 7))


@pytest.mark.lsl
def test_a_trial_in_which_the_headset_is_lost_is_marked_and_shown_again(tmp_path: Path) -> None:
    source_id = unique("study")
    with outlet(source_id, wait=True) as headset:
        timers: list[threading.Timer] = []

        def lose_it_once(stage: Stage, _sample: int) -> None:
            if stage.kind is StageKind.STIMULUS and not timers:
                timers.extend([threading.Timer(0.2, headset.freeze), threading.Timer(2.4, headset.thaw)])
                for timer in timers:
                    timer.start()

        done = study_without_window(
            str(write(tmp_path, ONE_TRIAL)),
            open_source(f"lsl:source_id={source_id}"),
            StudyOptions(out=tmp_path / "S", source="", participant="P01"),
            stopped=threading.Event(),
            on_stage=lose_it_once,
        )
    assert done.done == 1
    (study,) = recorded(tmp_path)
    assert [trial.number for trial in study.trials] == [1]
    assert study.trials[0].span.seconds == pytest.approx(2.5, abs=0.2)
    (interrupted,) = study.interrupted
    assert interrupted.offset < study.trials[0].span.onset
