"""What version 2 of the bundle adds: elastic montages, the domain check, conformal sets, alignment, artefacts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.conformal import Conformal, fit_conformal, prediction_sets
from bci_app.bundle.decoder import stream_pipeline
from bci_app.bundle.domain import DomainCheck, DomainStatistics, fit_domain, mahalanobis
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import MontageScore, SimpleArchitecture, Target
from bci_app.engine.interpreter import Interpreter
from bci_app.engine.rest import rest_of_recording
from bci_app.errors import BundleError, ChannelError, PreprocessingError
from bci_app.events import Prediction, Reason
from bci_app.outputs.jsonl import prediction_line
from bci_app.preprocessing import Rest
from bci_app.preprocessing.alignment import Aligner, NoAlignment, RunningAlignment
from bci_app.preprocessing.artefact import ArtefactRule, muscle_ratio
from bci_app.recording import Recording
from bci_app.stream import Chunk, StreamInfo
from tests.bundles import CHANNELS, LOAD, elastic_settings, small_spec, write_bundle

RATE = 250.0
MUSE = ("TP9", "AF7", "AF8", "TP10")


def eeg(n_channels: int, seconds: float = 12.0, seed: int = 1) -> np.ndarray:
    """Return noise that contact takes for EEG: mostly slow, some alpha."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    slow = rng.standard_normal((n, n_channels)).cumsum(axis=0)
    slow -= np.linspace(0, 1, n)[:, None] * slow[-1]
    alpha = 8 * np.sin(2 * np.pi * 10 * np.arange(n)[:, None] / RATE + np.arange(n_channels))
    return slow * 0.5 + 3 * rng.standard_normal((n, n_channels)) + alpha


def interpreter_of(loaded: LoadedBundle, channels: tuple[str, ...]) -> Interpreter:
    info = StreamInfo("s", channels, RATE, ("uV",) * len(channels))
    predictor = Predictor(loaded.spec, loaded.model)
    return Interpreter(loaded.spec, predictor, info, wait_for_baseline=False, clock=lambda: 0.0)


def live(
    loaded: LoadedBundle, data: np.ndarray, channels: tuple[str, ...], *, interpreter: Interpreter | None = None
) -> list[Prediction]:
    """Return the predictions of a live session on these samples."""
    interpreter = interpreter or interpreter_of(loaded, channels)
    predictions = []
    for start in range(0, len(data), 50):
        rows = data[start : start + 50]
        predictions += interpreter.take(Chunk(rows, (start + np.arange(len(rows))) / RATE, start))[0]
    return predictions


def answered(predictions: list[Prediction]) -> list[Prediction]:
    return [prediction for prediction in predictions if prediction.valid]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """Return an elastic bundle."""
    spec = small_spec()
    folder = tmp_path_factory.mktemp("bundles") / "elastic"
    return load_bundle(write_bundle(folder, spec=spec, **elastic_settings(spec)))


class TestElastic:
    def test_its_golden_record_agrees(self, loaded: LoadedBundle) -> None:
        assert check_bundle(loaded).probability_error == 0.0

    @pytest.mark.parametrize(
        "channels", [CHANNELS, MUSE, ("ECG", "C3", "Cz", "Aux 1", "EEG T3-REF"), ("A1", "Fz", "Pz")]
    )
    def test_it_predicts_on_any_electrodes(self, loaded: LoadedBundle, channels: tuple[str, ...]) -> None:
        assert len(answered(live(loaded, eeg(len(channels)), channels))) > 5

    def test_columns_without_a_known_place_make_no_difference(self, loaded: LoadedBundle) -> None:
        data = eeg(4)
        with_others = np.column_stack([data[:, 0], 1e3 * data[:, 1], data[:, 1:]])
        alone = answered(live(loaded, data, MUSE))
        beside = answered(live(loaded, with_others, ("TP9", "Right AUX", "AF7", "AF8", "TP10")))
        assert [p.targets for p in alone] == [p.targets for p in beside]

    def test_the_order_of_the_electrodes_makes_no_difference(self, loaded: LoadedBundle) -> None:
        data = eeg(4)
        one = answered(live(loaded, data, MUSE))
        other = answered(live(loaded, data[:, ::-1].copy(), MUSE[::-1]))
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a.targets[0].probability, b.targets[0].probability, atol=1e-5)

    def test_a_dead_electrode_is_left_out(self, tmp_path: Path) -> None:
        # Neither average nor rest, which depend on when an electrode was found to be dead.
        spec = small_spec(reference={"kind": "none"}, baseline={"kind": "none"})
        loaded = load_bundle(write_bundle(tmp_path / "b", spec=spec, **elastic_settings(spec)))
        data = eeg(4)
        data[:, 3] = 0.0
        found = answered(live(loaded, data, MUSE))
        without = {p.sample: p for p in answered(live(loaded, data[:, :3], MUSE[:3]))}
        assert found
        for prediction in found:
            np.testing.assert_allclose(
                prediction.targets[0].probability, without[prediction.sample].targets[0].probability, atol=1e-6
            )

    def test_a_rest_recorded_before_is_measured_on_the_electrodes_of_the_stream(self, loaded: LoadedBundle) -> None:
        channels = ("Cz", *MUSE[::-1])
        data = eeg(5, 6)
        info = StreamInfo("rest", channels, RATE, ("uV",) * 5)
        recording = Recording(Path("rest.edf"), "EDF", info, data, np.arange(len(data)) / RATE)
        stream = StreamInfo("s", MUSE, RATE, ("uV",) * 4)
        measured, reversed_ = (
            rest_of_recording(recording, loaded.spec.for_stream(names, stream.units)) for names in (MUSE, MUSE[::-1])
        )
        assert measured is not None
        assert reversed_ is not None
        np.testing.assert_allclose(measured.mean, reversed_.mean[::-1])
        predictor = Predictor(loaded.spec, loaded.model)
        interpreter = Interpreter(loaded.spec, predictor, stream, wait_for_baseline=False, clock=lambda: 0.0)
        interpreter.set_rest(measured)
        with pytest.raises(PreprocessingError, match="found a baseline of 3 electrodes"):
            interpreter.set_rest(Rest(measured.mean[:3], measured.sd[:3]))

    def test_too_few_electrodes_are_refused(self, loaded: LoadedBundle) -> None:
        with pytest.raises(ChannelError, match="found Cz among Cz, ECG, expected at least 2"):
            live(loaded, eeg(2), ("Cz", "ECG"))

    def test_an_unknown_unit_is_refused_as_such(self, loaded: LoadedBundle) -> None:
        with pytest.raises(ChannelError, match="--unit"):
            stream_pipeline(loaded.spec, channels=MUSE, rate=256.0, units=("n/a",) * 4)

    def test_an_electrode_twice_is_refused(self, loaded: LoadedBundle) -> None:
        with pytest.raises(ChannelError, match="T7 is in the stream more than once"):
            live(loaded, eeg(3), ("T3", "T7", "Cz"))

    def test_a_graph_with_fixed_channels_is_refused(self, loaded: LoadedBundle, tmp_path: Path) -> None:
        fixed = load_bundle(write_bundle(tmp_path / "fixed"))
        with pytest.raises(BundleError, match="not the one that bundle"):
            Predictor(loaded.spec, fixed.model)

    def test_fixed_bundles_leave_nothing_out(self) -> None:
        with pytest.raises(ValidationError, match="leaves bad channels out"):
            load_spec(bad_channels="leave out")

    def test_the_largest_montage_that_a_stream_covers_gives_its_score(self, tmp_path: Path) -> None:
        spec = small_spec()
        folder = write_bundle(tmp_path / "b", spec=spec, **elastic_settings(spec))
        loaded = load_bundle(folder)
        scores = tuple(
            MontageScore(
                montage=name,
                electrodes=electrodes,
                any_of=any_of,
                target="mental_load",
                balanced_accuracy=score,
                n_windows=9,
            )
            for name, electrodes, any_of, score in (
                ("10-20", CHANNELS, None, 0.8),
                ("front", ("Fp1", "Fp2"), None, 0.6),
                ("any 2", CHANNELS, 2, 0.55),
                ("any 4", CHANNELS, 4, 0.7),
            )
        )
        card = loaded.spec.provenance.model_copy(update={"montages": scores})
        bundle = loaded.spec.model_copy(update={"provenance": card})

        def of(*channels: str) -> str | None:
            found = bundle.montage_score(channels)
            return None if found is None else found.montage

        assert of(*CHANNELS, "Pz") == "10-20"
        assert of("FP1", "fp2-ref") == "front"
        assert of("C3", "O1") == "any 2"
        assert of("C3", "O1", "Fp1", "Fp2", "Oz") == "any 4"
        assert of("TP9", "AF7") is None


def test_statistics_and_thresholds_are_those_of_the_montage_or_else_those_for_all(tmp_path: Path) -> None:
    def statistics(montage: str | None) -> DomainStatistics:
        return DomainStatistics(
            of="embedding", mean=(0,) * 3, precision=np.eye(3).tolist(), threshold=1, montage=montage
        )

    def thresholds(montage: str | None) -> Conformal:
        return Conformal(coverage=0.9, thresholds=(0.5, 0.5), n_windows=9, montage=montage)

    target = Target(name="mental_load", classes=("low", "high"), conformal=(thresholds("front"), thresholds(None)))
    bundle = load_bundle(
        write_bundle(tmp_path / "b", targets=(target,), domain=(statistics(None), statistics("front")))
    ).spec
    front = MontageScore(
        montage="front", electrodes=("Fp1", "Fp2"), target="mental_load", balanced_accuracy=0.7, n_windows=9
    )
    bundle = bundle.model_copy(update={"provenance": bundle.provenance.model_copy(update={"montages": (front,)})})
    for channels, montage in ((("Fp1", "Fp2", "Cz"), "front"), (("Fp1", "Cz"), None)):
        domain, conformal = bundle.domain_for(channels), bundle.conformal_for(target, channels)
        assert domain is not None
        assert conformal is not None
        assert (domain.montage, conformal.montage) == (montage, montage)
    alone = target.model_copy(update={"conformal": (thresholds("front"),)})
    assert bundle.conformal_for(alone, ("Fp1", "Cz")) is None


def test_sets_are_of_the_smoothed_probabilities_or_of_the_windows(tmp_path: Path) -> None:
    """A threshold of one half makes the set the more probable class of whichever is stated."""
    found = {}
    for of in ("window", "smoothed"):
        conformal = Conformal(coverage=0.9, thresholds=(0.5, 0.5), n_windows=9, of=of)
        target = Target(name="mental_load", classes=("low", "high"), conformal=(conformal,))
        loaded = load_bundle(write_bundle(tmp_path / of, targets=(target,)))
        found[of] = [prediction.targets[0] for prediction in answered(live(loaded, eeg(6, 30), CHANNELS))]
    for of, values in (("window", "probability"), ("smoothed", "smoothed")):
        assert [t.possible for t in found[of]] == [
            ("low",) if getattr(t, values)[0] > 0.5 else ("high",) for t in found[of]
        ]
    assert [t.possible for t in found["window"]] != [t.possible for t in found["smoothed"]]


def load_spec(**changes: object) -> object:
    from tests.bundles import describe, linear_model

    spec = small_spec()
    return describe(linear_model(spec, (LOAD,)), spec, (LOAD,), **changes)


class TestDomain:
    def test_a_typical_window_is_near_1_before_the_threshold_and_a_far_one_is_not(self) -> None:
        rng = np.random.default_rng(0)
        mixing = rng.normal(size=(5, 5))
        train, held, far = rng.normal(size=(4000, 5)) @ mixing, rng.normal(size=(4000, 5)) @ mixing, 6 * mixing[:1]
        found = fit_domain(train, held, of="embedding", share=0.95, shrinkage=0.0)
        assert np.mean(mahalanobis(held, train.mean(axis=0), np.array(found.precision)) ** 2) == pytest.approx(
            1, rel=0.1
        )
        check = DomainCheck(found)
        nothing = np.zeros((1, 1, 1), dtype=np.float32)
        distances = check.distance(nothing, held.astype(np.float32))
        assert np.mean(distances > 1) == pytest.approx(0.05, abs=0.005)
        assert check.distance(nothing, far.astype(np.float32))[0] > 1.5
        assert DomainStatistics.model_validate_json(found.model_dump_json()) == found

    def test_windows_unlike_the_training_data_are_refused_with_their_distance(self, tmp_path: Path) -> None:
        spec = small_spec()
        close = DomainStatistics(of="tokens", mean=(0,) * 4, precision=np.eye(4).tolist(), threshold=1e3)
        for threshold, valid in ((1e3, True), (1e-3, False)):
            statistics = close.model_copy(update={"threshold": threshold})
            loaded = load_bundle(write_bundle(tmp_path / str(valid), spec=spec, domain=(statistics,)))
            check_bundle(loaded)
            found = [p for p in live(loaded, eeg(6), CHANNELS) if p.distance is not None]
            assert len(found) > 5
            assert {p.valid for p in found} == {valid}
            assert {p.reasons for p in found} == {() if valid else (Reason.UNLIKE_TRAINING,)}
            assert all((p.distance > 1) is not valid for p in found)
            assert json.loads(prediction_line(found[0]))["distance"] == found[0].distance

    @pytest.mark.parametrize(("threshold", "known"), [(1e3, True), (1e-3, False)])
    def test_a_session_that_the_model_does_not_know_is_named_early(
        self, tmp_path: Path, threshold: float, known: bool
    ) -> None:
        spec = small_spec()
        statistics = DomainStatistics(of="tokens", mean=(0,) * 4, precision=np.eye(4).tolist(), threshold=threshold)
        loaded = load_bundle(write_bundle(tmp_path / "b", spec=spec, domain=(statistics,)))
        data = eeg(6, seconds=20)
        for seconds, early in ((12, True), (20, False)):
            interpreter = interpreter_of(loaded, CHANNELS)
            found = live(loaded, data[: round(seconds * RATE)], CHANNELS, interpreter=interpreter)
            assert (sum(p.distance is not None for p in found) < 20) is early
            assert bool(interpreter.notice) is not (known or early)
        said = "This headset or person differs from what the model knows. About 10 of 10 windows"
        assert interpreter.notice.startswith("" if known else said)
        interpreter.forget_rest()
        assert interpreter.notice == ""

    def test_statistics_of_another_length_are_refused(self) -> None:
        statistics = DomainStatistics(of="embedding", mean=(0,), precision=((1,),), threshold=1)
        with pytest.raises(ValidationError, match="domain statistics of 1 numbers for 3 of embedding"):
            load_spec(domain=(statistics,))


class TestConformal:
    @pytest.mark.parametrize("kind", ["class", "marginal"])
    def test_sets_cover_what_is_stated_on_new_windows(self, kind: str) -> None:
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 3, 20_000)
        logits = rng.normal(size=(20_000, 3)) + 1.2 * np.eye(3)[labels]
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        found = fit_conformal(p[:10_000], labels[:10_000], coverage=0.8, kind=kind)
        sets = prediction_sets(p[10_000:], found)
        covered = sets[np.arange(10_000), labels[10_000:]]
        assert covered.mean() == pytest.approx(0.8, abs=0.015)
        if kind == "class":
            for label in range(3):
                assert covered[labels[10_000:] == label].mean() == pytest.approx(0.8, abs=0.02)
        assert (sets.sum(axis=1) != 1).any()

    def test_too_few_windows_put_a_class_in_every_set(self) -> None:
        found = fit_conformal(np.array([[0.9, 0.1]] * 3), np.zeros(3, dtype=np.int64), coverage=0.9)
        assert found.thresholds == (1.0, 1.0)

    @pytest.mark.parametrize(("threshold", "n"), [(1.0, 2), (0.0, 0)])
    def test_without_an_answer_the_reason_is_undecided(self, threshold: float, n: int, tmp_path: Path) -> None:
        conformal = Conformal(coverage=0.9, thresholds=(threshold, threshold), n_windows=100)
        target = Target(name="mental_load", classes=("low", "high"), conformal=(conformal,))
        loaded = load_bundle(write_bundle(tmp_path / "b", targets=(target,)))
        check_bundle(loaded)
        found = answered(live(loaded, eeg(6), CHANNELS))
        assert len(found) > 5
        assert {p.reasons for p in found} == {(Reason.UNDECIDED,)}
        assert {len(p.targets[0].possible or ()) for p in found} == {n}

    def test_one_class_in_the_set_is_the_answer(self, tmp_path: Path) -> None:
        conformal = Conformal(coverage=0.9, thresholds=(0.5, 0.5), n_windows=100, of="window")
        target = Target(name="mental_load", classes=("low", "high"), conformal=(conformal,))
        loaded = load_bundle(write_bundle(tmp_path / "b", targets=(target,)))
        for prediction in answered(live(loaded, eeg(6), CHANNELS)):
            assert prediction.reasons == ()
            likely = "low" if prediction.targets[0].probability[0] > 0.5 else "high"
            line = json.loads(prediction_line(prediction))
            assert line["targets"]["mental_load"]["set"] == [likely]


class TestAlignment:
    def test_offset_and_scale_of_a_session_are_taken_out(self) -> None:
        settings = RunningAlignment(windows=200, prior=10, max_shift=20)
        aligner = Aligner(settings, 2, 3)
        tokens = np.random.default_rng(0).normal(4.0, 3.0, (400, 2, 3)).astype(np.float32)
        aligned = np.stack([aligner.process(window) for window in tokens])
        np.testing.assert_allclose(aligned[200:].mean(axis=0), 0, atol=0.4)
        np.testing.assert_allclose(aligned[200:].std(axis=0), 1, atol=0.25)
        # The beginning changes little, since little is known.
        assert np.abs(aligned[0] - tokens[0]).max() < 0.6 * np.abs(tokens[0]).max()

    def test_it_is_bounded_causal_and_can_be_reset(self) -> None:
        settings = RunningAlignment(windows=20, prior=1, rescale=True, max_shift=2, max_scale=1.5)
        tokens = np.full((50, 1, 1), 10.0, dtype=np.float32)
        aligner = Aligner(settings, 1, 1)
        first = [aligner.process(window)[0, 0] for window in tokens]
        assert min(first) >= (10 - 2) / 1.5 - 1e-5
        aligner.reset()
        again = [aligner.process(window)[0, 0] for window in tokens[:30]]
        assert again == first[:30]
        aligner.reset()
        quiet = [float(aligner.process(np.full((1, 1), value, np.float32))[0, 0]) for value in (*[0.0] * 60, 1.0)]
        assert 1.3 < quiet[-1] <= 1.5

    def test_channels_that_are_not_used_are_not_remembered(self) -> None:
        aligner = Aligner(RunningAlignment(windows=20), 2, 1)
        aligner.process(np.full((2, 1), 9, dtype=np.float32), np.array([True, False]))
        second = aligner.process(np.zeros((2, 1), dtype=np.float32), np.array([False, False]))
        assert second[0, 0] < 0
        assert second[1, 0] == 0

    def test_none_leaves_tokens_as_they_are(self) -> None:
        tokens = np.ones((2, 1), dtype=np.float32)
        assert Aligner(NoAlignment(), 2, 1).process(tokens) is tokens

    def test_the_golden_record_covers_it(self, tmp_path: Path) -> None:
        plain = load_bundle(write_bundle(tmp_path / "a"))
        aligned = load_bundle(
            write_bundle(tmp_path / "b", spec=small_spec(alignment=RunningAlignment(windows=10, prior=1)))
        )
        check_bundle(aligned)
        assert live(plain, eeg(6), CHANNELS) != live(aligned, eeg(6), CHANNELS)
        assert "recentred and rescaled on the session's last 5 s" in aligned.spec.preprocessing.describe()


class TestArtefacts:
    RULE = ArtefactRule(peak_to_peak=400, muscle=3.0, share=0.25)

    def test_muscle_and_movement_give_no_prediction_and_the_rest_of_the_session_goes_on(self, tmp_path: Path) -> None:
        loaded = load_bundle(write_bundle(tmp_path / "b", spec=small_spec(artefact=self.RULE)))
        data = eeg(6, 20)
        clench = slice(round(10 * RATE), round(13 * RATE))
        t = np.arange(clench.stop - clench.start) / RATE
        phases = np.arange(6)
        data[clench] += 40 * sum(np.sin(2 * np.pi * f * t[:, None] + f * phases) for f in (31, 34, 37, 41, 44))
        predictions = live(loaded, data, CHANNELS)
        refused = {p.sample / RATE for p in predictions if p.reasons == (Reason.ARTEFACT,)}
        assert refused
        assert 10 < min(refused) < 11.5
        assert max(refused) < 14.5
        assert all(not 11 < p.sample / RATE < 13 for p in answered(predictions))
        assert any(p.sample / RATE > 15 for p in answered(predictions))

    def test_enough_channels_must_break_a_limit(self) -> None:
        window = 10 * np.random.default_rng(0).standard_normal((4, 256)).cumsum(axis=1) / 16
        window[0] += 500 * (np.arange(256) > 128)
        assert ArtefactRule(peak_to_peak=400, share=0.25).broken_by(window, 128.0)
        assert not ArtefactRule(peak_to_peak=400, share=0.26).broken_by(window, 128.0)
        assert not ArtefactRule(peak_to_peak=600, share=0.25).broken_by(window, 128.0)

    def test_muscle_is_the_ratio_of_the_bands(self) -> None:
        t = np.arange(512) / 128
        window = np.stack([np.sin(2 * np.pi * 12 * t) + a * np.sin(2 * np.pi * 38 * t) for a in (0.0, 1.0, 2.0)])
        ratio = muscle_ratio(window, 128.0)
        assert ratio[0] < 1e-3
        # The same power in a band of 15 Hz as in one of 12 Hz.
        np.testing.assert_allclose(ratio[1:], [12 / 15, 4 * 12 / 15], rtol=0.05)
        assert muscle_ratio(np.zeros((1, 512)), 128.0)[0] == 0

    def test_a_rule_without_a_limit_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="needs a limit"):
            ArtefactRule()


def test_a_simple_method_is_an_architecture(tmp_path: Path) -> None:
    part = SimpleArchitecture(
        kind="riemannian",
        targets=("mental_load",),
        method="Riemannian distances to rest, logistic regression",
        parameters=5,
    )
    loaded = load_bundle(write_bundle(tmp_path / "b", architecture=(part,)))
    assert loaded.spec.architecture == (part,)


def test_version_1_is_read_with_its_old_key(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", max_bad_share=0.2)
    path = folder / "bundle.json"
    content = json.loads(path.read_text())
    content["version"] = 1
    content["max_interpolated"] = content.pop("max_bad_share")
    for key in ("montage", "electrodes", "min_channels", "domain", "max_rate_error"):
        del content[key]
    path.write_text(json.dumps(content))
    loaded = load_bundle(folder)
    assert loaded.spec.max_bad_share == 0.2
    assert not loaded.spec.elastic
    check_bundle(loaded)
