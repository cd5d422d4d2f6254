"""How a run reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from bci_app.errors import DatasetError
from offline.datasets.base import Damage

DONE = "done"
"""The last stage of every network."""


class Progress(NamedTuple):
    """How far a network is: its name, the stage, and steps done of all."""

    network: str
    stage: str
    done: int
    total: int


Report = Callable[[Progress], None]


class Watch(Protocol):
    """Whoever follows a run."""

    def windows(self, done: int, total: int) -> None:
        """Show the subjects whose windows are made."""

    def skipped(self, subject: str, reason: DatasetError) -> None:
        """Show that a subject is left out."""

    def damaged(self, found: Damage) -> None:
        """Show what is wrong with the data."""

    def networks(self, total: int) -> None:
        """Take the number of networks; each reports `DONE` in the end."""

    def progress(self, progress: Progress) -> None:
        """Show how far one network is."""

    def stage(self, name: str) -> None:
        """Show what comes after the networks."""


class Unwatched:
    """Nobody follows."""

    def windows(self, done: int, total: int) -> None:
        """Show nothing."""

    def skipped(self, subject: str, reason: DatasetError) -> None:
        """Show nothing."""

    def damaged(self, found: Damage) -> None:
        """Show nothing."""

    def networks(self, total: int) -> None:
        """Show nothing."""

    def progress(self, progress: Progress) -> None:
        """Show nothing."""

    def stage(self, name: str) -> None:
        """Show nothing."""
