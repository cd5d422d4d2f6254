"""The markers of a session, and the ratings among them. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bci_app.events import Prediction
from bci_app.learn.prequential import Prequential
from bci_app.presentation.event_log import EventLog
from bci_app.presentation.marks import note_marker, words_of
from bci_app.presentation.profiles import learning_words, rating_words
from bci_app.presentation.signal_feed import SignalFeed
from bci_app.presentation.state import Event, Mark, SessionLog
from bci_app.stream import Marker


class MarkBook:
    """Takes each marker into the log, onto the signals and into the list of events. Ratings update a profile's head.

    Parameters
    ----------
    feed : SignalFeed
        Knows where a time lies on the signals.
    event_log : EventLog
        Lists what a rating has shown.
    add : callable
        Takes the `Event` of each marker.

    Attributes
    ----------
    log : SessionLog
        Of the session.
    learning : Prequential or None
        Scores and updates the profile's head, where that is wanted.
    """

    def __init__(self, feed: SignalFeed, event_log: EventLog, add: Callable[[Event], None]) -> None:
        self._feed, self._event_log, self._add = feed, event_log, add
        self.log = SessionLog()
        self.learning: Prequential | None = None

    def follow(self, predictions: Sequence[Prediction]) -> None:
        """Take new predictions, which later ratings speak of."""
        if self.learning is not None:
            self.learning.follow(predictions)

    def take(self, marker: Marker, *, quiet: bool) -> None:
        """Take a marker; `quiet` for one that came from elsewhere."""
        note_marker(self.log, marker)
        text, place = words_of(marker.text), self._feed.place(marker.time)
        if place is not None:
            self.log.markers.append(Mark(place, text))
        self._add(Event(self._feed.stream_time.since_start(marker.time), text, quiet=quiet))
        if self.learning is not None:
            updating = bool(self.learning.rated) and self.learning.rated[-1].updating
            rated = self.learning.on_marker(marker)
            if rated is not None:
                self._event_log.note(rating_words(rated, updating=updating))

    @property
    def words(self) -> str:
        """How the updates do, in a few words; empty without any."""
        return learning_words(self.learning.rated) if self.learning is not None else ""
