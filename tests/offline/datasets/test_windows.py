from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from bci_app.preprocessing import Pipeline, PreprocessingSpec, Window, measure_rest, network_input
from bci_app.preprocessing.spec import BandPass, LogBandPowerToken, NoBaseline, RestBaseline
from offline.datasets import DatasetInfo, Trial, make_windows, open_dataset
from offline.datasets.eegmat import INFO

BANDS = LogBandPowerToken(bands=((4.0, 8.0), (8.0, 13.0), (13.0, 30.0)))


def spec(**changes: object) -> PreprocessingSpec:
    settings: dict[str, object] = {
        "channels": ("C3", "C4", "Pz"),
        "rate": 128.0,
        "band_pass": BandPass(low=4, high=45),
        "warm_up": 64,
        "window": 128,
        "hop": 32,
        "token": BANDS,
        "baseline": RestBaseline(kind="feature", samples=512),
    }
    return PreprocessingSpec(**(settings | changes))


def by_hand(data: NDArray[np.float64], s: PreprocessingSpec, rate: float) -> list[Window]:
    """Drive the live pipeline in odd chunks."""
    pipeline = Pipeline(s, channels=("Pz", "EEG C4", "C3"), rate=rate, units=("uV",) * 3)
    cuts = np.cumsum(np.random.default_rng(0).integers(0, 90, size=len(data)))
    chunks = np.split(data, cuts[cuts < len(data)])
    return [window for chunk in chunks for window in pipeline.process(chunk)]


@dataclass(frozen=True)
class Made:
    """A data set of given trials."""

    made: tuple[Trial, ...]
    info: DatasetInfo = field(
        default=replace(INFO, targets=(Target(name="a", classes=("x", "y")), Target(name="b", classes=("x", "y", "z"))))
    )

    def subjects(self) -> list[str]:
        return list(dict.fromkeys(trial.subject for trial in self.made))

    def trials(self, subject: str) -> Iterator[Trial]:
        return (trial for trial in self.made if trial.subject == subject)


def trial(seed: int, *, seconds: float = 12, rate: float = 128, **changes: object) -> Trial:
    data = np.random.default_rng(seed).normal(scale=20, size=(round(seconds * rate), 3)) + 500
    made = Trial(
        subject="s1", session="1", trial=str(seed), data=data, rate=rate, channels=("Pz", "EEG C4", "C3"),
        labels={"a": seed % 2, "b": seed % 3},
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [128.0, 500.0, 512.0])
def test_windows_equal_the_live_pipeline_in_odd_chunks(rate: float) -> None:
    rest_data = trial(9, rate=rate).data
    made = trial(1, rate=rate, rest=rest_data)
    s = spec()
    windows = make_windows(Made((made,)), s)
    live = by_hand(made.data, s, rate)
    rest = measure_rest(s, [window.features for window in by_hand(rest_data, s, rate)])
    np.testing.assert_array_equal(windows.tokens, [network_input(s, window.features, rest) for window in live])
    np.testing.assert_array_equal(windows.last, [window.last for window in live])
    np.testing.assert_array_equal(windows.seconds, windows.last / rate)
    assert windows.tokens.dtype == np.float32


@pytest.mark.parametrize("rate", [128.0, 160.0, 500.0, 512.0])
def test_own_beginning_is_the_baseline_and_never_scored(rate: float) -> None:
    made, s = trial(1, rate=rate), spec(warm_up=0, hop=128)
    windows = make_windows(Made((made,)), s)
    live = by_hand(made.data, s, rate)
    rest = measure_rest(s, [window.features for window in live[:4]])
    # 12 s: four windows of rest, eight scored, with none lost or doubled between them.
    np.testing.assert_array_equal(windows.tokens, [network_input(s, window.features, rest) for window in live[4:]])
    np.testing.assert_array_equal(windows.last, [window.last for window in live[4:]])


@pytest.mark.parametrize("rate", [128.0, 500.0, 512.0])
def test_scored_windows_begin_at_or_after_scored_from(rate: float) -> None:
    made = trial(1, rate=rate, scored_from=round(3 * rate))
    s = spec(baseline=NoBaseline(), warm_up=0)
    windows = make_windows(Made((made,)), s)
    live = by_hand(made.data, s, rate)
    # Windows hop by 0.25 s, so window 12 is the first that begins at 3 s.
    np.testing.assert_array_equal(windows.last, [window.last for window in live[12:]])


def test_filters_settle_on_what_lies_before_scored_from() -> None:
    made = trial(1, scored_from=512)
    s = spec(baseline=NoBaseline(), token=BANDS, warm_up=0, hop=128)
    scored = make_windows(Made((made,)), s).tokens
    alone = make_windows(Made((replace(made, data=made.data[512:], scored_from=0),)), s).tokens
    assert len(scored) == len(alone)
    assert not np.allclose(scored[0], alone[0], rtol=1e-3)


def test_a_rest_recording_is_spent_for_exactly_the_baseline() -> None:
    rest = trial(9).data
    changed = rest.copy()
    changed[512:] *= 100
    s = spec(warm_up=0, hop=128)
    first, second = (make_windows(Made((trial(1, rest=r),)), s).tokens for r in (rest, changed))
    np.testing.assert_array_equal(first, second)


def test_codes_are_unique_over_subjects_and_labels_follow_the_targets() -> None:
    dataset = Made(
        (
            trial(1, session="1"),
            trial(2, session="2"),
            trial(1, subject="s2", session="1"),
            trial(5, subject="s2", session="1"),
        )
    )
    windows = make_windows(dataset, spec(), targets=["b", "a"])
    assert [target.name for target in windows.targets] == ["b", "a"]
    assert windows.subjects == ("s1", "s2")
    rows = np.unique(
        np.column_stack([windows.subject, windows.session, windows.trial, windows.labels]), axis=0
    )  # subject, session, trial, b, a
    np.testing.assert_array_equal(rows, [[0, 0, 0, 1, 1], [0, 1, 1, 2, 0], [1, 2, 2, 1, 1], [1, 2, 3, 2, 1]])


def test_a_subject_that_fails_is_an_error_or_left_out_and_named() -> None:
    short = trial(1, subject="s2", seconds=2)
    dataset = Made((trial(1), short, trial(2, subject="s3")))
    with pytest.raises(DatasetError, match="rest recording is too short"):
        make_windows(dataset, spec())
    skipped: list[str] = []
    steps: list[tuple[int, int]] = []
    windows = make_windows(
        dataset,
        spec(),
        on_skip=lambda subject, error: skipped.append(f"{subject}: {error}"),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert windows.subjects == ("s1", "s3")
    assert len(skipped) == 1
    assert skipped[0].startswith("s2: Preprocessing does not fit trial 1 of s2")
    assert steps == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("trials", "changes", "message"),
    [
        ((trial(1), trial(1)), {}, "s1 has trial 1 of session 1 twice"),
        ((trial(1, scored_from=1500),), {}, "s1 has no window"),
        ((trial(1),), {"channels": ("C3", "Oz")}, "missing Oz"),
    ],
)
def test_what_cannot_be_used_is_refused(trials: tuple[Trial, ...], changes: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        make_windows(Made(trials), spec(**changes))


def test_unknown_subjects_and_targets_are_refused() -> None:
    dataset = Made((trial(1),))
    with pytest.raises(DatasetError, match="missing s9"):
        make_windows(dataset, spec(), subjects=["s9"])
    with pytest.raises(DatasetError, match="found valence, expected each at most once, of a, b"):
        make_windows(dataset, spec(), targets=["valence"])
    with pytest.raises(DatasetError, match="cannot give these targets"):
        make_windows(dataset, spec(), targets=["a", "a"])


def test_eegmat_under_the_live_protocol_spends_thirty_seconds_and_scores_the_rest(arithmetic_npz: Path) -> None:
    s = spec(
        channels=INFO.channels, window=512, hop=128, warm_up=128, baseline=RestBaseline(kind="feature", samples=3840)
    )
    windows = make_windows(open_dataset("eegmat", arithmetic_npz), s, subjects=["Subject01", "Subject02"])
    for code in np.unique(windows.trial):
        rows = windows.trial == code
        arithmetic = windows.labels[rows][0, 0] == 1
        # Windows of 4 s every second, from the end of rest (30 s) or of warm-up (1 s) to 60 s.
        np.testing.assert_array_equal(windows.last[rows], 128 * np.arange(5 if arithmetic else 34, 61) - 1)
