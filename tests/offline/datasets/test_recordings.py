import datetime
from pathlib import Path

import numpy as np
import pytest
from edfio import Edf, EdfSignal, Recording
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from bci_app.recording import read_recording
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter
from offline.datasets import Threshold, make_windows, open_dataset, prepare
from offline.presets import PRESETS

RATE = 100
SECONDS = 60
CHANNELS = ("EEG Fp1", "EEG Cz", "EEG T3", "ECG")


def record(
    root: Path,
    stem: str,
    events: str,
    *,
    channels: tuple[str, ...] = CHANNELS,
    seed: int = 0,
    date: datetime.date | None = None,
) -> NDArray[np.float64]:
    """Write a recording of a minute and its events (cells separated by commas here)."""
    root.mkdir(parents=True, exist_ok=True)
    data = np.random.default_rng(seed).normal(scale=20, size=(len(channels), SECONDS * RATE)).clip(-99, 99)
    signals = [
        EdfSignal(row, RATE, label=name, physical_dimension="uV" if name != "ECG" else "mV", physical_range=(-100, 100))
        for name, row in zip(channels, data, strict=True)
    ]
    Edf(signals, recording=Recording(startdate=date)).write(root / f"{stem}_eeg.edf")
    (root / f"{stem}_events.tsv").write_text(events.replace(",", "\t"))
    return data.T


RATED = """onset,duration,trial,trial_type,valence,arousal
0,8,n/a,rest,n/a,n/a
20,10,film-b,stimulus,7,5
40,10.5,film-a,stimulus,2,5.5
55,0,n/a,button,n/a,n/a
"""


def test_rated_trials_with_their_rest(tmp_path: Path) -> None:
    data = record(tmp_path, "sub-01", RATED)
    dataset = open_dataset("recordings", tmp_path)
    first, second = dataset.trials("01")
    assert [target.name for target in dataset.info.targets] == ["valence", "arousal"]
    assert (dataset.info.channels, dataset.info.rate) == (("Fp1", "Cz", "T7"), 100)
    assert dataset.info.rest_seconds == 8
    assert (first.subject, first.session, first.trial) == ("01", "1", "film-b")
    assert (first.labels, second.labels) == ({"valence": 1, "arousal": 0}, {"valence": 0, "arousal": 1})
    assert second.ratings == {"valence": 2.0, "arousal": 5.5}
    for trial, onset, n in ((first, 20, 1000), (second, 40, 1050)):
        # Ten seconds before a trial are kept for the filters and not scored.
        assert trial.scored_from == 10 * RATE
        start = (onset - 10) * RATE
        np.testing.assert_allclose(trial.data, data[start : start + 10 * RATE + n, :3], atol=0.002)
        assert trial.rest is not None
        np.testing.assert_allclose(trial.rest, data[: 8 * RATE, :3], atol=0.002)


def test_without_a_rest_row_the_beginning_of_the_recording_is_the_rest(tmp_path: Path) -> None:
    data = record(tmp_path, "sub-01", "onset,duration,valence\n12,5,7\n30,5,3\n")
    for trial in open_dataset("recordings", tmp_path).trials("01"):
        assert trial.rest is not None
        np.testing.assert_allclose(trial.rest, data[: 12 * RATE, :3], atol=0.002)
    record(tmp_path, "sub-01", "onset,duration,valence\n0,5,7\n30,5,3\n")
    dataset = open_dataset("recordings", tmp_path)
    assert [trial.rest for trial in dataset.trials("01")] == [None, None]
    assert dataset.info.rest_seconds == 0


def test_named_classes_and_bids_folders_in_natural_order(tmp_path: Path) -> None:
    table = "onset,duration,load level,response_time,block\n5,5,{},0.3,1\n20,5,{},0.4,2\n"
    for sub, ses, words in (("10", "1", "lh"), ("2", "10", "hm"), ("2", "9", "lm")):
        names = {"l": "low", "m": "medium", "h": "high"}
        stem = f"sub-{sub}_ses-{ses}_task-count"
        record(tmp_path / f"sub-{sub}" / f"ses-{ses}" / "eeg", stem, table.format(*(names[w] for w in words)))
    dataset = open_dataset("recordings", tmp_path)
    assert dataset.subjects() == ["2", "10"]
    (target,) = dataset.info.targets
    assert (target.name, target.classes) == ("load_level", ("low", "medium", "high"))
    trials = list(dataset.trials("2"))
    assert [(trial.session, trial.labels["load_level"]) for trial in trials] == [
        ("9", 0),
        ("9", 1),
        ("10", 2),
        ("10", 1),
    ]
    assert [path.name for path in dataset.files("10")] == [
        "sub-10_ses-1_task-count_eeg.edf",
        "sub-10_ses-1_task-count_events.tsv",
    ]


def test_runs_of_one_session_have_trials_of_their_own(tmp_path: Path) -> None:
    for run in (1, 2):
        record(tmp_path, f"sub-a_run-{run}", "onset,duration,valence\n5,5,7\n20,5,2\n", seed=run)
    assert [trial.trial for trial in open_dataset("recordings", tmp_path).trials("a")] == ["1.1", "1.2", "2.1", "2.2"]


def test_channels_are_those_that_all_recordings_have(tmp_path: Path) -> None:
    table = "onset,duration,valence\n5,5,7\n20,5,2\n"
    record(tmp_path, "sub-1", table)
    record(tmp_path, "sub-2", table, channels=("Pz", "T7", "CZ"))
    dataset = open_dataset("recordings", tmp_path)
    assert dataset.info.channels == ("Cz", "T7")
    assert {trial.channels for subject in ("1", "2") for trial in dataset.trials(subject)} == {("Cz", "T7")}
    record(tmp_path, "sub-3", table, channels=("O1",))
    with pytest.raises(DatasetError, match="no electrode in common"):
        list(open_dataset("recordings", tmp_path).trials("1"))


def test_an_xdf_recording_is_read_by_its_eeg_stream(tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(size=(30 * 128, 2))
    with XdfWriter(tmp_path / "sub-1_eeg.xdf") as writer:
        channels = (XdfChannel("Fz", "microvolts", "EEG"), XdfChannel("T4", "microvolts", "EEG"))
        stream = writer.add_stream(StreamHeader("Headset", "EEG", channels, rate=128.0))
        writer.write_samples(stream, data, 1000 + np.arange(len(data)) / 128)
        markers = writer.add_stream(StreamHeader("Events", "Markers", (XdfChannel("event"),), format="string"))
        writer.write_markers(markers, ["begin"], [1001.0])
    (tmp_path / "sub-1_events.tsv").write_text("onset\tduration\tload\n2\t5\tlow\n20\t5\thigh\n")
    dataset = open_dataset("recordings", tmp_path)
    assert (dataset.info.channels, dataset.info.rate) == (("Fz", "T8"), 128)
    begun = read_recording(tmp_path / "sub-1_eeg.xdf").begun
    assert begun is not None
    assert abs((datetime.datetime.now(datetime.UTC) - begun).total_seconds()) < 60
    first, second = dataset.trials("1")
    np.testing.assert_array_equal(first.data[first.scored_from :], data[2 * 128 : 7 * 128])
    np.testing.assert_array_equal(second.data, data[10 * 128 : 25 * 128])
    assert (first.labels, second.labels) == ({"load": 0}, {"load": 1})


@pytest.mark.parametrize(
    ("days", "order"),
    [((3, 1, 2), ["2", "10", "1"]), ((3, 1, None), ["1", "2", "10"]), ((3, 1, 1), ["1", "2", "10"])],
)
def test_sessions_are_in_the_order_in_which_they_were_recorded_where_files_tell(
    tmp_path: Path, days: tuple[int | None, ...], order: list[str]
) -> None:
    for session, day in zip(("1", "2", "10"), days, strict=True):
        date = datetime.date(2026, 5, day) if day else None
        record(tmp_path, f"sub-a_ses-{session}", "onset,duration,valence\n5,5,7\n20,5,2\n", date=date)
    dataset = open_dataset("recordings", tmp_path)
    assert [trial.session for trial in dataset.trials("a")][::2] == order
    assert [path.name.split("_")[1].removeprefix("ses-") for path in dataset.files("a")][::2] == order


def test_a_recording_that_cannot_be_read_leaves_its_subject_out(tmp_path: Path) -> None:
    for subject in ("1", "2", "3"):
        record(tmp_path, f"sub-{subject}", RATED)
    damaged = tmp_path / "sub-1_eeg.edf"
    damaged.write_bytes(damaged.read_bytes()[:600])
    dataset = open_dataset("recordings", tmp_path)
    assert dataset.subjects() == ["1", "2", "3"]
    assert dataset.info.channels == ("Fp1", "Cz", "T7")
    with pytest.raises(DatasetError, match=r"sub-1_eeg\.edf cannot be used"):
        list(dataset.trials("1"))
    skipped: dict[str, DatasetError] = {}
    spec = PRESETS["compact"].preprocessing(dataset.info)
    windows = prepare(dataset, spec, tmp_path / "cache", on_skip=skipped.__setitem__)
    assert windows.subjects == ("2", "3")
    assert list(skipped) == ["1"]
    for subject in ("2", "3"):
        (tmp_path / f"sub-{subject}_eeg.edf").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"sub-1_eeg\.edf cannot be used"):
        _ = open_dataset("recordings", tmp_path).info


def test_a_labelled_rest_is_scored_after_its_own_baseline_only(tmp_path: Path) -> None:
    """Half of it at most is the baseline, of this trial and of those after it."""
    table = "onset,duration,trial_type,load\n2,20,rest,low\n30,12,stimulus,high\n"
    data = record(tmp_path, "sub-1", table)
    dataset = open_dataset("recordings", tmp_path)
    assert dataset.info.rest_seconds == 10
    rest, load = dataset.trials("1")
    assert (rest.rest, rest.scored_from) == (None, 0)
    np.testing.assert_allclose(rest.data, data[2 * RATE : 22 * RATE, :3], atol=0.002)
    assert load.rest is not None
    np.testing.assert_array_equal(load.rest, rest.data)
    spec = PRESETS["compact"].preprocessing(dataset.info)
    assert spec.baseline_windows == 10
    windows = make_windows(dataset, spec)
    low = windows.labels[:, 0] == 0
    assert (windows.last[low] - RATE * spec.window_seconds >= 10 * RATE - 2).all()
    assert (low.sum(), (~low).sum()) == (10, 12)


def test_the_threshold_is_a_setting_and_recorded(tmp_path: Path) -> None:
    record(tmp_path, "sub-1", "onset,duration,valence\n5,5,3\n20,5,5\n")
    dataset = open_dataset("recordings", tmp_path, threshold=Threshold(3, inclusive=True))
    assert [trial.labels["valence"] for trial in dataset.trials("1")] == [1, 1]
    assert "high if rating >= 3" in dataset.info.targets[0].description


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ("onset,valence\n5,7\n", r"sub-1_events\.tsv is no events table: found onset, valence"),
        ("onset,duration,valence,valence\n5,5,7,7\n", "a column twice"),
        ("onset,duration,valence\nlate,5,7\n", r"onset of row 1 of sub-1_events\.tsv is not a number: found 'late'"),
        ("onset,duration,valence\n5,nan,7\n", "duration of row 1 .* is not a number"),
        ("onset,duration,valence\n5,5,high\n", "valence of row 1 .* is not a number"),
        ("onset,duration,valence\n5,5,11\n", "valence rating of row 1 .* is off its scale: found 11"),
        ("onset,duration,valence\n55,10,5\n", r"row 1 .* lies outside its recording: found 55 s to 65 s"),
        ("onset,duration,valence\n-1,10,5\n", "lies outside its recording"),
        ("onset,duration,valence\n5,0,5\n", "lies outside its recording"),
        ("onset,duration,valence,arousal\n5,5,5,5\n20,5,5,n/a\n", "row 2 .* is labelled in part: found no arousal"),
        ("onset,duration,block\n5,5,1\n", "hold no labels"),
        ("onset,duration,load\n5,5,low\n", "Column load has one class only: found low"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, events: str, message: str) -> None:
    record(tmp_path, "sub-1", events)
    with pytest.raises(DatasetError, match=message):
        list(open_dataset("recordings", tmp_path).trials("1"))


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No events table is there"):
        open_dataset("recordings", tmp_path)
    (tmp_path / "mine_events.tsv").write_text("onset\tduration\tvalence\n")
    with pytest.raises(DatasetError, match=r"mine_events\.tsv does not name the subject"):
        open_dataset("recordings", tmp_path)
    (tmp_path / "mine_events.tsv").rename(tmp_path / "sub-1_events.tsv")
    with pytest.raises(DatasetError, match="needs one recording beside it: found none"):
        open_dataset("recordings", tmp_path)
    (tmp_path / "sub-1_eeg.edf").write_bytes(b"no recording")
    (tmp_path / "sub-1_events.tsv").write_text("onset\tduration\tvalence\n1\t1\t5\n")
    with pytest.raises(DatasetError, match=r"sub-1_eeg\.edf cannot be used"):
        list(open_dataset("recordings", tmp_path).trials("1"))


def test_a_trial_across_a_gap_is_refused_and_one_beside_it_is_not(tmp_path: Path, shared_data: Path) -> None:
    from bci_app.recording import read_recording

    # 30 s of a Muse recording, then 10 s missing, then the rest.
    lines = (shared_data / "muse" / "muse_p300.csv").read_text().splitlines(keepends=True)
    kept = lines[: 1 + 256 * 30] + lines[1 + 256 * 40 :]
    (tmp_path / "sub-1_eeg.csv").write_text("".join(kept))
    assert read_recording(tmp_path / "sub-1_eeg.csv").breaks
    (tmp_path / "sub-1_events.tsv").write_text("onset\tduration\tvalence\n5\t10\t5\n42\t10\t7\n")
    before, after = open_dataset("recordings", tmp_path).trials("1")
    assert before.scored_from == 5 * 256
    # The second begins 2 s after the gap: what lies before the gap is not used.
    assert after.scored_from == pytest.approx(2 * 256, abs=20)
    (tmp_path / "sub-1_events.tsv").write_text("onset\tduration\tvalence\n25\t10\t5\n42\t10\t7\n")
    with pytest.raises(DatasetError, match="interrupted within row 1"):
        list(open_dataset("recordings", tmp_path).trials("1"))
