"""LSL faults at length; `make soak` runs them and prints the figures."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from bci_app.sources.liblsl import local_clock
from bci_app.sources.lsl import LslSource
from bci_app.sources.lsl_header import LslSelector
from tests.lsl_outlet import outlet, unique
from tests.sources.test_lsl import receive, samples, wait_lost

pytestmark = [pytest.mark.lsl, pytest.mark.soak]


def tell(text: str) -> None:
    """Show a figure (with pytest -s)."""
    sys.stdout.write(f"\n{text}\n")


@pytest.mark.timeout(900)
def test_outlet_killed_and_restarted_50_times() -> None:
    rng = np.random.default_rng(0)
    source_id = unique("soak-restart")
    epoch = local_clock()
    source = LslSource(LslSelector(source_id=source_id))
    noticed, recovered, errors = [], [], []
    with outlet(source_id, epoch=epoch):
        source.start()
        last = receive(source, samples(500))[-1]
    for _ in range(50):
        noticed.append(wait_lost(source, 3.0))
        time.sleep(rng.uniform(0, 2))
        with outlet(source_id, epoch=epoch):
            start = time.monotonic()
            (first,) = receive(source, samples(1))
            recovered.append(time.monotonic() - start)
            shift = last.data[0, 0] - last.first
            errors.append(abs(first.data[0, 0] - first.first - shift))
            assert first.reset
            last = receive(source, samples(int(rng.integers(1, 500))))[-1]
    source.stop()
    tell(
        f"50 restarts: noticed in {max(noticed):.2f} s, back in {max(recovered):.2f} s, gap ±{max(errors):.0f} samples"
    )
    assert max(noticed) < 2.5
    assert max(recovered) < 2.0
    assert max(errors) <= 1


@pytest.mark.timeout(900)
def test_no_sample_lost_doubled_or_reordered_in_10_minutes() -> None:
    source_id = unique("soak-index")
    with outlet(source_id, wait=True, rate=128, labels=",".join(f"E{i}" for i in range(32))):
        source = LslSource(LslSelector(source_id=source_id))
        source.start()
        chunks = receive(source, samples(128 * 600), limit=660)
        source.stop()
    index = np.concatenate([chunk.data[:, 0] for chunk in chunks])
    tell(f"10 minutes: {len(index)} samples in {len(chunks)} chunks")
    np.testing.assert_array_equal(index, np.arange(len(index)))
    np.testing.assert_array_equal(np.concatenate([c.first + np.arange(len(c)) for c in chunks]), index)
    assert not any(chunk.lost for chunk in chunks)


@pytest.mark.timeout(900)
def test_gaps_of_a_second_at_random_places() -> None:
    rng = np.random.default_rng(1)
    places = np.cumsum(rng.integers(300, 1000, 60))
    source_id = unique("soak-gaps")
    with outlet(source_id, wait=True, gaps=",".join(f"{at}:250" for at in places)):
        source = LslSource(LslSelector(source_id=source_id))
        source.start()
        chunks = receive(source, lambda found: bool(found) and found[-1].first > places[-1] + 300, limit=600)
        source.stop()
    lost = [(int(chunk.first), chunk.lost) for chunk in chunks if chunk.lost]
    assert lost == [(int(at) + 250, 250) for at in places]
    assert all(chunk.first == chunk.data[0, 0] for chunk in chunks)
