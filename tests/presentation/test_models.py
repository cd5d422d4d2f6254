"""The Qt-free values behind the views."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bci_app.engine.spectrum import BANDS, Spectrum
from bci_app.events import Contact, ContactLevel, Gap, Phase, Prediction, Reason, Status, TargetPrediction
from bci_app.presentation import notices
from bci_app.presentation.answers import invalid_stretches
from bci_app.presentation.electrodes import position
from bci_app.presentation.event_log import EventLog
from bci_app.presentation.marks import note_marker, planted_truth, report_text, words_of
from bci_app.presentation.notices import NoticeBoard, present
from bci_app.presentation.spectra import BandMap, Spectra
from bci_app.presentation.state import ContactSummary, Event, Notice, SessionLog, Step, Trial, expected, step_of
from bci_app.presentation.topography import GRID_POINTS, Topography
from bci_app.sources.registry import open_source
from bci_app.stream import Marker
from bci_app.study.markers import Kind, StudyMarker


def prediction(time: float, *reasons: Reason) -> Prediction:
    target = TargetPrediction("load", ("low", "high"), None if reasons else (0.4, 0.6), None if reasons else (0.5, 0.5))
    return Prediction(0, time, not reasons, reasons, 1.0, 0.0, 0.0, (target,))


def status(phase: Phase, progress: float = 1.0) -> Status:
    return Status(phase, "", 250.0, 250.0, 1, 0, 0.0, progress, 1.0)


@pytest.mark.parametrize(
    ("now", "before", "step"),
    [
        (status(Phase.CONTACT, 0.0), Step.CONNECT, Step.CONTACT),
        (status(Phase.WARMING_UP, 0.0), Step.CONNECT, Step.BASELINE),
        (status(Phase.BASELINE, 0.5), Step.BASELINE, Step.BASELINE),
        (status(Phase.WARMING_UP, 1.0), Step.RUN, Step.RUN),
        (status(Phase.LOST, 0.5), Step.BASELINE, Step.BASELINE),
        (status(Phase.FINISHED), Step.RUN, Step.RUN),
    ],
)
def test_step_follows_the_engine_and_stays_through_a_loss(now: Status, before: Step, step: Step) -> None:
    assert step_of(now, before) is step


def test_contacts_that_want_care_come_worst_first() -> None:
    levels = {"A": ContactLevel.GOOD, "B": ContactLevel.POOR, "C": ContactLevel.BAD, "D": ContactLevel.MISSING}
    summary = ContactSummary.of([Contact(name, level) for name, level in levels.items()])
    assert [contact.channel for contact in summary.wanting] == ["D", "C", "B"]
    assert summary.unusable == 2


def troubles_of(**changes: object) -> tuple[Notice, ...]:
    now = replace(status(Phase.RUNNING), **changes)  # type: ignore[arg-type]
    return present(now, None, 0.0)


def test_a_notice_is_shown_beside_whatever_else_there_is_once_that_is_taken_away() -> None:
    shown: list[Notice | None] = []
    board = NoticeBoard(shown.append)
    board.watch(troubles_of(recording_error="disk full", notice="The stream runs at 262.5 Hz."))
    assert shown[-1] is not None
    assert shown[-1].advice == "disk full"
    board.dismiss()
    board.watch(troubles_of(recording_error="disk full", notice="The stream runs at 262.5 Hz."))
    assert shown[-1] is not None
    assert shown[-1].advice == "The stream runs at 262.5 Hz."
    board.dismiss()
    # Other figures are the same notice, other words another one.
    board.watch(troubles_of(recording_error="disk full", notice="The stream runs at 262.4 Hz."))
    assert shown[-1] is None
    board.watch(troubles_of(notice="The OSC output has ended."))
    assert shown[-1] is not None
    assert shown[-1].advice == "The OSC output has ended."


def test_a_disk_that_is_nearly_full_is_told_while_recording() -> None:
    (notice,) = present(status(Phase.RUNNING), None, 0.0, free=4e8)
    assert notice.summary == "The disk is nearly full."
    assert "0.4 GB" in notice.advice
    assert present(status(Phase.RUNNING), None, 0.0, free=4e10) == ()


def test_log_forgets_what_is_old() -> None:
    log = SessionLog(seconds=10)
    for time in range(30):
        log.add([prediction(float(time))], [Gap(0, float(time), 1)])
    assert [p.time for p in log.predictions] == [float(t) for t in range(19, 30)]
    assert log.gaps[0].time == 19.0
    assert [p.time for p in log.since(27.5)] == [28.0, 29.0]


def test_a_window_that_is_late_itself_calls_no_stream_silent() -> None:
    late, silent = (replace(status(Phase.RUNNING), age_s=age) for age in (0.02, 7.0))
    assert (notices.silence(late, None, 7.0), notices.silence(silent, None, 7.0)) == ("", notices.SILENT)
    assert present(late, None, 7.0) == ()
    assert [notice.summary for notice in present(silent, None, 7.0)] == ["No samples are arriving."]


def test_stretches_join_by_reason_and_name_silence() -> None:
    said = [
        *(prediction(t, Reason.BASELINE) for t in (1.0, 2.0, 3.0)),
        prediction(4.0),
        prediction(5.0, Reason.GAP),
        prediction(9.0),
    ]
    found = invalid_stretches(said, 15.0, hop=1.0, silent="stream lost")
    assert [(round(s.start, 6), round(s.stop, 6), s.reason) for s in found] == [
        (-15.0, -12.0, "rest baseline"),
        (-11.0, -10.0, "gap"),
        (-10.0, -7.0, "stream lost"),
        (-6.0, 0.0, "stream lost"),
    ]


def test_expected_class_of_an_ordered_target() -> None:
    assert expected((0.25, 0.75)) == 0.75
    assert expected((0.0, 0.0, 1.0)) == 1.0
    assert expected((0.5, 0.0, 0.5)) == 0.5


def test_electrodes_lie_where_they_belong() -> None:
    places = {name: position(name) for name in ("Cz", "Fp1", "O2", "T7", "T8", "Oz")}
    assert all(place is not None for place in places.values())
    x, y = zip(*(place for place in places.values() if place is not None), strict=True)
    assert abs(x[0]) < 0.05
    assert abs(y[0]) < 0.05
    assert x[1] < 0 < y[1]
    assert x[2] > 0 > y[2]
    assert x[3] == pytest.approx(-x[4], abs=0.02)
    assert np.hypot(x, y).max() < 1
    assert position("EEG T3") == places["T7"]
    assert position("ECG ECG") is None


def test_electrode_table_agrees_with_mne() -> None:
    import mne

    names = mne.channels.get_builtin_montages()
    montage = mne.channels.make_standard_montage("colin27_1005" if "colin27_1005" in names else "standard_1005")
    places = montage.get_positions()["ch_pos"]
    for name, place in places.items():
        mine = position(name)
        if mine is None or np.hypot(*mine) < 0.2:
            continue
        direction = np.arctan2(place[1] + 0.016, place[0])
        assert np.cos(np.arctan2(mine[1], mine[0]) - direction) > 0.99, name


def test_map_takes_the_values_at_the_electrodes_and_leaves_out_what_is_bad() -> None:
    names = ["Fp1", "Fp2", "C3", "C4", "O1", "O2", "ECG"]
    values = np.array([1.0, 1.0, 2.0, 2.0, 5.0, np.nan, 1e6])
    found = Topography(names).map(values)
    assert found is not None
    assert found.shape == (GRID_POINTS, GRID_POINTS)
    for name, value in zip(names[:5], values[:5], strict=True):
        place = position(name)
        assert place is not None
        column, row = (round((c + 1) / 2 * (GRID_POINTS - 1)) for c in (place[0], -place[1]))
        assert found[row, column] == pytest.approx(value, abs=0.35), name
    assert found.max() <= 5.0
    assert Topography(names[:3]).map(values[:3]) is None
    # Electrodes in one line say nothing of what lies beside it.
    assert Topography(["Fz", "Cz", "Pz", "Oz", "POz"]).map(np.arange(5.0)) is None


def test_bands_touch_without_overlap() -> None:
    assert all(a.high == b.low for a, b in pairwise(BANDS))


def test_a_silent_stream_is_not_called_back_while_nobody_looks() -> None:
    events: list[Event] = []
    event_log = EventLog(events.append, lambda: 7.0)
    event_log.silence(notices.SILENT)
    event_log.silence("", looked=False)
    assert [event.text for event in events] == [notices.SILENT]
    event_log.silence("")
    # That a stream was lost and is there again the engine knows by itself.
    event_log.silence(notices.LOST, looked=False)
    event_log.silence("", looked=False)
    assert [event.text for event in events[1:]] == ["stream back", notices.LOST, "stream back"]


def test_what_happens_by_itself_is_told_once() -> None:
    events: list[Event] = []
    event_log = EventLog(events.append, lambda: 7.0)
    for step in (Step.CONTACT, Step.BASELINE, Step.BASELINE, Step.RUN):
        event_log.step(step)
    for name in ("rest.edf", "rest.edf", "task.edf"):
        event_log.file(name)
    for connected in (frozenset({"PsychoPy"}), frozenset({"PsychoPy"}), frozenset()):
        event_log.marker_streams(connected)
    for silence in ("", "paused", "", "stream lost", ""):
        event_log.silence(silence)
    assert [event.text for event in events] == [
        "rest baseline begun",
        "rest baseline measured",
        "next recording: task.edf",
        "connected: PsychoPy",
        "disconnected: PsychoPy",
        "paused",
        "stream lost",
        "stream back",
    ]
    assert all(event.quiet and event.seconds == 7.0 for event in events)


def test_the_map_is_of_the_chosen_band_and_leaves_out_bad_and_unjudged_channels() -> None:
    names = ["Fp1", "Fp2", "C3", "C4", "O1", "ECG"]
    maps: list[BandMap | None] = []
    spectra = Spectra(lambda _curves: None, maps.append)
    spectra.begin(names, names[:5])
    frequencies = np.arange(0, 50, 0.5)
    density = np.ones((6, 100))
    density[2], density[5] = 1000.0, 1e6
    spectrum = Spectrum(frequencies, density)
    spectra.take(spectrum)
    assert maps == [None]
    spectra.choose_band(BANDS[2])
    assert maps[-1] is not None
    assert maps[-1].band == "α"
    assert maps[-1].ends[1] > 100
    spectra.judge([Contact("C3", ContactLevel.BAD)])
    spectra.take(spectrum)
    assert maps[-1] is not None
    assert maps[-1].ends == pytest.approx((5.0, 5.0))
    spectra.take(None)
    assert maps[-1] is None


def test_trials_and_ratings_of_a_study_are_read_from_its_markers() -> None:
    log = SessionLog()
    for time, text in enumerate(
        (
            StudyMarker(Kind.TRIAL_ONSET, {"trial": "3", "condition": "happy memory"}).text,
            StudyMarker(Kind.TRIAL_OFFSET, {"trial": "3", "outcome": "complete"}).text,
            StudyMarker(Kind.RATING, {"trial": "3", "valence": "8", "arousal": "2"}).text,
            "self-report valence=7 arousal=3 dominance=5",
            StudyMarker(Kind.REST_ONSET, {"rest": "1"}).text,
            "self-reported nothing",
        )
    ):
        note_marker(log, Marker(float(time), text))
    assert list(log.trials) == [Trial(0.0, 1.0, "happy memory"), Trial(4.0, None, "rest")]
    assert [report.ratings for report in log.reports] == [
        {"valence": 8, "arousal": 2},
        {"valence": 7, "arousal": 3, "dominance": 5},
    ]
    assert words_of(StudyMarker(Kind.TRIAL_ONSET, {"trial": "3", "condition": "happy memory"}).text) == (
        "trial 3: happy memory"
    )
    assert words_of(StudyMarker(Kind.TRIAL_OFFSET, {"trial": "3", "outcome": "complete"}).text) == "trial 3 ends"
    assert words_of(StudyMarker(Kind.RATING, {"trial": "3", "valence": "8"}).text) == "rating 3: valence 8"
    assert words_of(StudyMarker(Kind.REST_ONSET, {"rest": "1"}).text) == "rest 1"
    assert words_of("eyes closed") == "eyes closed"
    assert report_text({"valence": 7, "arousal": 3}) == "self-report valence=7 arousal=3"


def test_a_simulated_participants_state_is_known_and_no_other_one() -> None:
    source = open_source("synthetic:")
    truth = planted_truth(source, 5.0)
    assert truth is not None
    assert set(truth.values) == {"valence", "arousal", "dominance"}
    assert all(0 <= value <= 1 for value in truth.values.values())
    assert planted_truth(open_source("lsl:somebody"), 5.0) is None
