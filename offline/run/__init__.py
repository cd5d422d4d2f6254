"""A whole run: windows, splits, training, search, scores, bundle."""

from offline.run.experiment import RunResult, run
from offline.run.folder import read_settings
from offline.run.record import RunRecord
from offline.run.settings import RunSettings
from offline.run.shipping import Shipping

__all__ = ["RunRecord", "RunResult", "RunSettings", "Shipping", "read_settings", "run"]
