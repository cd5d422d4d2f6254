"""Benchmarks of training, search, windows and export on the machine at hand."""

from offline.bench.measure import measure

__all__ = ["measure"]
