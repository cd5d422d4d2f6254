"""The benchmark reports what it says it measures. No test judges the figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bci_app.bench import run as bench_run
from bci_app.bench.load import padded
from bci_app.bench.run import BenchmarkError, measure_apart
from bci_app.bench.session import measure_memory, with_predictions_per_second
from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.store import find_bundle
from bci_app.cli.app import main
from bci_app.engine import Engine
from bci_app.engine.simulated_rest import use_simulated_rest
from bci_app.simulation import Settings, SimulatedParticipant
from bci_app.sources.synthetic import SyntheticSource
from tests.bundles import CHANNELS, write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    return load_bundle(write_bundle(tmp_path_factory.mktemp("bundles") / "b"))


def test_load_has_the_channels_of_the_model_and_as_many_as_asked() -> None:
    assert padded(CHANNELS, 32)[:7] == (*CHANNELS, "X1")
    assert len(set(padded(CHANNELS, 64))) == 64


def test_hop_is_changed_and_nothing_else(bundle: LoadedBundle) -> None:
    changed = with_predictions_per_second(bundle, 8)
    assert changed.spec.preprocessing.hop_seconds == 1 / 8
    assert changed.spec.preprocessing.window == bundle.spec.preprocessing.window
    assert changed.model == bundle.model


@pytest.mark.lsl
def test_bench_prints_figures_of_each_session(
    bundle: LoadedBundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # No figure is judged here: a look at each process will do.
    monkeypatch.setattr(bench_run, "COMPARED_TIMES_LONGER", 1)
    monkeypatch.setattr(bench_run, "WINDOW_SETTLE_SECONDS", (2.0, 12.0))
    monkeypatch.setattr(sys, "argv", ["bci-app", "bench", "--bundle", str(bundle.folder), "--seconds", "1", "--json"])
    with pytest.raises(SystemExit, match="0"):
        main()
    report = json.loads(capsys.readouterr().out)
    assert {"bci-app", "python", "liblsl", "numpy", "onnxruntime", "pylsl"} <= set(report["versions"])
    results = report["results"]
    for name in ("session_32x512", "session_32x512_single", "session_64x2048"):
        figures = results[name]
        assert figures["lost"] == 0
        assert 0 < figures["valid"] <= figures["predictions"]
        assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"] <= figures["latency_max_ms"]
        assert figures["latency_p50_ms"] < figures["age_p50_ms"]
        assert figures["cpu_percent"] > 0
    assert results["mne_lsl_32x512"]["cpu_percent"] > 0
    assert results["mne_lsl_32x512"]["ours_over_theirs"] > 0
    assert results["window_64x512"]["p99_over_headless"] > 0


def test_memory_is_measured_over_the_stream(bundle: LoadedBundle) -> None:
    figures = measure_memory(bundle, stream_seconds=240.0, speed=1000.0)
    assert figures.stream_seconds == pytest.approx(240, abs=61)
    assert figures.wall_seconds > 0
    assert figures.growth_mb == figures.end_mb - figures.start_mb


def test_failing_process_is_one_message(tmp_path: Path) -> None:
    settings = {"bundle": str(tmp_path / "none"), "stream_seconds": 1.0, "speed": 1.0}
    with pytest.raises(BenchmarkError, match="There is no bundle"):
        measure_apart("memory", settings, 60.0)


@pytest.mark.parametrize("name", ["mental-load", "synthetic-vad"])
def test_benchmarks_predict_with_the_models_that_ship(name: str) -> None:
    loaded = load_bundle(find_bundle(name))
    participant = SimulatedParticipant(0, Settings(padded(loaded.spec.preprocessing.channels, 20), 250.0))
    engine = Engine(SyntheticSource(participant, speed=1000.0, seconds=20.0), loaded)
    engine.start()
    use_simulated_rest(engine)
    assert sum(prediction.valid for prediction in engine.predictions()) >= 12
    engine.stop()
