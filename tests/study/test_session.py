"""Studies through the command line, with a simulated participant, and what is learnt from them."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bci_app.cli.app import main
from bci_app.recording import read_recording
from bci_app.sources.registry import open_source
from bci_app.study.headless import study_without_window
from bci_app.study.opening import StudyOptions
from bci_app.study.runner import Stage, StageKind
from bci_app.study.trials import RecordedStudy, read_study
from tests.study.protocols import HEAD, SCALES, TINY, write

LEARNABLE = (
    HEAD
    + SCALES.split('[[scales]]\nname = "effort"')[0]
    + """
[[blocks]]
kind = "rest"
seconds = 34
[[blocks]]
kind = "trials"
repetitions = 8
fixation = 1
pause = 1
ratings = ["valence"]
[[blocks.trials]]
name = "happy"
seconds = 14
intended = { valence = "high", arousal = "high" }
stimulus = { kind = "text", text = "A happy moment" }
[[blocks.trials]]
name = "sad"
seconds = 14
intended = { valence = "low", arousal = "low" }
stimulus = { kind = "text", text = "A sad moment" }
"""
)


class Done(NamedTuple):
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_app(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command of bci-app in this process."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["bci-app", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


def studied(path: Path) -> RecordedStudy:
    study = read_study((note.onset, note.text) for note in read_recording(path).annotations)
    assert study is not None
    return study


def nothing(_stage: Stage, _sample: int) -> None:
    """Show nothing."""


def source(effect: float = 1.0, **options: object) -> str:
    more = "".join(f"&{key}={value}" for key, value in options.items())
    return f"synthetic:?participant=4&effect={effect:g}&speed=max{more}"


def test_a_study_is_recorded_with_its_trials_at_the_samples_of_its_protocol(
    run_app: Callable[..., Done], tmp_path: Path
) -> None:
    protocol = write(tmp_path)
    done = run_app(
        "study", protocol, "--source", source(), "--headless", "--out", tmp_path / "S", "--participant", "P01"
    )
    assert done.returncode == 0, done.stderr
    assert "6 of 6 trials" in done.stdout
    (path,) = (tmp_path / "S").rglob("*.xdf")
    assert path.name == "sub-P01_ses-01_task-tiny_run-01_eeg.xdf"
    (log,) = path.parent.glob("P01_*_log.jsonl")
    assert log.read_text().count("study trial-onset") == 6
    study = studied(path)
    assert study.complete
    assert [trial.number for trial in study.trials] == [1, 2, 3, 4, 5, 6]
    for trial in study.trials:
        assert trial.span.seconds == pytest.approx(5.0, abs=0.26)  # a read of the source is a quarter of a second
        assert set(trial.ratings) == {"valence", "effort"}
        assert (int(trial.ratings["valence"]) > 5) == (trial.intended["valence"] == "high")


def test_electrodes_that_are_left_out_are_recorded_and_not_learnt_from(
    run_app: Callable[..., Done], tmp_path: Path
) -> None:
    done = run_app(
        *("study", write(tmp_path, LEARNABLE.replace("seconds = 14", "seconds = 6")), "--source", source(3.0)),
        *("--headless", "--out", tmp_path / "S", "--drop", "T8,P8", "--language", "en", "--no-report"),
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "S").rglob("*.xdf")
    assert {"T8", "P8"} <= set(read_recording(path).info.channels)
    run_app("learn", tmp_path / "S", "--bundle", "mental-load", "--target", "valence", "--out", tmp_path / "p")
    channels = json.loads((tmp_path / "p" / "profile.json").read_text())["channels"]
    assert "T7" in channels
    assert not {"T8", "P8"} & set(channels)
    refused = run_app("study", write(tmp_path), "--source", source(), "--headless", "--out", "S", "--language", "xx")
    assert "no texts in that language: found xx, expected one of en, de" in refused.stderr


def test_the_same_study_again_is_another_session(run_app: Callable[..., Done], tmp_path: Path) -> None:
    command = ("study", write(tmp_path), "--source", source(), "--headless", "--out", tmp_path / "S")
    assert run_app(*command).returncode == 0
    assert run_app(*command).returncode == 0
    assert sorted(path.parts[-3] for path in (tmp_path / "S").rglob("*.xdf")) == ["ses-01", "ses-02"]
    refused = run_app(*command, "--session", "01")
    assert refused.returncode == 1
    assert "has a session 01 already" in refused.stderr


def test_a_study_that_is_ended_early_goes_on_at_its_trial(tmp_path: Path) -> None:
    protocol = str(write(tmp_path))
    stopped = threading.Event()

    def stop_in_the_third(stage: Stage, _sample: int) -> None:
        if stage.kind is StageKind.STIMULUS and stage.trial is not None and stage.trial.number == 3:
            stopped.set()

    options = StudyOptions(out=tmp_path / "S", source="", participant="P01")
    first = study_without_window(protocol, open_source(source()), options, stopped=stopped, on_stage=stop_in_the_third)
    assert (first.done, first.trials) == (2, 6)
    second = study_without_window(protocol, open_source(source()), options, stopped=threading.Event(), on_stage=nothing)
    assert second.done == 6
    assert [path.name[-14:-8] for path in sorted((tmp_path / "S").rglob("*.xdf"))] == ["run-01", "run-02"]
    assert [trial.number for path in (first.recording, second.recording) for trial in studied(path).trials] == [
        *range(1, 7)
    ]


def test_a_source_that_ends_keeps_and_reports_what_was_completed(run_app: Callable[..., Done], tmp_path: Path) -> None:
    done = run_app("study", write(tmp_path), "--source", source(seconds=40), "--headless", "--out", tmp_path / "S")
    assert done.returncode == 1
    assert re.search(r"ended before the study: found [1-5] of 6 trials", done.stderr)
    (path,) = (tmp_path / "S").rglob("*.xdf")
    assert studied(path).trials
    assert f"Report: {path.with_name(f'{path.stem}_report.html')}" in done.stderr


def test_answers_come_from_a_file(run_app: Callable[..., Done], tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(
        json.dumps({"happy": {"valence": 8}, "sad": {"valence": 2}, "1": {"valence": 5, "effort": "some"}})
    )
    done = run_app(
        "study", write(tmp_path), "--source", source(), "--headless", "--out", tmp_path / "S", "--answers", answers
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "S").rglob("*.xdf")
    first, *others = studied(path).trials
    assert dict(first.ratings) == {"valence": "5", "effort": "some"}
    assert all(trial.ratings["valence"] == {"happy": "8", "sad": "2"}[trial.condition] for trial in others)


def test_an_impossible_answer_is_one_message(run_app: Callable[..., Done], tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text('{"happy": {"valence": 2}, "sad": {"valence": "12"}}')
    done = run_app(
        "study", write(tmp_path), "--source", source(), "--headless", "--out", tmp_path / "S", "--answers", answers
    )
    assert done.returncode == 1
    assert "found '12'" in done.stderr
    assert not list(tmp_path.rglob("*.xdf"))  # found before the session
    assert "Traceback" not in done.stderr


def learnable(folder: Path, effect: float) -> Path:
    """Record a study that a model can be learnt from where there is an effect, and return its folder."""
    options = StudyOptions(out=folder / "S", source="")
    study_without_window(
        str(write(folder, LEARNABLE)), open_source(source(effect)), options, stopped=threading.Event(), on_stage=nothing
    )
    return folder / "S"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of a participant with an effect."""
    return learnable(tmp_path_factory.mktemp("planted"), 3.0)


def learn(run_app: Callable[..., Done], study: Path, profile: Path, *, adopted: bool) -> None:
    """Learn from a study with an effect or without, and check the verdict."""
    done = run_app("learn", study, "--bundle", "mental-load", "--target", "valence", "--out", profile, "--json")
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["adopted"] == adopted
    assert verdict["trials"] == 16
    assert 0 <= verdict["artefact_balanced_accuracy"] < verdict["balanced_accuracy"] or not adopted
    assert profile.exists() == adopted
    assert (verdict["profile"] == str(profile)) == adopted
    assert verdict["interval"][0] <= verdict["balanced_accuracy"] <= verdict["interval"][1]


def test_without_an_effect_nothing_is_learnt(run_app: Callable[..., Done], tmp_path: Path) -> None:
    learn(run_app, learnable(tmp_path, 0.0), tmp_path / "profile", adopted=False)


def test_a_folder_without_trials_is_one_message(run_app: Callable[..., Done], tmp_path: Path) -> None:
    done = run_app("learn", tmp_path, "--bundle", "mental-load")
    assert done.returncode == 1
    assert "There is no recording" in done.stderr


def test_a_study_without_the_target_names_what_it_has(run_app: Callable[..., Done], planted: Path) -> None:
    done = run_app("learn", planted, "--bundle", "mental-load", "--target", "joy")
    assert done.returncode == 1
    assert "found labels of valence, arousal" in done.stderr


def test_the_rest_of_a_study_must_be_long_enough_for_the_model(run_app: Callable[..., Done], tmp_path: Path) -> None:
    run_app("study", write(tmp_path, TINY), "--source", source(), "--headless", "--out", tmp_path / "S")
    done = run_app("learn", tmp_path / "S", "--bundle", "mental-load", "--target", "valence")
    assert done.returncode == 1
    assert "no rest that is long enough" in done.stderr


def test_a_planted_effect_is_learnt_predicts_live_and_its_session_can_be_verified(
    run_app: Callable[..., Done], tmp_path: Path, planted: Path
) -> None:
    profile, session = tmp_path / "profile", tmp_path / "live.xdf"
    learn(run_app, planted, profile, adopted=True)
    live = run_app(
        *("run", "--source", source(3.0, session=1, seconds=90), "--bundle", "mental-load"),
        *("--profile", profile, "--record", session, "--jsonl", "-"),
    )
    assert live.returncode == 0, live.stderr
    lines = [json.loads(line) for line in live.stdout.splitlines()]
    assert {"mental_load", "valence"} <= set(lines[-1]["targets"])
    assert lines[-1]["targets"]["valence"]["set"] in ([], ["low"], ["high"], ["low", "high"])
    same = run_app("verify", session, "mental-load", profile, "--json")
    assert same.returncode == 0, same.stdout
    assert json.loads(same.stdout)["compared"] == sum(line["valid"] for line in lines) > 30
    other = run_app("verify", session, "mental-load")
    assert other.returncode == 1
    assert "made with another profile: found no profile, expected" in other.stderr
    (study,) = planted.rglob("*.xdf")
    updated = tmp_path / "updated.xdf"
    learning = run_app(
        *("run", "--source", f"file:{study}?speed=max", "--bundle", "mental-load", "--profile", profile),
        *("--prequential", "--record", updated),
    )
    assert "16 ratings of valence: 1.00 of their windows right before they were learnt from, 1.00 by" in learning.stderr
    assert "has learnt from its ratings" in run_app("verify", updated, "mental-load", profile).stderr
    refused = run_app("run", "--source", source(), "--bundle", "synthetic-vad", "--profile", profile)
    assert refused.returncode == 1
    assert "was made for another bundle" in refused.stderr
