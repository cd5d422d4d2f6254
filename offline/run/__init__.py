"""A whole run: windows, splits, training, search, scores, bundle."""

from offline.run.experiment import RunResult, RunSettings, run

__all__ = ["RunResult", "RunSettings", "run"]
