"""A report of benchmarks as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bci_app.bench.run import PREDICTIONS_PER_S, Report

_SESSIONS = {
    "session_32x512": "32 × 512 Hz",
    "session_32x512_single": "32 × 512 Hz, sample by sample",
    "session_64x2048": "64 × 2048 Hz",
}


def lines(report: Report) -> Iterator[str]:
    """Return the lines."""
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    yield f"{report.date}; {', '.join(f'{key} {value}' for key, value in report.machine.items())}"
    yield versions
    yield f"Model {report.bundle}, {PREDICTIONS_PER_S} predictions/s; LSL on loopback, sender in its own process"
    yield ""
    yield f"{'session':<32}{'p50':>9}{'p99':>9}{'age p50':>10}{'CPU':>8}{'lost':>6}{'backlog':>20}"
    for key, name in _SESSIONS.items():
        yield _session(name, report.results[key])
    yield "p50, p99: sample received to prediction published; age: sample stamped to prediction published;"
    yield "CPU: of one core, whole process; backlog: age of the newest sample on arrival, first and last quarter"
    yield ""
    yield from _peer(report.results["mne_lsl_32x512"])
    yield from _window(report.results)
    if "memory_hour" in report.results:
        memory = report.results["memory_hour"]
        yield (
            f"Memory over {memory['stream_seconds'] / 60:.0f} min of stream, recording: "
            f"{memory['start_mb']:.1f} to {memory['end_mb']:.1f} MB ({memory['growth_mb']:+.1f} MB)"
        )


def _session(name: str, figures: dict[str, Any]) -> str:
    backlog = f"{figures['backlog_start_ms']:.1f} → {figures['backlog_end_ms']:.1f} ms"
    return (
        f"{name:<32}{figures['latency_p50_ms']:>6.2f} ms{figures['latency_p99_ms']:>6.2f} ms"
        f"{figures['age_p50_ms']:>7.1f} ms{figures['cpu_percent']:>6.1f} %{figures['lost']:>6}{backlog:>20}"
    )


def _peer(figures: dict[str, Any]) -> Iterator[str]:
    if "skipped" in figures:
        yield f"MNE-LSL, 32 × 512 Hz: skipped, {figures['skipped']}"
        return
    low, high = figures["band_hz"]
    yield (
        f"MNE-LSL {figures['version']}, 32 × 512 Hz, acquisition every 10 ms and {low:g}–{high:g} Hz, no predictions: "
        f"{figures['cpu_percent']:.1f} % (ours / theirs: {figures['ours_over_theirs']:.2f})"
    )


def _window(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    window, headless, viewer = (results[f"{job}_64x512"] for job in ("window", "headless", "viewer"))
    if "skipped" in window:
        yield f"Window, 64 × 512 Hz: skipped, {window['skipped']}"
        return
    yield (
        f"Window, 64 × 512 Hz × 10 s with predictions: {window['frames_per_second']:.0f} frames/s, "
        f"{window['cpu_percent']:.1f} % (without window {headless['cpu_percent']:.1f} %), "
        f"first trace after {window['first_trace_s']:.2f} s"
    )
    yield (
        f"Sample received to prediction published, p99: {window['engine']['latency_p99_ms']:.2f} ms with the window, "
        f"{headless['latency_p99_ms']:.2f} ms without (ratio: {window['p99_over_headless']:.2f})"
    )
    if "skipped" in viewer:
        yield f"MNE-LSL's StreamViewer: skipped, {viewer['skipped']}"
    else:
        yield (
            f"MNE-LSL {viewer['version']} StreamViewer, the same stream and size, no predictions: "
            f"{viewer['frames_per_second']:.0f} frames/s, {viewer['cpu_percent']:.1f} %"
        )
