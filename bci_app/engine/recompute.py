"""The predictions of a session, made again from its recording."""

from __future__ import annotations

import math
import sys
from itertools import pairwise

from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.engine.interpreter import Interpreter
from bci_app.engine.rest import states_of_session
from bci_app.events import Prediction
from bci_app.preprocessing.resample import design_resampler
from bci_app.preprocessing.spec import NoBaseline
from bci_app.recording.model import Recording
from bci_app.recording.state import ModelState
from bci_app.sources.channels import for_prediction
from bci_app.stream import Chunk

# A stream index that no session reaches.
_NEVER = sys.maxsize


def predictions_of_recording(
    recording: Recording, bundle: LoadedBundle, *, predictor: Predictor | None = None
) -> list[Prediction]:
    """Make the predictions that a model makes, or made, of a recording.

    A session that our recorder wrote is followed as it was, wherever in it the recording began: with the channels that
    it used, its rest baseline and its windows. Probabilities are then those of the session from the first whole window
    on (with a band-pass, once what came before the recording has faded from the filters), the smoothed ones after as
    many windows as the bundle smooths over. A session alignment goes on from what it knew where the recording began,
    without the windows that began before it. Of any other recording, and for another model, the rest baseline is
    measured in its beginning.

    Parameters
    ----------
    recording : Recording
        From `read_recording`.
    bundle : LoadedBundle
        The model.
    predictor : Predictor, optional
        Predicts in the place of the bundle's own network, as a person's profile does.

    Returns
    -------
    list of Prediction
        In order; `sample` counts as it did in the session. Ages are unknown (nan) and computing times 0.

    Raises
    ------
    ChannelError, PreprocessingError
        If the recording does not fit the model.
    BundleError
        If the session was with a model of this name and another preprocessing.
    """
    predictor = predictor or Predictor(bundle.spec, bundle.model)
    seen = for_prediction(recording.info, drop=recording.left_out)
    spec = predictor.spec.for_stream(seen.channels, seen.units)
    states = states_of_session(recording, spec)
    followed = bool(states) and not isinstance(spec.preprocessing.baseline, NoBaseline)
    interpreter = Interpreter(
        spec,
        predictor,
        seen,
        wait_for_baseline=followed,
        clock=lambda: -math.inf,
    )
    begin = _first_of_grid(recording, bundle, states)
    predictions: list[Prediction] = []
    for number, chunk in enumerate(_chunks(recording, begin, {state.sample for state in states})):
        if states:
            _follow(interpreter, states, chunk.first, first=number == 0)
        predictions += interpreter.take(chunk)[0]
    return predictions


def _first_of_grid(recording: Recording, bundle: LoadedBundle, states: list[ModelState]) -> int:
    """Return the stream index from which windows and resampled samples fall where they did in the session."""
    first = recording.first
    if not states or any(state.origin == first for state in states):
        return first
    spec = bundle.spec.preprocessing
    design = design_resampler(recording.info.rate, spec.rate)
    hops = spec.hop * design.down
    period = hops // math.gcd(hops, design.up)
    return first + (states[0].origin - first) % period


def _chunks(recording: Recording, begin: int, cuts: set[int]) -> list[Chunk]:
    """Return the samples from stream index `begin` (or an earlier break) on, cut also at some indices."""
    lost = {found.row: found.lost for found in recording.breaks}
    chunks: list[Chunk] = []
    shift = recording.first  # stream index of row 0, once what was lost is counted
    for segment in recording.segments:
        shift += lost.get(segment.start, 0)
        start, stop = shift + segment.start, shift + segment.stop
        if not chunks and not segment.start:
            start = max(start, begin)
        edges = sorted({start, stop, *(cut for cut in cuts if start < cut < stop)})
        for low, high in pairwise(edges):
            rows = slice(low - shift, high - shift)
            follows = low > start
            chunks.append(
                Chunk(
                    recording.data[rows],
                    recording.start + recording.times[rows],
                    low,
                    lost=0 if follows else lost.get(segment.start, 0),
                    reset=not follows and (not chunks or lost.get(segment.start, 0) == 0),
                )
            )
    return chunks


def _follow(interpreter: Interpreter, states: list[ModelState], sample: int, *, first: bool) -> None:
    """Let the interpreter know what the session's knew at a sample, the `first` one or a later one."""
    known = [state for state in states if state.sample <= sample]
    state = known[-1] if known else states[0]
    if state.rest != interpreter.rest:
        if state.rest is None:
            interpreter.start_baseline(_NEVER)
        else:
            interpreter.set_rest(state.rest)
    if state.alignment is not None and (first or state.sample == sample):
        interpreter.set_alignment(state.alignment)
