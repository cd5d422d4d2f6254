"""A study from its plan to its markers, driven by a clock of the test."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bci_app.study.markers import Kind, Outcome, StudyMarker
from bci_app.study.protocol import Protocol, load_protocol
from bci_app.study.runner import StageKind, StudyRunner
from bci_app.study.schedule import PlannedTrial, plan
from bci_app.study.trials import read_study
from tests.study.protocols import TINY, write


class Session:
    """A study with a participant who answers at once."""

    def __init__(self, protocol: Protocol, *, done: frozenset[int] = frozenset()) -> None:
        self.markers: list[tuple[float, str]] = []
        self.now = 0.0
        items = plan(protocol, participant="P01", session="01")
        self.runner = StudyRunner(protocol, items, mark=lambda text, time: self.markers.append((time, text)), done=done)
        self.runner.start(self.now, {"participant": "P01"})
        self.seen: list[StageKind] = []

    def step(self, seconds: float = 0.25) -> None:
        runner = self.runner
        runner.presented(self.now)
        self.seen.append(runner.stage.kind)
        if runner.stage.kind is StageKind.INSTRUCTION:
            runner.proceed(self.now)
        elif runner.stage.scale is not None:
            runner.answer(runner.stage.scale.answers[-1], self.now)
        else:
            self.now += seconds
            runner.advance(self.now)

    def until(self, kind: StageKind, trial: int | None = None) -> None:
        for _ in range(10_000):
            stage = self.runner.stage
            if stage.kind is kind and (trial is None or (stage.trial is not None and stage.trial.number == trial)):
                self.runner.presented(self.now)
                return
            self.step()
        raise AssertionError(f"never {kind}")

    def finish(self) -> None:
        self.until(StageKind.FINISHED)

    def recorded(self):
        return read_study(self.markers)


@pytest.fixture
def protocol(tmp_path: Path) -> Protocol:
    return load_protocol(write(tmp_path)).protocol


def test_a_whole_session_is_read_back_from_its_markers(protocol: Protocol) -> None:
    session = Session(protocol)
    session.finish()
    study = session.recorded()
    assert study.complete
    assert study.details["participant"] == "P01"
    assert [rest.seconds for rest in study.rests] == [10]
    assert [trial.number for trial in study.trials] == [1, 2, 3, 4, 5, 6]
    assert all(trial.span.seconds == 5 for trial in study.trials)
    assert all(trial.ratings == {"valence": "9", "effort": "much"} for trial in study.trials)
    assert {trial.condition: trial.intended["valence"] for trial in study.trials} == {"happy": "high", "sad": "low"}
    assert session.now == protocol.seconds


def test_stages_of_a_trial_come_in_their_order(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.FIXATION)
    session.seen.clear()
    session.until(StageKind.FIXATION, trial=2)
    order = [kind for n, kind in enumerate(session.seen) if n == 0 or kind is not session.seen[n - 1]]
    assert order == [StageKind.FIXATION, StageKind.STIMULUS, StageKind.RATING, StageKind.PAUSE]


def test_seconds_count_from_when_the_stage_was_seen(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.REST)
    session.now += 3.0
    fresh = Session(protocol)
    fresh.until(StageKind.INSTRUCTION)
    fresh.runner.proceed(fresh.now)  # the rest is next, and not on the screen yet
    fresh.now += 100
    fresh.runner.advance(fresh.now)
    assert fresh.runner.stage.kind is StageKind.REST
    fresh.runner.presented(fresh.now, delay=0.016)
    assert fresh.markers[-1] == (fresh.now, "study rest-onset rest=1 delay_ms=16.0")
    assert fresh.runner.remaining(fresh.now) == 10


def test_a_headset_that_is_lost_in_a_trial_makes_it_be_shown_again(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.STIMULUS, trial=2)
    session.now += 2.0
    session.runner.hold("stream lost", session.now)
    assert session.runner.held == "stream lost"
    session.now += 60.0
    session.runner.advance(session.now)
    session.runner.resume(session.now)
    assert session.runner.stage.kind is StageKind.FIXATION
    session.finish()
    study = session.recorded()
    assert [trial.number for trial in study.trials] == [1, 2, 3, 4, 5, 6]
    assert [round(span.seconds, 3) for span in study.interrupted] == [2.0]
    assert study.trials[1].span.seconds == 5


def test_a_pause_between_trials_loses_nothing(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.PAUSE, trial=1)
    session.runner.hold("break", session.now)
    session.now += 600
    session.runner.resume(session.now)
    session.finish()
    assert len(session.recorded().trials) == 6
    assert session.recorded().interrupted == ()


def test_a_pause_at_a_question_asks_it_again(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.RATING, trial=1)
    session.runner.hold("break", session.now)
    session.runner.answer("9", session.now)  # nobody is asked now
    session.runner.resume(session.now)
    assert session.runner.stage.kind is StageKind.RATING
    session.finish()
    assert set(session.recorded().trials[0].ratings) == {"valence", "effort"}


def test_a_skipped_trial_has_no_answers_and_does_not_come_again(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.STIMULUS, trial=3)
    session.now += 1
    session.runner.skip(session.now)
    session.finish()
    assert [trial.number for trial in session.recorded().trials] == [1, 2, 4, 5, 6]


def test_ratings_that_are_never_given_leave_the_trial_unrated(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.RATING, trial=1)
    session.runner.skip(session.now)
    session.finish()
    first = session.recorded().trials[0]
    assert (first.number, dict(first.ratings)) == (1, {})


def test_the_operator_can_show_a_trial_again(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.RATING, trial=1)
    session.runner.repeat(session.now)
    session.finish()
    onsets = [StudyMarker.parse(text) for _, text in session.markers]
    first = [m for m in onsets if m and m.kind is Kind.TRIAL_ONSET and m.values["trial"] == "1"]
    assert len(first) == 2
    assert [trial.number for trial in session.recorded().trials] == [1, 2, 3, 4, 5, 6]


def test_a_session_that_was_broken_off_goes_on_at_its_trial(protocol: Protocol) -> None:
    first = Session(protocol)
    first.until(StageKind.STIMULUS, trial=4)
    first.now += 1
    first.runner.abort(first.now)
    assert first.runner.outcome is Outcome.ABORTED
    assert first.runner.done == {1, 2, 3}
    second = Session(protocol, done=frozenset(first.runner.done))
    second.finish()
    numbers = [trial.number for study in (first.recorded(), second.recorded()) for trial in study.trials]
    assert numbers == [1, 2, 3, 4, 5, 6]
    conditions = [trial.condition for study in (first.recorded(), second.recorded()) for trial in study.trials]
    whole = Session(protocol)
    whole.finish()
    assert conditions == [trial.condition for trial in whole.recorded().trials]


def test_another_program_opens_and_closes_trials(tmp_path: Path) -> None:
    external = '{ kind = "external", onset = "film on", offset = "film off" }'
    text = TINY.replace('{ kind = "text", text = "A happy moment" }', external).replace(
        '{ kind = "text", text = "A sad moment" }', external
    )
    text = text.replace("seconds = 5\n", "")
    session = Session(load_protocol(write(tmp_path, text)).protocol)
    for _ in range(6):
        session.until(StageKind.STIMULUS)
        session.runner.on_marker("something else", session.now)
        session.runner.on_marker("film on", session.now + 0.5)
        session.now += 20
        session.runner.advance(session.now)
        session.runner.on_marker("film off", session.now)
    session.finish()
    assert [trial.span.seconds for trial in session.recorded().trials] == [19.5] * 6


def test_an_answer_that_the_scale_does_not_have_is_refused(protocol: Protocol) -> None:
    session = Session(protocol)
    session.until(StageKind.RATING)
    with pytest.raises(ValueError, match="'10' is no answer to valence"):
        session.runner.answer("10", session.now)


@given(participant=st.text("ab1", min_size=1, max_size=3), repetitions=st.integers(1, 8))
def test_a_balanced_order_shows_each_condition_once_a_repetition_and_none_twice_in_a_row(
    participant: str, repetitions: int
) -> None:
    protocol = load_protocol("guided-recall").protocol
    block = protocol.trial_blocks[0].model_copy(update={"repetitions": repetitions})
    protocol = protocol.model_copy(update={"blocks": (block,)})
    items = plan(protocol, participant=participant, session="01")
    names = [item.spec.name for item in items if isinstance(item, PlannedTrial)]
    for start in range(0, len(names), 4):
        assert sorted(names[start : start + 4]) == ["calm", "joy", "sadness", "tension"]
    assert all(a != b for a, b in pairwise(names))
    assert items == plan(protocol, participant=participant, session="01")


def test_participants_and_sessions_have_different_orders() -> None:
    protocol = load_protocol("guided-recall").protocol
    orders = {
        tuple(item.spec.name for item in plan(protocol, participant=p, session=s) if isinstance(item, PlannedTrial))
        for p in ("P01", "P02", "P03")
        for s in ("01", "02")
    }
    assert len(orders) == 6


@given(st.dictionaries(st.text("abc.", min_size=1, max_size=5), st.text(max_size=20), max_size=4))
def test_every_marker_is_one_line_and_comes_back(values: dict[str, str]) -> None:
    marker = StudyMarker(Kind.RATING, values)
    assert "\n" not in marker.text
    assert StudyMarker.parse(marker.text) == marker


@pytest.mark.parametrize("text", ["", "study", "study dance", "study rating trial", "studying rating trial=1", "blink"])
def test_other_texts_are_no_markers_of_a_study(text: str) -> None:
    assert StudyMarker.parse(text) is None
