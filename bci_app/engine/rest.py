"""A rest baseline from a recording made before."""

from __future__ import annotations

from bci_app.bundle.spec import Bundle
from bci_app.preprocessing import Pipeline, Rest, measure_rest
from bci_app.recording import Recording


def rest_of_recording(recording: Recording, bundle: Bundle) -> Rest | None:
    """Give the rest baseline of a recording for a bundle.

    Of a session that our recorder wrote it is the last one of that session, if it was with the same
    model; else it is measured in the beginning of the recording.

    Parameters
    ----------
    recording : Recording
        Rest of the same person with the same montage.
    bundle : Bundle
        Says what to measure.

    Returns
    -------
    Rest or None
        None if the bundle needs no baseline.

    Raises
    ------
    ChannelError, PreprocessingError
        If the recording lacks channels or is too short.
    """
    if known := [state.rest for state in recording.states if state.bundle == bundle.name and state.rest is not None]:
        return known[-1]
    info = recording.info
    pipeline = Pipeline(bundle.preprocessing, channels=info.channels, rate=info.rate, units=info.units)
    windows = []
    for segment in recording.segments:
        pipeline.reset()
        windows += pipeline.process(recording.data[segment])
    return measure_rest(bundle.preprocessing, [window.features for window in windows])
