"""Benchmarks: figures of this machine, each in its own processes, never pass or fail by themselves."""

from bci_app.bench.run import Report, run_benchmarks

__all__ = ["Report", "run_benchmarks"]
