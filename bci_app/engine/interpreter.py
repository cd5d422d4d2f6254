"""What a model makes of a stream: predictions where it can stand behind them, reasons where not.

Everything here follows from the samples and their indices alone, never from how they arrived, so
that the same recording gives the same predictions as a file and live.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.decoder import Decoded, Decoder, stream_pipeline
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Bundle
from bci_app.engine.artefact import Verdict
from bci_app.engine.contact import ContactMonitor, are_numbers
from bci_app.engine.familiarity import Familiarity
from bci_app.engine.rate import MOST_RATE_ERROR, RateCheck
from bci_app.events import Contact, Gap, Phase, Prediction, Reason, TargetPrediction, age_of
from bci_app.montage.interpolation import interpolation_weights
from bci_app.preprocessing import Rest, Window
from bci_app.preprocessing.alignment import AlignmentState
from bci_app.stream import Chunk, Samples, StreamInfo

# A loss this short is bridged: two samples of a radio headset say nothing of the band powers of a
# window, and restarting the filters would cost seconds of predictions.
BRIDGE_SECONDS = 0.02


class Interpreter:
    """Predictions of one model on one stream.

    Parameters
    ----------
    bundle : Bundle
        The model's description.
    predictor : Predictor
        The model.
    info : StreamInfo
        The stream.
    wait_for_baseline : bool
        True to make no prediction until `start_baseline` is called.
    clock : callable
        LSL's clock, for the age of predictions.

    Raises
    ------
    ChannelError, PreprocessingError
        If the stream does not fit the model.
    """

    def __init__(
        self,
        bundle: Bundle,
        predictor: Predictor,
        info: StreamInfo,
        *,
        wait_for_baseline: bool,
        clock: Callable[[], float],
    ) -> None:
        self._bundle = bundle.for_stream(info.channels, info.units)
        self._clock = clock
        pipeline = stream_pipeline(bundle, channels=info.channels, rate=info.rate, units=info.units)
        spec = pipeline.spec
        if bundle.max_bad_share and not bundle.elastic:
            # Load what interpolation needs now, not in the middle of a session.
            interpolation_weights(spec.channels, (0,))
        self._pipeline = pipeline
        self._decoder = Decoder(pipeline, predictor)
        self._contact = ContactMonitor(spec.channels, info.rate, missing=pipeline.missing)
        self._bridge = _Bridge(info.rate)
        self._rate = RateCheck(info.rate, MOST_RATE_ERROR if bundle.max_rate_error is None else bundle.max_rate_error)
        self._incomplete_ends = pipeline.incomplete_ends()
        self._left_out, self._left_out_since = pipeline.missing, 0
        self._baseline_from: int | None = None if wait_for_baseline else 0
        self._compute_ms = float("nan")
        self._arrives_wrong = False
        self._familiarity = Familiarity()
        self._begin(0, Reason.WARMING_UP)

    @property
    def artefact(self) -> str:
        """What is in the newest second of the signal beside the brain, in a word; empty if nothing is."""
        return self._contact.artefact.artefact.value

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """Contact of the model's channels."""
        return self._contact.contacts

    @property
    def baseline_progress(self) -> float:
        """Share of the rest baseline that is measured, 0 to 1."""
        return self._decoder.baseline_progress

    @property
    def rest(self) -> Rest | None:
        """The rest baseline, once it is measured."""
        return self._decoder.rest

    @property
    def alignment(self) -> AlignmentState | None:
        """What the alignment knows of the session; None where the model aligns nothing."""
        return self._decoder.alignment

    def set_alignment(self, state: AlignmentState | None) -> None:
        """Go on with an alignment of another time of the session; None to start again."""
        self._decoder.set_alignment(state)

    @property
    def notice(self) -> str:
        """Which channels the rest baseline costs, or that the model knows no such session; empty if neither."""
        rest = None if self._bundle.bad_channels == "interpolate" else self.rest
        bad = [] if rest is None else [channel for channel in rest.bad if not self._pipeline.missing[channel]]
        if not bad:
            return self._familiarity.notice
        names = ", ".join(self._bundle.preprocessing.channels[channel] for channel in bad)
        return f"Bad contact at rest: {names}, left out until rest is measured again."

    @property
    def origin(self) -> int:
        """Stream index at which the filters last restarted; windows are counted from there."""
        return self._origin

    @property
    def compute_ms(self) -> float:
        """Time that the network took for the last prediction; nan before the first."""
        return self._compute_ms

    @property
    def phase(self) -> Phase:
        """Where the session stands."""
        if self._baseline_from is None:
            return Phase.CONTACT
        if self._awaited:
            return Phase.WARMING_UP
        return Phase.BASELINE if self.baseline_progress < 1 else Phase.RUNNING

    def start_baseline(self, sample: int) -> None:
        """Measure the rest baseline from stream index `sample` on, also if there is one already."""
        self.forget_rest()
        self._baseline_from = sample

    def forget_rest(self) -> None:
        """Drop the rest baseline, and wait until `start_baseline` is called: another person follows."""
        self._decoder.restart_baseline()
        self._contact.set_rest(None)
        self._familiarity = Familiarity()
        self._baseline_from = None

    def set_rest(self, rest: Rest) -> None:
        """Use a rest baseline measured before, on the same person with the same montage."""
        self._decoder.set_rest(rest)
        self._contact.set_rest(rest.powers)
        self._familiarity = Familiarity()
        self._baseline_from = 0

    def due(self, first: int) -> int:
        """Return the stream index that samples from `first` on must reach for anything to be said of them."""
        window = self._origin + self._pipeline.next_end(first - self._origin) + 1
        return min(window, self._contact.next_point(first))

    def take(self, chunk: Chunk, *, wrong_rate: bool = False) -> tuple[list[Prediction], list[Gap]]:
        """Take the next samples and return what is to be said of them.

        Parameters
        ----------
        chunk : Chunk
            Samples.
        wrong_rate : bool
            Whether they arrive at another rate than their stamps say. Only who receives them knows that.
        """
        self._arrives_wrong = wrong_rate
        predictions: list[Prediction] = []
        gaps: list[Gap] = []
        bridged = self._bridge.over(chunk)
        if bridged.reset:
            self._rate.restart()
        if bridged.lost or bridged.reset:
            self._break(chunk.first, Reason.GAP)
        if chunk.lost or chunk.reset:
            gaps.append(Gap(chunk.first, float(chunk.times[0]), chunk.lost))
        finite = are_numbers(bridged.data[:, self._pipeline.columns])
        without = (~finite | self._pipeline.missing).mean(axis=1)
        for start, stop, good in _runs(np.asarray(without <= self._bundle.max_bad_share)):
            first, last = bridged.first + start, bridged.first + stop
            if good:
                if self._refusing:
                    self._break(first, Reason.NOT_FINITE)
                for begin, end in self._contact.to_grid(first, last):
                    predictions += self._take_piece(bridged, begin, end)
            else:
                gaps.append(Gap(first, float(bridged.times[start]), stop - start))
                predictions += self._refuse(first, last, bridged)
                self._contact.note_not_finite(np.asarray(~finite[start:stop].all(axis=0)))
        return predictions, gaps

    def _refuse(self, first: int, last: int, chunk: Chunk) -> list[Prediction]:
        """Say where predictions were due among samples that are no numbers."""
        self._refusing = True
        refused = []
        while (sample := self._origin + self._pipeline.next_end(first - self._origin)) < last:
            refused.append(self._invalid(sample, chunk, (Reason.NOT_FINITE,), 0.0))
            first = sample + 1
        return refused

    def _take_piece(self, chunk: Chunk, begin: int, end: int) -> list[Prediction]:
        """Take samples that reach no further than to the next point of the contact grid.

        What is no number in channels that the model can do without is a bad contact; filters are given 0 for it.
        """
        piece = chunk.data[begin - chunk.first : end - chunk.first]
        numbers = are_numbers(piece)
        filled = piece
        if not numbers.all():
            filled, piece = np.where(numbers, piece, 0.0), np.where(numbers, piece, np.nan)
        windows = self._pipeline.process(filled)
        predictions = self._skipped(end, chunk)
        self._contact.add(piece[:, self._pipeline.columns] * self._pipeline.scale, end)
        # Before the verdict at this piece's end, which other cuts would not know yet.
        predictions += [self._predict(window, chunk) for window in windows]
        if not end % self._contact.grid:
            self._rate.add(end, float(chunk.times[end - 1 - chunk.first]))
        if self._contact.update(resting=self._resting(end)):
            # A filter rings for seconds after what a bad electrode gave it.
            self._pipeline.restart(self._contact.recovering)
            self._leave_out(self._contact.bad_now(), end)
        return predictions

    def _resting(self, end: int) -> bool:
        """Return whether the second before stream index `end` is part of the rest that is being measured."""
        begin = math.inf if self._baseline_from is None else self._baseline_from
        return self.baseline_progress < 1 and end - self._contact.block >= begin

    def _leave_out(self, bad: NDArray[np.bool_], sample: int) -> None:
        """Do without the channels that are bad, and those that are missing, from stream index `sample` on."""
        left_out = bad | self._pipeline.missing
        if not np.array_equal(left_out, self._left_out):
            self._left_out, self._left_out_since = left_out, sample
            self._pipeline.set_bad(left_out)

    def _begin(self, first: int, reason: Reason) -> None:
        self._origin = first  # stream index of the first sample since the filters' last reset
        self._no_past = reason  # why they have none
        self._awaited = deque(self._incomplete_ends)
        self._refusing = False  # whether the newest samples are no numbers, so that the next ones have no past

    def _break(self, first: int, reason: Reason) -> None:
        """Restart at stream index `first`: what came before says nothing about what follows."""
        self._decoder.reset()
        self._contact.reset(first)
        self._begin(first, reason if first > 0 else Reason.WARMING_UP)

    def _skipped(self, end: int, chunk: Chunk) -> list[Prediction]:
        """Say where a prediction was due before stream index `end` but filters had no past."""
        skipped = []
        while self._awaited and self._origin + self._awaited[0] < end:
            skipped.append(self._invalid(self._origin + self._awaited.popleft(), chunk, (self._no_past,), 0.0))
        return skipped

    def _predict(self, window: Window, chunk: Chunk) -> Prediction:
        start, sample = self._origin + window.first, self._origin + window.last
        bad, artefact = self._contact.judge_window(start, sample + 1)
        quality = float((~bad).mean())
        acceptable = self._can_do_without(bad, start)
        measuring = self.baseline_progress < 1
        waiting = self._baseline_from is None or (measuring and start < self._baseline_from)
        wrong_rate = self._rate.wrong or self._arrives_wrong
        decoded = self._decoder.decode(window, usable=acceptable and not waiting and not wrong_rate, bad=bad)
        self._familiarity.add(decoded)
        if measuring and (rest := self.rest) is not None:
            self._decoder.set_rest(replace(rest, powers=self._contact.rest_powers))
        if decoded.reasons:
            return self._invalid(sample, chunk, decoded.reasons, quality, artefact, distance=decoded.distance)
        if decoded.probabilities is None or decoded.smoothed is None or decoded.spread is None:
            # Acceptable and yet refused: with the channels that were bad at rest there are too many.
            excused = acceptable and (waiting or measuring or wrong_rate)
            reasons: tuple[Reason, ...] = () if excused else (Reason.BAD_CONTACT,)
            if not acceptable and self._pipeline.missing.any():
                reasons = (*reasons, Reason.MISSING_CHANNELS)
            if wrong_rate:
                reasons = (*reasons, Reason.WRONG_RATE)
            if waiting or measuring or (acceptable and not wrong_rate):
                reasons = (*reasons, Reason.BASELINE)
            return self._invalid(sample, chunk, reasons, quality, artefact)
        self._compute_ms = decoded.seconds * 1e3
        time = float(chunk.times[sample - chunk.first])
        return Prediction(
            sample=sample,
            time=time,
            valid=True,
            reasons=(Reason.UNDECIDED,) if decoded.undecided else (),
            quality=quality,
            age_ms=self._age_ms(time),
            compute_ms=self._compute_ms,
            targets=_target_predictions(self._bundle, decoded),
            distance=decoded.distance,
            artefact=artefact.artefact.value,
            artefact_score=artefact.score,
            features=decoded.features,
        )

    def _can_do_without(self, bad: NDArray[np.bool_], start: int) -> bool:
        """Return whether so many channels may be bad, and were left out of the whole window from `start` on.

        Before its verdict a bad channel goes into the average of all, and after it stands something else in its
        place: a window with both is neither.
        """
        if not bad.any():
            return True
        left_out = start >= self._left_out_since and not (bad & ~self._left_out).any()
        return left_out and float(bad.mean()) <= self._bundle.max_bad_share

    def _invalid(
        self,
        sample: int,
        chunk: Chunk,
        reasons: tuple[Reason, ...],
        quality: float,
        artefact: Verdict = Verdict(),  # noqa: B008 - frozen
        *,
        distance: float | None = None,
    ) -> Prediction:
        time = float(chunk.times[sample - chunk.first])
        targets = tuple(TargetPrediction(target.name, target.classes, None, None) for target in self._bundle.targets)
        return Prediction(
            sample=sample,
            time=time,
            valid=False,
            reasons=reasons,
            quality=quality,
            age_ms=self._age_ms(time),
            compute_ms=0.0,
            targets=targets,
            distance=distance,
            artefact=artefact.artefact.value,
            artefact_score=artefact.score,
        )

    def _age_ms(self, time: float) -> float:
        # Stamps of a recording that is read faster than it was made run ahead of the clock: no age is known.
        return age_of(time, self._clock()) * 1e3


def _target_predictions(bundle: Bundle, decoded: Decoded) -> tuple[TargetPrediction, ...]:
    sets = decoded.sets or (None,) * len(bundle.targets)
    columns = (decoded.probabilities or (), decoded.smoothed or (), decoded.spread or ())
    predictions = []
    for target, found, probability, smoothed, spread in zip(bundle.targets, sets, *columns, strict=True):
        possible = None if found is None else tuple(np.array(target.classes)[found].tolist())
        p, mean, sd = (tuple(values.tolist()) for values in (probability, smoothed, spread))
        predictions.append(TargetPrediction(target.name, target.classes, p, mean, sd, possible))
    return tuple(predictions)


class _Bridge:
    """Straight lines across losses too short to matter."""

    def __init__(self, rate: float) -> None:
        self._longest = int(BRIDGE_SECONDS * rate)
        self._row: Samples | None = None
        self._time = 0.0

    def over(self, chunk: Chunk) -> Chunk:
        """Return the chunk with a short loss before it filled in, or as it is."""
        row, time = self._row, self._time
        self._row, self._time = chunk.data[-1], float(chunk.times[-1])
        if row is None or chunk.reset or not 0 < chunk.lost <= self._longest:
            return chunk
        share = np.arange(1, chunk.lost + 1) / (chunk.lost + 1)
        filled = row + share[:, None] * (chunk.data[0] - row)
        times = time + share * (chunk.times[0] - time)
        return Chunk(
            np.concatenate([filled, chunk.data]),
            np.concatenate([times, chunk.times]),
            chunk.first - chunk.lost,
            markers=chunk.markers,
        )


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Return the runs of equal values of a mask: start, stop, value."""
    if mask.all():
        yield 0, len(mask), True
        return
    edges = np.flatnonzero(np.diff(mask)) + 1
    bounds = [0, *edges.tolist(), len(mask)]
    for start, stop in pairwise(bounds):
        if stop > start:
            yield start, stop, bool(mask[start])
