"""Tests over people, chance by permutation, and how much a protocol leaks."""

from offline.statistics.chance import Chance, chance_level
from offline.statistics.leak import LeakMeter, measure_leak
from offline.statistics.people import Comparison, compare_methods, own_scores

__all__ = ["Chance", "Comparison", "LeakMeter", "chance_level", "compare_methods", "measure_leak", "own_scores"]
