"""What there is to report of a recorded session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.engine.recompute import predictions_of_recording
from bci_app.engine.watcher import Watcher
from bci_app.errors import BciError
from bci_app.events import ContactLevel
from bci_app.learn.learn import default_profile_folder
from bci_app.learn.profile import PROFILE_FILE, Profile, load_profile, profiles_folder
from bci_app.recording import Recording, read_recording
from bci_app.recording.predictions import RecordedPredictions, read_predictions
from bci_app.recording.xdf_chunks import XdfStream, check_xdf
from bci_app.sources.channels import for_prediction
from bci_app.stream import Chunk
from bci_app.study.trials import RecordedStudy, RecordedTrial, read_study, self_reported

_RATINGS = (1.0, 9.0)


@dataclass(frozen=True, eq=False)
class ContactTrack:
    """Contact of the electrodes, second by second.

    Attributes
    ----------
    times : ndarray of float64, shape (n_seconds,)
        Seconds from the first sample, at the end of each.
    channels : tuple of str
        Electrodes.
    levels : tuple of tuple of ContactLevel
        One tuple a second, in the order of `channels`.
    artefacts : tuple of str
        What was in the signal beside the brain, one word a second; empty for nothing.
    """

    times: NDArray[np.float64]
    channels: tuple[str, ...]
    levels: tuple[tuple[ContactLevel, ...], ...]
    artefacts: tuple[str, ...]

    @property
    def good(self) -> float:
        """Share of electrodes and seconds with good contact, 0 to 1; nan where nothing was judged."""
        judged = [level for row in self.levels for level in row if level is not ContactLevel.UNKNOWN]
        return sum(level is ContactLevel.GOOD for level in judged) / len(judged) if judged else float("nan")

    def shares(self, channel: int) -> Mapping[ContactLevel, float]:
        """Return the share of the judged seconds that an electrode had each level."""
        counts = Counter(row[channel] for row in self.levels if row[channel] is not ContactLevel.UNKNOWN)
        total = counts.total() or 1
        return {level: count / total for level, count in counts.items()}


@dataclass(frozen=True, eq=False)
class Curve:
    """What was predicted of one target, from 0 for its first class to 1 for its last.

    Attributes
    ----------
    name : str
        Target.
    classes : tuple of str
        Its classes.
    raw, smoothed : ndarray of float64, shape (n_windows,)
        Mean class of each window, and the rolling one; nan where invalid.
    """

    name: str
    classes: tuple[str, ...]
    raw: NDArray[np.float64]
    smoothed: NDArray[np.float64]

    @property
    def title(self) -> str:
        """The target as people read it."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, eq=False)
class SessionFacts:
    """Everything that the page shows.

    Attributes
    ----------
    recording : Recording
        The samples.
    streams : tuple of XdfStream
        What the file holds; empty for formats of a single stream.
    predictions : RecordedPredictions or None
        Of the session, or made now.
    made_by : str
        The bundle that predicted now; empty if the predictions are those of the session.
    study : RecordedStudy or None
        What its markers say.
    trials : tuple of RecordedTrial
        Trials of the study, or stretches before self-reports.
    contact : ContactTrack
        Contact over time.
    profile : Profile or None
        Whose verdict is shown.
    """

    recording: Recording
    streams: tuple[XdfStream, ...]
    predictions: RecordedPredictions | None
    made_by: str
    study: RecordedStudy | None
    trials: tuple[RecordedTrial, ...]
    contact: ContactTrack
    profile: Profile | None

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """Seconds from the first sample to the last one of each window."""
        return np.empty(0) if self.predictions is None else self.predictions.time - self.recording.start

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """One for each target."""
        if self.predictions is None:
            return ()
        found = []
        for name, classes in self.predictions.classes.items():
            steps = np.linspace(0, 1, len(classes))
            raw, smoothed = (
                np.where(self.predictions.valid, values[name] @ steps, np.nan)
                for values in (self.predictions.probability, self.predictions.smoothed)
            )
            found.append(Curve(name, classes, raw, smoothed))
        return tuple(found)

    @property
    def artefacts(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Times, and what was in the signal beside the brain then: of each window, or without any of each second."""
        if self.predictions is None:
            return self.contact.times, self.contact.artefacts
        return self.times, self.predictions.artefact

    @property
    def valid_share(self) -> float:
        """Share of the windows that are valid; nan without predictions."""
        return float(self.predictions.valid.mean()) if self.predictions is not None else float("nan")

    @property
    def lost(self) -> int:
        """Samples that never came."""
        return sum(found.lost for found in self.recording.breaks)

    @property
    def participant(self) -> str:
        """Code of the person; empty if the file does not say."""
        stated = self.recording.session.get("participant") or (self.study.details if self.study else {}).get(
            "participant"
        )
        return str(stated or "")

    @property
    def bundle(self) -> str:
        """Name of the model; empty if there was none."""
        return self.made_by or str(self.recording.session.get("bundle", ""))

    def invalid(self) -> dict[str, int]:
        """Count windows by reason, the most frequent first; a window may have several."""
        if self.predictions is None:
            return {}
        found = self.predictions
        rows = (reasons for reasons, valid in zip(found.reasons, found.valid, strict=True) if not valid)
        return dict(Counter(reason for reasons in rows for reason in reasons).most_common())

    def predicted(self, trial: RecordedTrial, curve: Curve) -> float:
        """Return the mean prediction of the valid windows that end in a trial; nan without one."""
        inside = (self.times > trial.span.onset) & (self.times <= trial.span.offset) & np.isfinite(curve.raw)
        return float(curve.raw[inside].mean()) if inside.any() else float("nan")

    def agreement(self, curve: Curve) -> tuple[int, int]:
        """Return how many trials lie on the side of the middle that they were rated on, and of how many."""
        pairs = [(self.predicted(trial, curve), wanted(trial, curve)) for trial in self.trials]
        known = [(value, side) for value, side in pairs if np.isfinite(value) and side is not None and side != 0.5]
        return sum((value > 0.5) == (side > 0.5) for value, side in known), len(known)


def wanted(trial: RecordedTrial, curve: Curve) -> float | None:
    """Return what a trial was rated, or meant to be, from 0 to 1; None if nothing is known of the target."""
    for source in (trial.ratings, trial.intended):
        text = source.get(curve.name, "")
        if text in curve.classes:
            return curve.classes.index(text) / (len(curve.classes) - 1)
        with suppress(ValueError):
            low, high = _RATINGS
            value = (float(text) - low) / (high - low)
            if 0 <= value <= 1:
                return value
    return None


def read_session(
    path: Path,
    *,
    bundle: LoadedBundle | None = None,
    predictor: Predictor | None = None,
    profile: Profile | None = None,
) -> SessionFacts:
    """Read a recording and all that is to be reported of it. Parameters and errors are those of `write_report`."""
    recording = read_recording(path)
    xdf = recording.format == "XDF"
    markers = [(note.onset, note.text) for note in recording.annotations]
    study = read_study(markers)
    if bundle is not None:
        made = predictions_of_recording(recording, bundle, predictor=predictor)
        predictions = RecordedPredictions.of(made) if made else None
    else:
        predictions = read_predictions(path) if xdf else None
    return SessionFacts(
        recording=recording,
        streams=tuple(check_xdf(path.read_bytes(), path).streams.values()) if xdf else (),
        predictions=predictions,
        made_by="" if bundle is None else bundle.spec.name,
        study=study,
        trials=study.trials if study is not None else self_reported(markers),
        contact=follow_contact(recording),
        profile=profile or _profile_of(recording),
    )


def follow_contact(recording: Recording) -> ContactTrack:
    """Judge the contact of the electrodes as a session does, and keep what was said each second."""
    watcher = Watcher(for_prediction(recording.info))
    step = max(1, round(recording.info.rate))
    lost = {found.row: found.lost for found in recording.breaks}
    times, levels, artefacts = [], [], []
    shift = 0
    for segment in recording.segments:
        shift += lost.get(segment.start, 0)
        for start in range(segment.start, segment.stop, step):
            rows = slice(start, min(start + step, segment.stop))
            new = start == segment.start and start > 0
            watcher.take(
                Chunk(
                    recording.data[rows],
                    recording.times[rows],
                    shift + start,
                    lost=lost.get(start, 0) if new else 0,
                    reset=new and not lost.get(start, 0),
                )
            )
            times.append(float(recording.times[rows.stop - 1]))
            levels.append(tuple(contact.level for contact in watcher.contacts))
            artefacts.append(watcher.artefact)
    names = tuple(contact.channel for contact in watcher.contacts)
    return ContactTrack(np.array(times), names, tuple(levels), tuple(artefacts))


def _profile_of(recording: Recording) -> Profile | None:
    """Load the profile that predicted in a session, or was learnt from it, if it lies among the user's data."""
    participant, _, target = str(recording.session.get("profile", "")).rpartition(" ")
    if not participant:
        return _learnt_from(recording)
    try:
        found = load_profile(default_profile_folder(str(recording.session.get("bundle")), participant, target))
    except BciError:
        return None
    return found if found.spec.arrays_sha256 == recording.session.get("profile_sha256") else None


def _learnt_from(recording: Recording) -> Profile | None:
    """Load the newest profile that was learnt from a recording of the same person and name."""
    participant = recording.session.get("participant")
    found = []
    for file in profiles_folder().glob(f"*/{PROFILE_FILE}") if participant else ():
        with suppress(BciError):
            profile = load_profile(file.parent)
            if profile.spec.participant == participant and recording.path.name in profile.spec.recordings:
                found.append(profile)
    return max(found, key=lambda profile: profile.spec.created, default=None)
