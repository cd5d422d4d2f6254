"""The whole chain: chunk invariance, names, units, references, tokens, baseline."""

from __future__ import annotations

import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bci_app.errors import ChannelError, PreprocessingError
from bci_app.montage.positions import standard_montage
from bci_app.preprocessing import Pipeline, PreprocessingSpec, Rest, measure_rest, network_input
from bci_app.preprocessing.spec import (
    AverageReference,
    BandPass,
    ChannelReference,
    LogBandPowerToken,
    Notch,
    RawToken,
    RestBaseline,
)
from tests.preprocessing.test_steps import cuts, irregular, noise

MODEL = ("Fp1", "T7", "P8", "Cz")
STREAM = ("ECG ECG", "EEG T6", "EEG Fp1", "Cz..", "t3")
UNITS = ("uV",) * 5


def spec(**changes: object) -> PreprocessingSpec:
    settings: dict[str, object] = {
        "channels": MODEL,
        "rate": 128,
        "band_pass": BandPass(low=1, high=45),
        "notches": (Notch(frequency=50),),
        "reference": AverageReference(),
        "warm_up": 64,
        "window": 128,
        "hop": 32,
    }
    return PreprocessingSpec.model_validate(settings | changes)


def pipeline(spec: PreprocessingSpec, rate: float = 250) -> Pipeline:
    return Pipeline(spec, channels=STREAM, rate=rate, units=UNITS)


BANDS = ((1, 4), (4, 8), (8, 13), (13, 30))
TOKENS = [RawToken(), LogBandPowerToken(bands=BANDS), LogBandPowerToken(bands=BANDS, sine_tapers=3)]


@given(
    sizes=irregular,
    token=st.sampled_from(TOKENS),
    rate=st.sampled_from([128, 160, 250, 512]),
    reference=st.sampled_from([AverageReference(), ChannelReference(channel="Cz")]),
    fortran=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_pipeline_is_chunk_invariant(sizes, token, rate, reference, fortran) -> None:  # type: ignore[no-untyped-def]
    s = spec(token=token, reference=reference)
    x = noise(1100, 5)
    whole = pipeline(s, rate).process(x)
    assert len(whole) >= 3
    chunked = pipeline(s, rate)
    cut = [np.asfortranarray(x[p]) if fortran else x[p] for p in cuts(1100, sizes)]
    found = [w for piece in cut for w in chunked.process(piece)]
    assert [w.last for w in found] == [w.last for w in whole]
    for a, b in zip(found, whole, strict=True):
        assert np.array_equal(a.features, b.features)


@pytest.mark.parametrize(
    ("rate", "before", "first"), [(128, [31, 63, 95, 127, 159], 191), (256, [62, 126, 190, 254, 318], 382)]
)
def test_windows_end_on_the_hop_grid_before_the_filters_have_a_past_too(
    rate: float, before: list[int], first: int
) -> None:
    made = pipeline(spec(), rate)
    assert made.incomplete_ends() == before
    assert [made.next_end(end) for end in (0, before[-1] + 1, first)] == [before[0], first, first]
    assert made.process(noise(first + 1, 5))[0].last == first


@pytest.mark.parametrize("token", TOKENS)
def test_single_samples_give_the_same_windows(token) -> None:  # type: ignore[no-untyped-def]
    s = spec(token=token)
    x = noise(1000, 5)
    whole, single = pipeline(s), pipeline(s)
    expected = whole.process(x)
    found = [w for i in range(1000) for w in single.process(x[i : i + 1])]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.last == b.last
        assert np.array_equal(a.features, b.features)


@pytest.mark.parametrize(
    ("token", "band_pass", "least"),
    [
        (LogBandPowerToken(bands=BANDS), None, 60),
        (RawToken(), BandPass(low=1, high=45), 90),
        (RawToken(), None, 102.4),
    ],
)
def test_a_stream_that_cannot_carry_what_the_model_reads_is_refused(  # type: ignore[no-untyped-def]
    token, band_pass, least
) -> None:
    s = spec(token=token, band_pass=band_pass, notches=())
    assert pipeline(s, 125).process(noise(600, 5))
    with pytest.raises(PreprocessingError, match=f"50 Hz, expected at least {least:g} Hz"):
        pipeline(s, 50)


def test_reset_is_a_new_beginning() -> None:
    p = pipeline(spec())
    x = noise(1000, 5)
    first = p.process(x)
    p.reset()
    again = p.process(x)
    assert all(np.array_equal(a.features, b.features) and a.last == b.last for a, b in zip(first, again, strict=True))


def test_channels_are_found_by_name_in_any_order() -> None:
    x = noise(600, 5)
    order = [4, 2, 0, 1, 3]
    a = pipeline(spec()).process(x)
    permuted = Pipeline(spec(), channels=[STREAM[i] for i in order], rate=250, units=UNITS)
    b = permuted.process(x[:, order])
    assert all(np.array_equal(p.features, q.features) for p, q in zip(a, b, strict=True))


def test_missing_channel_is_named() -> None:
    with pytest.raises(ChannelError, match=r"missing P8"):
        Pipeline(spec(), channels=("Fp1", "T7", "Cz"), rate=250, units=UNITS)


def test_channel_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ChannelError, match="more than once"):
        Pipeline(spec(), channels=(*STREAM, "T7"), rate=250, units=("uV",) * 6)


def test_units_are_brought_to_microvolts_and_unknown_ones_refused() -> None:
    x = noise(600, 5)
    a = pipeline(spec()).process(x)
    volts = Pipeline(spec(), channels=STREAM, rate=250, units=("V",) * 5)
    b = volts.process(x * 1e-6)
    np.testing.assert_allclose(b[0].features, a[0].features, rtol=1e-6, atol=1e-6)
    with pytest.raises(ChannelError, match="--unit"):
        Pipeline(spec(), channels=STREAM, rate=250, units=("a.u.",) * 5)


def test_average_reference_leaves_out_what_is_not_valid() -> None:
    s = spec(band_pass=None, notches=(), warm_up=0)
    x = noise(400, 5)
    x[:, 3] = 1e5  # Cz railed
    p = Pipeline(s, channels=STREAM, rate=128, units=UNITS)
    p.set_bad(np.array([False, False, False, True]))
    good = x[:128, [2, 4, 1]]
    expected = good - good.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(p.process(x)[0].features[:3], expected.T, rtol=1e-9)


def test_missing_channel_is_that_of_mne_interpolation() -> None:
    names = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2")
    s = spec(channels=names, band_pass=None, notches=(), warm_up=0, reference={"kind": "none"})
    x = noise(128, 9)
    p = Pipeline(s, channels=names[:5] + names[6:], rate=128, units=("uV",) * 9, max_bad_share=0.1)
    features = p.process(x)[0].features
    info = mne.create_info(list(names), 128.0, "eeg")
    raw = mne.io.RawArray(np.insert(x, 5, 0.0, axis=1).T * 1e-6, info, verbose="error")
    raw.set_montage(standard_montage())
    raw.info["bads"] = ["C4"]
    raw.interpolate_bads(origin=(0.0, 0.0, 0.04), verbose="error")
    np.testing.assert_allclose(features, raw.get_data() * 1e6, rtol=1e-9, atol=1e-9)


def test_reference_channel_becomes_zero() -> None:
    windows = pipeline(spec(reference=ChannelReference(channel="Cz"))).process(noise(600, 5))
    assert not windows[0].features[3].any()


@pytest.mark.parametrize("sine_tapers", [0, 3])
def test_band_power_is_that_of_a_known_sine(sine_tapers: int) -> None:
    # 20 µV amplitude at 10 Hz: 200 µV² over the band 8-13 Hz (5 bins of 1 Hz a 128-sample window).
    s = spec(
        channels=("Cz",),
        reference={"kind": "none"},
        band_pass=None,
        notches=(),
        token=LogBandPowerToken(bands=((8, 13), (20, 30)), sine_tapers=sine_tapers),
    )
    t = np.arange(512) / 128
    p = Pipeline(s, channels=("Cz",), rate=128, units=("uV",))
    power, outside = np.exp(p.process(20 * np.sin(2 * np.pi * 10 * t)[:, None])[0].features[0])
    assert power * 5 == pytest.approx(200, rel=0.01)
    assert outside < 1e-3


def test_band_power_over_sine_tapers_is_as_high_on_average_and_varies_less() -> None:
    x = np.random.default_rng(0).normal(0, 10, (128 * 400, 1))  # white: 100 µV² over 64 Hz
    found = []
    for sine_tapers in (0, 5):
        token = LogBandPowerToken(bands=((8, 13),), sine_tapers=sine_tapers)
        s = spec(channels=("Cz",), reference={"kind": "none"}, band_pass=None, notches=(), token=token, hop=128)
        windows = Pipeline(s, channels=("Cz",), rate=128, units=("uV",)).process(x)
        found.append(np.array([window.features[0, 0] for window in windows]))
    for log_power in found:
        assert np.exp(log_power).mean() == pytest.approx(100 / 64, rel=0.07)
    assert found[1].std() < 0.75 * found[0].std()


def test_first_and_last_sample_name_the_stream_index() -> None:
    s = spec(warm_up=0)
    windows = pipeline(s, 250).process(noise(1000, 5))
    # Model sample 127 needs stream sample floor(127 * 250 / 128).
    assert [w.last for w in windows[:2]] == [127 * 250 // 128, 159 * 250 // 128]
    assert [w.first for w in windows[:2]] == [0, 32 * 250 // 128]


class TestBaseline:
    windows = tuple(np.random.default_rng(1).normal(5, 2, (12, 3, 4)))

    def spec(self, kind: str, **changes: object) -> PreprocessingSpec:
        return PreprocessingSpec.model_validate(
            {
                "channels": ("a", "b", "c"),
                "rate": 4,
                "window": 4,
                "hop": 4,
                "baseline": RestBaseline(kind=kind, samples=40),
            }
            | changes
        )

    def test_windows_counted_are_those_of_the_rest_period(self) -> None:
        assert self.spec("feature").baseline_windows == 10
        assert self.spec("feature", warm_up=3).baseline_windows == 9
        assert self.spec("feature", hop=2).baseline_windows == 19

    def test_feature_baseline_z_scores_each_feature(self) -> None:
        s = self.spec("feature")
        rest = measure_rest(s, self.windows)
        z = np.stack([network_input(s, w, rest) for w in self.windows[:10]])
        np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-5)

    def test_channel_baseline_has_one_scale_a_channel(self) -> None:
        rest = measure_rest(self.spec("channel"), self.windows)
        assert rest is not None
        assert rest.mean.shape == rest.sd.shape == (3, 1)

    def test_template_is_the_segment_mean_of_the_tnas_paper(self) -> None:
        s = self.spec("template", baseline=RestBaseline(kind="template", samples=12))
        rest = measure_rest(s, self.windows)
        expected = self.windows[5] - np.mean(self.windows[:3], axis=0)
        np.testing.assert_allclose(network_input(s, self.windows[5], rest), expected, rtol=1e-6)

    def test_two_baselines_are_equal_if_mean_deviation_and_bad_channels_are(self) -> None:
        mean, sd = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
        rest = Rest(mean, sd, (1,))
        assert rest == Rest(mean.copy(), sd.copy(), (1,))
        assert rest != Rest(mean + 1e-12, sd, (1,))
        assert rest != Rest(mean, sd * 2, (1,))
        assert rest != Rest(mean, sd, ())
        assert rest != "rest"

    def test_the_shape_of_a_spectrum_is_appended_to_what_is_referred_to_rest(self) -> None:
        token = LogBandPowerToken(bands=((4, 8), (8, 13), (13, 30)))
        baseline = RestBaseline(kind="feature", samples=384, shape=True)
        s = self.spec("feature", rate=128, window=128, hop=128, token=token, baseline=baseline)
        features = np.array([[1.0, 2.0, 6.0], [0.0, 4.0, 5.0], [3.0, 3.0, 3.0]])
        out = network_input(s, features, Rest(np.ones((3, 3)), np.full((3, 3), 2.0)))
        np.testing.assert_allclose(out[:, :3], (features - 1) / 2)
        np.testing.assert_allclose(out[:, 3:], [[-2, -1, 3], [-3, 1, 2], [0, 0, 0]])

    def test_across_channels_z_scores_every_sample(self) -> None:
        s = self.spec("template", across_channels=True)
        out = network_input(s, self.windows[0], measure_rest(s, self.windows))
        np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(out.std(axis=0), 1, rtol=1e-5)

    def test_short_rest_and_missing_rest_are_refused(self) -> None:
        s = self.spec("feature")
        with pytest.raises(PreprocessingError, match="found 3 windows, expected 10"):
            measure_rest(s, self.windows[:3])
        with pytest.raises(PreprocessingError, match="needs a rest baseline"):
            network_input(s, self.windows[0], None)

    def test_without_a_baseline_nothing_is_measured(self) -> None:
        s = self.spec("feature", baseline={"kind": "none"})
        assert measure_rest(s, []) is None
        assert np.array_equal(network_input(s, self.windows[0], None), self.windows[0].astype(np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"band_pass": BandPass(low=4, high=64)}, "not below 64"),
        ({"notches": (Notch(frequency=64),)}, "not below 64"),
        ({"channels": ("Cz", "Cz")}, "twice"),
        ({"reference": ChannelReference(channel="Oz")}, "not among"),
        ({"token": LogBandPowerToken(bands=((4.1, 4.9),))}, "holds no frequency"),
        ({"token": LogBandPowerToken(bands=((4, 8),), sine_tapers=129)}, "no 129 sine tapers"),
        ({"baseline": RestBaseline(kind="channel", samples=100)}, "shorter than"),
        ({"filter": "zero-phase"}, "Extra inputs"),
    ],
)
def test_specification_that_cannot_run_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**changes)
