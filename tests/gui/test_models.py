"""The Qt-free values behind the views."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from bci_app.engine.spectrum import BANDS, Spectrum
from bci_app.events import Contact, ContactLevel, Gap, Phase, Prediction, Reason, Status, TargetPrediction
from bci_app.gui.theme import DARK, LIGHT, Theme, mix
from bci_app.gui.views.timeline import invalid_stretches
from bci_app.gui.widgets import short
from bci_app.presentation import notices
from bci_app.presentation.electrodes import position
from bci_app.presentation.event_log import EventLog
from bci_app.presentation.notices import TroubleBoard, present
from bci_app.presentation.spectra import BandMap, Spectra
from bci_app.presentation.state import ContactSummary, Event, Notice, SessionLog, Step, expected, step_of
from bci_app.presentation.topography import GRID_POINTS, Topography


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
    board = TroubleBoard(shown.append)
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


@pytest.mark.parametrize(
    ("power", "text"), [(0.04, "0.0"), (9.94, "9.9"), (9.96, "10"), (9999.0, "9999"), (2e4, "20k")]
)
def test_powers_are_short(power: float, text: str) -> None:
    assert short(power) == text


def test_bands_touch_without_overlap() -> None:
    assert all(a.high == b.low for a, b in pairwise(BANDS))


def luminance(name: str) -> float:
    parts = [int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_writing_can_be_read_and_marks_be_seen(theme: Theme) -> None:
    for ground in (theme.background, theme.surface):
        assert contrast(theme.text, ground) > 7
        assert contrast(theme.muted, ground) > 4.5
    for mark in (theme.good, theme.poor, theme.bad, theme.accent, theme.trace):
        assert contrast(mark, theme.background) > 4.5
    assert contrast(theme.faint, theme.background) > 3
    assert all(contrast(target, theme.background) > 2.9 for target in theme.targets[:4])
    assert not set(theme.targets) & {theme.good, theme.poor, theme.bad, theme.accent}
    assert mix("#000000", "#ffffff", 0.5) == "#808080"


# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
COLOUR_VISION = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(name: str, vision: str) -> np.ndarray:
    """Give a colour in CIE L*a*b*, as a kind of colour vision sees it."""
    parts = np.array([int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    x, y, z = TO_XYZ @ np.clip(np.array(COLOUR_VISION[vision]) @ linear, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = (np.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_contact_can_be_told_by_colour_with_any_colour_vision(theme: Theme, vision: str) -> None:
    for one, other in combinations((theme.good, theme.poor, theme.bad), 2):
        assert np.linalg.norm(seen(one, vision) - seen(other, vision)) > 25


def test_a_silent_stream_is_not_called_back_while_nobody_looks() -> None:
    told: list[Event] = []
    event_log = EventLog(told.append, lambda: 7.0)
    event_log.silence(notices.SILENT)
    event_log.silence("", looked=False)
    assert [event.text for event in told] == [notices.SILENT]
    event_log.silence("")
    # That a stream was lost and is there again the engine knows by itself.
    event_log.silence(notices.LOST, looked=False)
    event_log.silence("", looked=False)
    assert [event.text for event in told[1:]] == ["stream back", notices.LOST, "stream back"]


def test_what_happens_by_itself_is_told_once() -> None:
    told: list[Event] = []
    event_log = EventLog(told.append, lambda: 7.0)
    for step in (Step.CONTACT, Step.BASELINE, Step.BASELINE, Step.RUN):
        event_log.step(step)
    for name in ("rest.edf", "rest.edf", "task.edf"):
        event_log.file(name)
    for connected in (frozenset({"PsychoPy"}), frozenset({"PsychoPy"}), frozenset()):
        event_log.marker_streams(connected)
    for silence in ("", "paused", "", "stream lost", ""):
        event_log.silence(silence)
    assert [event.text for event in told] == [
        "rest baseline begun",
        "rest baseline measured",
        "next recording: task.edf",
        "connected: PsychoPy",
        "disconnected: PsychoPy",
        "paused",
        "stream lost",
        "stream back",
    ]
    assert all(event.quiet and event.seconds == 7.0 for event in told)


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
