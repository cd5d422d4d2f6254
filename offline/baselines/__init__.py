"""Methods of the field on the same windows, folds and statistics as the found subnets: one module a family."""

from offline.baselines.base import Baseline, Fold
from offline.baselines.registry import BASELINES, REFERENCE, baselines_named

__all__ = ["BASELINES", "REFERENCE", "Baseline", "Fold", "baselines_named"]
