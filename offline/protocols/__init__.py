"""Evaluation protocols: which windows train, validate and test. One module each, and a registry.

Every protocol but ``paper`` keeps whole groups (trials, sessions, stimuli or subjects) on one side of each border.
Brookshire et al. 2024 (*Front. Neurosci.* 18:1373515) measure what happens where that is not done.
"""

from offline.protocols.base import LEAK_WARNING, Protocol
from offline.protocols.files import read_splits, write_splits, write_splits_csv
from offline.protocols.registry import PROTOCOLS, check_split, leaks, make_splits, protocol_named

__all__ = [
    "LEAK_WARNING",
    "PROTOCOLS",
    "Protocol",
    "check_split",
    "leaks",
    "make_splits",
    "protocol_named",
    "read_splits",
    "write_splits",
    "write_splits_csv",
]
