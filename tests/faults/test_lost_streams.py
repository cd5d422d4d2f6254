"""Streams that vanish, return, return changed, or are read too slowly."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from bci_app.bundle import LoadedBundle
from bci_app.errors import SourceError
from bci_app.events import Phase, Reason
from bci_app.sources.lsl.library import local_clock
from tests.bundles import CHANNELS
from tests.faults.outlet import INDEX, Stream, sending
from tests.faults.session import Session
from tests.lsl_outlet import unique

pytestmark = pytest.mark.lsl
long = (pytest.mark.soak, pytest.mark.timeout(900))


@pytest.mark.parametrize("times", [2, pytest.param(50, marks=long)])
def test_outlet_killed_and_restarted(
    bundle: LoadedBundle, times: int, limit_s: float, report: Callable[..., None]
) -> None:
    rng = np.random.default_rng(0)
    stream = Stream(unique("killed"), epoch=local_clock(), wait=False)
    noticed, returned, valid, errors = [], [], [], []
    outlet = sending(stream)
    running = outlet.__enter__()
    with Session(stream.source_id, bundle) as session:
        session.until_valid()
        for _ in range(times):
            before = session.index[-1] - session.places[-1]
            running.kill()
            noticed.append(session.until_lost())
            assert "is lost" in session.status.message
            outlet.__exit__(None, None, None)
            session.step_for(rng.uniform(0, 1))
            assert session.status.phase is Phase.LOST
            outlet = sending(stream)
            running = outlet.__enter__()
            n_chunks, n_predictions = len(session.tap.chunks), len(session.predictions)
            returned.append(session.until_received(1))
            first = session.tap.chunks[n_chunks]
            assert first.reset
            errors.append(int(abs(first.data[0, -1] - first.first - before)))
            valid.append(returned[-1] + session.until_valid())
            after = session.predictions[n_predictions:]
            # Filters start again: predictions due before a whole window has passed have their reason.
            assert all(p.reasons == (Reason.GAP,) for p in after[:-1])
            assert after[-1].sample - first.first >= 1.5 * 250 - 4
            assert session.status.message == ""
        assert np.all(np.diff(session.index) > 0)
    outlet.__exit__(None, None, None)
    report(
        "outlet killed and restarted (LSL)",
        tried=f"{times}",
        lost=f"noticed after {max(noticed):.2f} s at most; length of the gap right to {max(errors)} sample(s)",
        recovered=f"samples {max(returned):.2f} s, predictions {max(valid):.2f} s at most",
    )
    assert max(noticed) < limit_s
    assert max(returned) < limit_s
    assert max(errors) <= 1


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=long)])
def test_silent_outlet_that_goes_on(
    bundle: LoadedBundle, times: int, limit_s: float, report: Callable[..., None]
) -> None:
    """As a device out of reach: the connection stands, nothing comes, then all that was held back comes."""
    stream = Stream(unique("silent"))
    noticed, returned = [], []
    with sending(stream) as running, Session(stream.source_id, bundle) as session:
        session.until_valid()
        for _ in range(times):
            running.freeze()
            noticed.append(session.until_lost())
            session.step_for(0.3)
            n_chunks = len(session.tap.chunks)
            running.thaw()
            returned.append(session.until_received(1))
            assert session.tap.chunks[n_chunks].reset
            session.until_valid()
            assert session.status.message == ""
        np.testing.assert_array_equal(session.index, np.arange(len(session.index)))
        np.testing.assert_array_equal(session.places, session.index)
    report(
        "outlet silent for 2 s, connection open",
        tried=f"{times}",
        lost=f"noticed after {max(noticed):.2f} s at most; 0 samples",
        recovered=f"samples {max(returned):.2f} s at most",
    )
    assert max(noticed) < limit_s
    assert max(returned) < limit_s


CHANGES = {
    "another channel": ({"channels": (*CHANNELS[:-1], "Cz", INDEX)}, "Cz"),
    "a channel less": ({"channels": (*CHANNELS[:-1], INDEX)}, "channels"),
    "another order": ({"channels": (INDEX, *CHANNELS)}, "channels"),
    "another rate": ({"rate": 500.0, "true_rate": 500.0}, "500 Hz"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_layout_under_the_same_source_id_is_refused(
    bundle: LoadedBundle, change: str, report: Callable[..., None]
) -> None:
    changes, words = CHANGES[change]
    source_id = unique("changed")
    with sending(Stream(source_id)) as running, Session(source_id, bundle) as session:
        session.until_received(100)
        running.kill()
        session.until_lost()
        received = session.received
        with sending(Stream(source_id, **changes)), pytest.raises(SourceError, match="not as it was") as caught:  # type: ignore[arg-type]
            session.until(lambda: False, 4.0)
        assert words in str(caught.value)
        assert session.received == received
    report(f"{change} under the same source_id", tried="1", lost="refused, with the reason", recovered="–")


@pytest.mark.parametrize("stalls", [2, pytest.param(20, marks=long)])
def test_a_slow_consumer_gets_everything(bundle: LoadedBundle, stalls: int, report: Callable[..., None]) -> None:
    """The engine is not stepped for a while, as when the machine is busy: LSL keeps what comes meanwhile."""
    source_id = unique("slow")
    caught_up = []
    with sending(Stream(source_id, rate=500.0, true_rate=500.0)), Session(source_id, bundle) as session:
        session.until_received(100)
        for _ in range(stalls):
            time.sleep(1.5)
            caught_up.append(session.until(lambda: session.received and session.status.age_s < 0.1))
        session.until_valid()
        np.testing.assert_array_equal(session.index, np.arange(len(session.index)))
        hops = np.diff([p.sample for p in session.predictions])
        assert set(hops.tolist()) == {250}
        assert all(p.valid for p in session.predictions[3:])
        assert session.status.lost == 0
    report(
        "consumer that stalls for 1.5 s",
        tried=f"{stalls}",
        lost="0 samples, 0 windows",
        recovered=f"{max(caught_up):.2f} s at most",
    )
