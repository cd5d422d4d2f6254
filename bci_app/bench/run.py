"""The benchmarks in their order, and what they are measured against."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bci_app.bench.load import Load, padded
from bci_app.bench.session import first_window
from bci_app.bundle import LoadedBundle
from bci_app.errors import BciError
from bci_app.preprocessing.steps import BandPass

PREDICTIONS_PER_S = 8
_MEMORY_STREAM_SECONDS = 3600.0
_MEMORY_SPEED = 60.0
_PEER_INTERVAL = 0.01
# Filtered by the peer where the model has no band-pass.
_BAND = (1.0, 45.0)
_START_SECONDS = 60.0
# Ten seconds on screen, full when it is measured; a quick look does without.
WINDOW_SETTLE_SECONDS = (4.0, 12.0)
_WINDOW_SIZE = (1600, 1000)
# The hundredth part of some seconds' predictions is one or two: what is compared by it runs longer.
COMPARED_TIMES_LONGER = 4
_PACKAGES = ("numpy", "scipy", "onnxruntime", "pylsl", "mne", "mne-lsl")


class BenchmarkError(BciError):
    """A process of a benchmark has failed."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run.

    Attributes
    ----------
    date : str
        When, UTC.
    machine : dict
        Processor, cores, load of the machine before the run.
    versions : dict
        Of what was measured and what it stands on.
    bundle : str
        The model.
    results : dict
        Name of each benchmark to its figures, or to ``{"skipped": reason}``.
    """

    date: str
    machine: dict[str, object]
    versions: dict[str, str]
    bundle: str
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return everything as values that JSON can hold."""
        return asdict(self)


def run_benchmarks(
    loaded: LoadedBundle,
    *,
    seconds: float = 20.0,
    memory: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Measure this machine.

    Parameters
    ----------
    loaded : LoadedBundle
        The model.
    seconds : float
        Measured time of each benchmark, after settling.
    memory : bool
        Also run an hour of stream at 60 times its speed, which takes a minute.
    progress : callable
        Called with the name of each measurement as it begins.

    Raises
    ------
    BenchmarkError
        If a process fails.
    """
    report = Report(_now(), _machine(), _versions(), loaded.spec.name)
    channels = loaded.spec.preprocessing.channels
    usual = Load(padded(channels, 32), 512.0)
    with _sender(usual) as source_id:
        progress("32 channels at 512 Hz")
        report.results["session_32x512"] = _session(loaded, source_id, seconds)
        progress("32 channels at 512 Hz, MNE-LSL")
        report.results["mne_lsl_32x512"] = _peer(loaded, source_id, seconds)
    ours, theirs = (report.results[name].get("cpu_percent") for name in ("session_32x512", "mne_lsl_32x512"))
    if ours and theirs:
        report.results["mne_lsl_32x512"]["ours_over_theirs"] = ours / theirs
    with _sender(Load(padded(channels, 32), 512.0, block=1 / 512)) as source_id:
        progress("32 channels at 512 Hz, sample by sample")
        report.results["session_32x512_single"] = _session(loaded, source_id, seconds)
    with _sender(Load(padded(channels, 64), 2048.0)) as source_id:
        progress("64 channels at 2048 Hz")
        report.results["session_64x2048"] = _session(loaded, source_id, seconds)
    with _sender(Load(padded(channels, 64), 512.0)) as source_id:
        for job, title in (("headless", "no window"), ("window", "window"), ("viewer", "MNE-LSL's StreamViewer")):
            progress(f"64 channels at 512 Hz, {title}")
            longer = 1 if job == "viewer" else COMPARED_TIMES_LONGER
            report.results[f"{job}_64x512"] = _drawing(job, loaded, source_id, longer * seconds)
    headless, window = (report.results[f"{job}_64x512"] for job in ("headless", "window"))
    if "skipped" not in window:
        window["p99_over_headless"] = window["engine"]["latency_p99_ms"] / headless["latency_p99_ms"]
    if memory:
        progress("an hour of stream at 60 times its speed")
        settings = {"bundle": str(loaded.folder), "stream_seconds": _MEMORY_STREAM_SECONDS, "speed": _MEMORY_SPEED}
        report.results["memory_hour"] = measure_apart("memory", settings, _MEMORY_STREAM_SECONDS)
    return report


def _session(loaded: LoadedBundle, source_id: str, seconds: float) -> dict[str, Any]:
    settings = {
        "bundle": str(loaded.folder),
        "source": f"lsl:source_id={source_id}",
        "predictions_per_s": PREDICTIONS_PER_S,
        "seconds": seconds,
    }
    return measure_apart("session", settings, seconds + _START_SECONDS)


def _peer(loaded: LoadedBundle, source_id: str, seconds: float) -> dict[str, Any]:
    if importlib.util.find_spec("mne_lsl") is None:
        return {"skipped": "mne-lsl is not installed"}
    steps = loaded.spec.preprocessing.steps
    band = next(((step.low, step.high) for step in steps if isinstance(step, BandPass)), _BAND)
    settings = {"source_id": source_id, "seconds": seconds, "interval": _PEER_INTERVAL, "band": band}
    # It brings its own liblsl, which reads its configuration from a file.
    from bci_app.sources.lsl.library import LOOPBACK_CONFIG

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "lsl.cfg"
        config.write_text(LOOPBACK_CONFIG)
        return measure_apart("peer", settings, seconds + _START_SECONDS, environment={"LSLAPICFG": str(config)})


def _drawing(job: str, loaded: LoadedBundle, source_id: str, seconds: float) -> dict[str, Any]:
    """Measure the session window, the same session without it, or the viewer that ours is compared with."""
    from bci_app.sources.lsl.library import LOOPBACK_CONFIG

    if importlib.util.find_spec("PyQt6") is None:
        return {"skipped": "PyQt6 is not installed"}
    if job == "viewer" and importlib.util.find_spec("mne_lsl") is None:
        return {"skipped": "mne-lsl is not installed"}
    shortest, longest = WINDOW_SETTLE_SECONDS
    settle = max(min(max(seconds, shortest), longest), first_window(loaded))
    settings = {
        "bundle": str(loaded.folder),
        "source_id": source_id,
        "seconds": seconds,
        "settle": settle,
        "size": _WINDOW_SIZE,
        "hop": max(1, round(loaded.spec.preprocessing.rate / PREDICTIONS_PER_S)),
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "lsl.cfg"
        config.write_text(LOOPBACK_CONFIG)
        environment = {"QT_QPA_PLATFORM": "offscreen", "LSLAPICFG": str(config)}
        limit = seconds + settle + _START_SECONDS
        return measure_apart(job, settings, limit, environment=environment, module="bci_app.gui.bench")


# Processes -------------------------------------------------------------------------------------


def _command(job: str, module: str = "bci_app.bench") -> list[str]:
    return [sys.executable, "-m", module, job]


def _environment(**changes: str) -> dict[str, str]:
    # Found from any folder, also where the package is not installed.
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}


def measure_apart(
    job: str,
    settings: dict[str, object],
    limit: float,
    *,
    environment: dict[str, str] | None = None,
    module: str = "bci_app.bench",
) -> dict[str, Any]:
    """Run a job in a separate process and return what it printed."""
    try:
        done = subprocess.run(
            _command(job, module),
            input=json.dumps(settings) + "\n",
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            env=_environment(**environment or {}),
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"The benchmark's {job} did not end", expected=f"an end within {limit:.0f} s") from None
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise BenchmarkError(
            f"The benchmark's {job} has failed", found=(done.stderr.strip().splitlines() or ["no message"])[-1]
        )
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


@contextmanager
def _sender(load: Load) -> Iterator[str]:
    """Run a stream for the time of a with statement; gives its source_id."""
    source_id = f"bci-app-bench-{uuid.uuid4().hex[:12]}"
    process = subprocess.Popen(
        _command("send"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({**asdict(load), "source_id": source_id}) + "\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != "ready":
            raise BenchmarkError("The stream of the benchmark did not start")
        yield source_id
    finally:
        process.kill()
        process.communicate()


# What was measured -----------------------------------------------------------------------------


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _machine() -> dict[str, object]:
    import psutil

    load = psutil.getloadavg()[0]
    return {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "cores": os.cpu_count() or 0,
        "load_average": round(load, 2),
    }


def _versions() -> dict[str, str]:
    from bci_app import __version__
    from bci_app.sources.lsl.library import library_version

    versions = {"bci-app": __version__, "python": platform.python_version(), "liblsl": library_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
