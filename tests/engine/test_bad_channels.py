"""Some bad channels can be done without where the bundle allows, and no window is half spoilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.engine import Engine
from bci_app.events import Prediction, Reason
from bci_app.preprocessing import Rest
from bci_app.preprocessing.spec import RestBaseline
from bci_app.stream import StreamInfo
from tests.bundles import CHANNELS, small_spec, write_bundle
from tests.engine.sessions import INFO, RATE, content, run
from tests.streams import ArraySource, chunks, eeg


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    return load_bundle(write_bundle(tmp_path_factory.mktemp("bundles") / "lenient", max_bad_share=0.2))


def test_few_bad_channels_are_replaced_where_the_bundle_allows(lenient: LoadedBundle) -> None:
    data = eeg(24, RATE, 7)
    data[2500:3500, 3] += 900 * np.random.default_rng(2).standard_normal(1000)
    predictions, _ = run(lenient, chunks(data, RATE, [50]))
    # Found bad by 2750 at the latest: whole windows end 250 samples later.
    during = [p for p in predictions if 3000 <= p.sample < 3500]
    assert during
    assert all(p.valid and p.quality == pytest.approx(5 / 6) for p in during)
    data[2500:3500, 4] = 0.0  # one more is too many
    predictions, _ = run(lenient, chunks(data, RATE, [50]))
    during = [p for p in predictions if 2500 + 250 <= p.sample < 3500]
    assert all(p.reasons == (Reason.BAD_CONTACT,) for p in during)


@pytest.mark.parametrize("method", ["interpolate", "rest"])
@pytest.mark.parametrize("rate", [125.0, 250.0])
def test_a_window_in_which_an_electrode_goes_bad_or_returns_is_invalid(
    tmp_path: Path, method: str, rate: float
) -> None:
    """Before the verdict it spoils the average of all; valid are windows without it, or with it left out throughout."""
    spec = small_spec(window=512, baseline=RestBaseline(kind="feature", samples=1024))  # 4 s against 8 s
    loaded = load_bundle(write_bundle(tmp_path / "b", spec=spec, seconds=16, max_bad_share=0.2, bad_channels=method))
    info = StreamInfo("test", CHANNELS, rate, ("uV",) * 6)

    def session(data: np.ndarray) -> dict[int, Prediction]:
        with Engine(ArraySource(info, chunks(data, rate, [50])), loaded, clock=lambda: 0.0) as engine:
            engine.set_rest(Rest(np.full((6, 4), 1.5), np.full((6, 4), 0.7)))
            return {p.sample: p for p in engine.predictions()}

    clean = eeg(50, rate, 6)
    replaced = clean.copy()
    replaced[:, 3] = 187_500.0  # bad from the beginning
    without, throughout = session(clean), session(replaced)
    for onset in (20.0, 20.31):
        bad = slice(round(onset * rate), round((onset + 12) * rate))
        spoilt = clean.copy()
        spoilt[bad, 3] = 187_500.0
        counts = {"without": 0, "throughout": 0}
        for sample, prediction in session(spoilt).items():
            begin = sample - round(4 * rate) + 1
            if prediction.valid:
                with_it = begin < bad.stop + 2 * rate and sample >= bad.start
                expected = throughout[sample] if with_it else without[sample]
                np.testing.assert_allclose(
                    prediction.targets[0].probability, expected.targets[0].probability, atol=2e-3, err_msg=str(sample)
                )
                counts["throughout" if with_it else "without"] += 1
            elif sample >= 8 * rate:
                assert prediction.reasons == (Reason.BAD_CONTACT,)
                # A verdict comes after half a second, recovery takes two; then a whole window.
                around = bad.start <= sample < bad.start + 5 * rate or bad.stop <= sample < bad.stop + 7 * rate
                assert around
        assert counts["throughout"] > 10
        assert counts["without"] > 30


def test_interpolated_predictions_do_not_depend_on_how_samples_arrive(lenient: LoadedBundle) -> None:
    data = eeg(16, RATE, 7)
    data[2000:2600, 3] = 0.0
    whole = content(run(lenient, chunks(data, RATE, [10_000]))[0])
    for sizes in ([1], [7], [125, 3, 400]):
        assert content(run(lenient, chunks(data, RATE, sizes))[0]) == whole


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_channel_of_no_numbers_is_done_without_where_the_bundle_allows(lenient: LoadedBundle, value: float) -> None:
    """As a flat one; and as one that never was there before and after."""
    data = eeg(30, RATE, 7)
    flat, holes = data.copy(), data.copy()
    flat[:, 3], holes[:, 3] = 0.0, value
    assert content(run(lenient, chunks(holes, RATE, [50]))[0]) == content(run(lenient, chunks(flat, RATE, [50]))[0])
    two = holes.copy()
    two[:, 4] = value
    assert not any(p.valid for p in run(lenient, chunks(two, RATE, [50]))[0])


@pytest.mark.parametrize("length", [1, 700])
def test_a_hole_in_a_channel_spoils_no_window_that_is_called_valid(lenient: LoadedBundle, length: int) -> None:
    data = eeg(30, RATE, 7)

    def session(data: np.ndarray, sizes: list[int]) -> list[Prediction]:
        pieces = chunks(data[:3000], RATE, sizes) + chunks(data[3000:], RATE, sizes, start=3060, lost=60)
        return run(lenient, pieces)[0]

    clean = {p.sample: p for p in session(data, [50])}
    for begin, sizes in ((1100, [1]), (2130, [7, 333]), (3000, [10_000]), (3061, [7, 333])):
        holes = data.copy()
        holes[begin : begin + length, 3] = np.nan
        found = session(holes, [50])
        first = begin if begin < 3000 else begin + 60
        valid = [p for p in found if p.valid]
        assert found[-1].valid
        assert any(p.sample > first and p.quality < 1 for p in valid)
        for p in valid:
            if p.quality == 1:
                assert p.sample < first or p.sample - 250 >= first + length + 2 * RATE - 125
                np.testing.assert_allclose(
                    p.targets[0].probability, clean[p.sample].targets[0].probability, atol=0.02, err_msg=str(p.sample)
                )
        assert content(session(holes, sizes)) == content(found)


def test_missing_channel_is_interpolated_where_the_bundle_allows(lenient: LoadedBundle) -> None:
    data = eeg(12, RATE, 7)
    keep = [0, 1, 2, 4, 5, 6]
    info = StreamInfo("test", tuple(INFO.channels[i] for i in keep), RATE, ("uV",) * 6)
    engine = Engine(ArraySource(info, chunks(data[:, keep], RATE, [50])), lenient, clock=lambda: 200.0)
    engine.start()
    predictions = [p for _ in range(60) for p in engine.step().predictions]
    assert predictions[-1].valid
    assert predictions[-1].quality == pytest.approx(5 / 6)
    assert engine.status().contacts[3].level.value == "missing"


def test_a_missing_channel_is_named_where_with_bad_ones_it_is_too_much(lenient: LoadedBundle) -> None:
    data = eeg(12, RATE, 7)
    data[1500:, 4] = 0.0
    keep = [0, 1, 2, 4, 5, 6]
    info = StreamInfo("test", tuple(INFO.channels[i] for i in keep), RATE, ("uV",) * 6)
    engine = Engine(ArraySource(info, chunks(data[:, keep], RATE, [50])), lenient, clock=lambda: 200.0)
    engine.start()
    predictions = [p for _ in range(60) for p in engine.step().predictions]
    assert predictions[-1].reasons == (Reason.BAD_CONTACT, Reason.MISSING_CHANNELS)


def test_a_session_with_electrodes_loose_in_turn_at_rest_gets_its_baseline(tmp_path: Path) -> None:
    spec = small_spec(baseline=RestBaseline(kind="feature", samples=1536))  # 12 s
    loaded = load_bundle(write_bundle(tmp_path / "b", spec=spec, seconds=16, max_bad_share=0.2, bad_channels="rest"))
    data = eeg(40, RATE, 7)
    for number, channel in enumerate((0, 2, 4)):  # three of six; one is allowed
        data[500 + 1000 * number : 750 + 1000 * number, channel] = 0.0
    data[6500:9000, 3] = 0.0
    predictions, engine = run(loaded, chunks(data, RATE, [50]))
    assert engine.rest is not None
    assert engine.rest.bad == (4,)
    assert engine.status().notice == "Bad contact at rest: O1, left out until rest is measured again."
    assert all(p.valid for p in predictions if 5400 < p.sample < 6500)
    late = [p for p in predictions if 7000 <= p.sample < 9000]
    # With the one that was bad at rest there are two: the contact now, and the rest, which can be measured again.
    assert {p.reasons for p in late} == {(Reason.BAD_CONTACT, Reason.BASELINE)}
    assert predictions[-1].valid
