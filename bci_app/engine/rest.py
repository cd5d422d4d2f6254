"""A rest baseline from a recording made before."""

from __future__ import annotations

from dataclasses import replace

from bci_app.bundle.spec import Bundle
from bci_app.engine.contact import ContactMonitor
from bci_app.errors import BundleError
from bci_app.preprocessing import Pipeline, Rest, Window, measure_rest
from bci_app.recording import Recording
from bci_app.recording.state import ModelState


def states_of_session(recording: Recording, bundle: Bundle) -> list[ModelState]:
    """Return the states of a model that a recording holds.

    There are none if bci-app did not record it, or if it was recorded with another model. A bundle that was renamed
    since is the same model.

    Parameters
    ----------
    recording : Recording
        A session, or any other recording.
    bundle : Bundle
        The model.

    Raises
    ------
    BundleError
        If the session's model has this name but another preprocessing, or does not name its preprocessing: its rest
        baseline does not fit.
    """
    same = recording.session.get("model_sha256") == bundle.model_sha256
    named = [state for state in recording.states if same or state.bundle == bundle.name]
    digest = bundle.preprocessing.digest
    fitting = [state for state in named if state.preprocessing == digest]
    if not fitting and (measured := [state for state in named if state.rest is not None]):
        other = measured[-1].preprocessing
        raise BundleError(
            f"The rest baseline in {recording.path.name} is not one for this {bundle.name}",
            found=f"preprocessing {other[:12]}" if other else "no word of the preprocessing it was measured with",
            expected=f"preprocessing {digest[:12]}",
            fix="Use the bundle that the session was recorded with, or measure the rest again.",
        )
    return fitting


def rest_of_recording(recording: Recording, bundle: Bundle) -> Rest | None:
    """Return the rest baseline of a recording for a bundle.

    A session that bci-app recorded with this model holds its rest baselines: the last one is returned. In any other
    recording it is measured, from the beginning on.

    Parameters
    ----------
    recording : Recording
        Rest of the same person with the same montage.
    bundle : Bundle
        What to measure. For an elastic model this is the bundle as it fits the session's stream: `Engine.spec` once
        the engine is started, or `Bundle.for_stream`.

    Returns
    -------
    Rest or None
        None if the bundle needs no baseline.

    Raises
    ------
    ChannelError, PreprocessingError
        If the recording lacks channels or is too short.
    BundleError
        If it is one of a session with a model of this name and another preprocessing.
    """
    if known := [state.rest for state in states_of_session(recording, bundle) if state.rest is not None]:
        return known[-1]
    info = recording.info
    pipeline = Pipeline(bundle.preprocessing, channels=info.channels, rate=info.rate, units=info.units)
    monitor = ContactMonitor(pipeline.spec.channels, info.rate, missing=pipeline.missing)
    windows: list[Window] = []
    for segment in recording.segments:
        left = bundle.preprocessing.baseline_windows - len(windows)
        if left <= 0:
            break
        pipeline.reset()
        monitor.reset(segment.start)
        found = pipeline.process(recording.data[segment])
        windows += found[:left]
        # Artefacts are judged by the same seconds as the windows.
        stop = segment.stop if len(found) < left else segment.start + found[left - 1].last + 1
        for start, end in monitor.to_grid(segment.start, stop):
            monitor.add(recording.data[start:end, pipeline.columns] * pipeline.scale, end)
            monitor.update(resting=True)
    rest = measure_rest(bundle.preprocessing, [window.features for window in windows])
    return None if rest is None else replace(rest, powers=monitor.rest_powers)
