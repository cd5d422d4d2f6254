"""A run whose networks are trained on many machines: jobs, their store, and engines that run them."""

from offline.sweep.engines import ENGINES
from offline.sweep.jobs import Sweep

__all__ = ["ENGINES", "Sweep"]
