"""Packages that a radio drops now and then: counted, bridged, and hardly seen in what is predicted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import LoadedBundle
from bci_app.engine import Engine
from bci_app.engine.interpreter import BRIDGE_SECONDS
from bci_app.events import Gap, Prediction, Reason
from bci_app.simulation import Settings, SimulatedParticipant
from bci_app.sources.base import Source
from bci_app.sources.brainflow.boards import layout_of
from bci_app.sources.brainflow.source import BrainFlowSource
from bci_app.stream import StreamInfo
from tests.streams import ArraySource, chunks

long = (pytest.mark.soak, pytest.mark.timeout(900))
RATE = 250.0
CYTON = layout_of("CYTON", 0)
LONGEST = int(BRIDGE_SECONDS * RATE)


def recording(path: Path, data: np.ndarray, kept: np.ndarray) -> Path:
    """A Cyton session as BrainFlow writes it, of the samples that arrived."""
    table = np.zeros((len(data), CYTON.n_rows))
    assert CYTON.counter is not None
    table[:, CYTON.counter] = np.arange(len(data)) % 256
    table[:, CYTON.stamp] = 1.7e9 + np.arange(len(data)) / RATE
    table[:, list(CYTON.eeg)] = data
    np.savetxt(path, table[kept], delimiter="\t", fmt="%.6f")
    return path


def run(source: Source, bundle: LoadedBundle) -> tuple[list[Prediction], list[Gap], int]:
    predictions: list[Prediction] = []
    gaps: list[Gap] = []
    with Engine(source, bundle) as engine:
        while not engine.finished:
            result = engine.step(0.1)
            predictions += result.predictions
            gaps += result.gaps
        return predictions, gaps, engine.status().lost


@pytest.mark.parametrize("losses", [12, pytest.param(200, marks=long)])
def test_losses_of_up_to_20_ms_are_counted_and_bridged(
    bundle: LoadedBundle, tmp_path: Path, losses: int, report: Callable[..., None]
) -> None:
    rng = np.random.default_rng(0)
    places = 400 + np.cumsum(rng.integers(100, 200, losses))
    lengths = 1 + np.arange(losses) % LONGEST
    data = np.round(SimulatedParticipant(0, Settings(CYTON.names, RATE)).samples(0, int(places[-1]) + 600), 6)
    kept = np.ones(len(data), dtype=np.bool_)
    for place, length in zip(places, lengths, strict=True):
        kept[place : place + length] = False
    file = recording(tmp_path / "cyton.csv", data, kept)

    board = BrainFlowSource("playback_file", {"file": str(file), "master_board": "cyton"})
    found, gaps, lost = run(board, bundle)
    info = StreamInfo("whole", CYTON.names, RATE, ("uV",) * len(CYTON.names))
    expected, _, _ = run(ArraySource(info, chunks(data, RATE, [50])), bundle)

    assert lost == lengths.sum()
    assert [(gap.sample - gap.lost, gap.lost) for gap in gaps] == list(
        zip(places.tolist(), lengths.tolist(), strict=True)
    )
    assert [(p.sample, p.valid) for p in found] == [(p.sample, p.valid) for p in expected]
    changes = [
        max(abs(x - y) for x, y in zip(a.targets[0].probability, b.targets[0].probability, strict=True))
        for a, b in zip(found, expected, strict=True)
        if a.targets[0].probability is not None and b.targets[0].probability is not None
    ]
    assert len(changes) > losses // 2
    assert np.quantile(changes, 0.99) < 0.05
    assert max(changes) < 0.1
    assert min(changes) < 1e-6
    report(
        "loss of 4 to 20 ms, by the package counter",
        tried=f"{losses}",
        lost=f"all counted, {lost} samples; no window, probabilities change by {np.mean(changes):.4f} on average, "
        f"99 % of them by less than {np.quantile(changes, 0.99):.3f}, {max(changes):.3f} at most",
        recovered="at once",
    )


def test_a_longer_loss_is_a_gap(bundle: LoadedBundle, tmp_path: Path) -> None:
    data = SimulatedParticipant(0, Settings(CYTON.names, RATE)).samples(0, 1250)
    kept = np.ones(len(data), dtype=np.bool_)
    kept[700 : 700 + LONGEST + 1] = False
    file = recording(tmp_path / "cyton.csv", data, kept)
    board = BrainFlowSource("playback_file", {"file": str(file), "master_board": "cyton"})
    predictions, gaps, lost = run(board, bundle)
    assert (len(gaps), lost) == (1, LONGEST + 1)
    following = next(p for p in predictions if p.sample > 700)
    assert following.reasons == (Reason.GAP,)
