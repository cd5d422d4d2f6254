"""Stamps and samples as bad hardware gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bci_app.bundle import LoadedBundle
from bci_app.events import Prediction, Reason
from tests.bundles import CHANNELS
from tests.faults.outlet import BAD_VALUES, INDEX, Stream, sending
from tests.faults.session import Session
from tests.lsl_outlet import unique

pytestmark = pytest.mark.lsl
long = (pytest.mark.soak, pytest.mark.timeout(900))
# Times the true speed; a sender that is too fast is noticed after 12 s, so what is longer runs at the true one.
FAST = 8.0


def speed_for(seconds: float) -> float:
    """Return the speed at which an outlet sends so many seconds of signal."""
    return FAST if seconds < 10 * FAST else 1.0


def content(predictions: list[Prediction], samples: int) -> list[object]:
    """What was said of the first `samples` samples, without when."""
    return [(p.sample, p.valid, p.reasons, p.quality, p.targets) for p in predictions if p.sample < samples]


@pytest.fixture(scope="module")
def faultless(bundle: LoadedBundle) -> list[Prediction]:
    return collected(bundle, Stream(unique("faultless"), speed=FAST), 4000)


def collected(bundle: LoadedBundle, stream: Stream, samples: int) -> list[Prediction]:
    with sending(stream), Session(stream.source_id, bundle) as session:
        session.until(lambda: session.received >= samples)
        return session.predictions


@pytest.mark.parametrize("times", [4, pytest.param(100, marks=long)])
def test_gaps_of_a_second_at_random_places(bundle: LoadedBundle, times: int, report: Callable[..., None]) -> None:
    rng = np.random.default_rng(1)
    places = np.cumsum(rng.integers(700, 1400, times))
    stream = Stream(unique("gaps"), speed=speed_for(places[-1] / 250), gaps=tuple((int(at), 250) for at in places))
    with sending(stream), Session(stream.source_id, bundle) as session:
        session.until(lambda: session.places[-1] > places[-1] + 700 if session.tap.chunks else False, 700.0)
        lost = [(chunk.first - chunk.lost, chunk.lost) for chunk in session.tap.chunks if chunk.lost]
        index, positions, predictions = session.index, session.places, session.predictions
    assert lost == [(int(at), 250) for at in places]
    np.testing.assert_array_equal(index, positions)
    recovered = []
    for at in places:
        after = [p for p in predictions if p.sample >= at + 250]
        first_valid = next(p for p in after if p.valid)
        assert all(p.reasons == (Reason.GAP,) for p in after[: after.index(first_valid)])
        recovered.append((first_valid.sample - at - 250) / 250)
    report(
        "gap of 1 s at a random place",
        tried=f"{times}",
        lost=f"all {times} found, each of 250 samples (±0)",
        recovered=f"predictions after {max(recovered):.2f} s of signal",
    )


@pytest.mark.parametrize("stamps", ["duplicate", "backward", "jumping"])
@pytest.mark.parametrize("samples", [3500, pytest.param(60_000, marks=long)])
def test_bad_stamps_lose_nothing_and_change_no_prediction(
    bundle: LoadedBundle, faultless: list[Prediction], stamps: str, samples: int, report: Callable[..., None]
) -> None:
    stream = Stream(unique(stamps), speed=FAST, stamps=stamps)
    with sending(stream), Session(stream.source_id, bundle) as session:
        session.until(lambda: session.received >= samples, 120.0)
        index, positions, predictions = session.index, session.places, session.predictions
        times = np.concatenate([chunk.times for chunk in session.tap.chunks])
        lost = session.status.lost
    np.testing.assert_array_equal(index, np.arange(len(index)))
    np.testing.assert_array_equal(positions, index)
    assert lost == 0
    assert np.all(np.diff(times) >= 0)
    assert content(predictions, 3500) == content(faultless, 3500)
    spoilt = {"duplicate": samples // 37, "backward": samples // 41, "jumping": samples // 400 * 3}[stamps]
    report(
        f"{stamps} stamps", tried=f"{spoilt}", lost="0 samples, 0 windows; no prediction changed", recovered="at once"
    )


@pytest.mark.parametrize("seconds", [8, pytest.param(120, marks=long)])
def test_bursts_as_bluetooth_gives_them(
    bundle: LoadedBundle, faultless: list[Prediction], seconds: int, report: Callable[..., None]
) -> None:
    stream = Stream(unique("bursts"), bursts=True)
    with sending(stream), Session(stream.source_id, bundle) as session:
        session.until(lambda: session.received >= seconds * 250, seconds + 20.0)
        index, positions, predictions = session.index, session.places, session.predictions
        status = session.status
    np.testing.assert_array_equal(index, np.arange(len(index)))
    np.testing.assert_array_equal(positions, index)
    assert status.lost == 0
    assert status.notice == ""
    assert content(predictions, 1900) == content(faultless, 1900)
    report(
        "bursts of 20 to 350 ms, stamped on arrival",
        tried=f"{seconds} s",
        lost="0 samples, 0 windows; no prediction changed",
        recovered="at once",
    )


@pytest.mark.parametrize("kind", BAD_VALUES)
@pytest.mark.parametrize("times", [1, pytest.param(50, marks=long)])
def test_bad_values_poison_nothing(bundle: LoadedBundle, kind: str, times: int, report: Callable[..., None]) -> None:
    count = 300 if kind == "saturated" else 3
    places = [1000 + 2000 * number for number in range(times)]
    stream = Stream(
        unique("values"), speed=speed_for(places[-1] / 250), values=tuple((at, count, kind) for at in places)
    )
    with sending(stream), Session(stream.source_id, bundle) as session:
        session.until(lambda: session.received >= places[-1] + 1900, 600.0)
        predictions = session.predictions
    recovered = []
    for at in places:
        after = [p for p in predictions if at + 1000 > p.sample >= at + count]
        # A window that holds such a sample is never valid.
        assert all(p.sample - 250 >= at + count - 1 for p in after if p.valid)
        during = [p for p in predictions if at + 90 <= p.sample < at + count]
        assert all(p.reasons == (Reason.BAD_CONTACT,) for p in during)
        late = [p for p in predictions if at + 1400 <= p.sample < at + 1900]
        assert all(p.valid for p in late)
        recovered.append((next(p.sample for p in predictions if p.valid and p.sample >= at + count) - at - count) / 250)
    for prediction in predictions:
        assert not prediction.valid or np.isfinite([t.probability for t in prediction.targets]).all()
    report(
        f"{count} {kind} samples in one channel",
        tried=f"{times}",
        lost="predictions invalid, with the reason",
        recovered=f"{max(recovered):.2f} s of signal at most",
    )


@pytest.mark.parametrize("true_rate", [242.5, 257.5])
@pytest.mark.parametrize("samples", [3000, pytest.param(60_000, marks=long)])
def test_rate_3_percent_off_nominal_is_told_and_no_loss(
    bundle: LoadedBundle, faultless: list[Prediction], true_rate: float, samples: int, report: Callable[..., None]
) -> None:
    stream = Stream(unique("rate"), true_rate=true_rate, speed=FAST)
    with sending(stream), Session(stream.source_id, bundle) as session:
        session.until(lambda: session.received >= samples, 120.0)
        status, index, predictions = session.status, session.index, session.predictions
    assert status.lost == 0
    np.testing.assert_array_equal(index, np.arange(len(index)))
    assert status.nominal_rate == 250.0
    assert status.effective_rate == pytest.approx(true_rate, rel=1e-3)
    assert f"runs at {true_rate:.1f} Hz and not at the 250 Hz" in status.notice
    # Predictions go by samples: nothing that is said depends on stamps.
    assert content(predictions, 2900) == content(faultless, 2900)
    report(
        f"{true_rate} Hz under a nominal 250 Hz",
        tried=f"{samples} samples",
        lost=f"0 samples; status says {status.effective_rate:.1f} Hz",
        recovered="–",
    )


@pytest.mark.parametrize("orders", [2, pytest.param(10, marks=long)])
def test_order_of_channels_changes_nothing(
    bundle: LoadedBundle, faultless: list[Prediction], orders: int, report: Callable[..., None]
) -> None:
    rng = np.random.default_rng(2)
    for _ in range(orders):
        channels = tuple(rng.permutation([*CHANNELS, INDEX]).tolist())
        found = collected(bundle, Stream(unique("order"), channels=channels, speed=FAST), 4000)
        assert content(found, 3900) == content(faultless, 3900)
    assert sum(p.valid for p in faultless) > 20
    report("order of channels permuted", tried=f"{orders}", lost="no prediction changed", recovered="–")
