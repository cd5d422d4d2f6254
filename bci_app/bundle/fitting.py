"""Which models fit a stream, and what each is expected to reach on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bci_app.bundle.decoder import stream_pipeline
from bci_app.bundle.provenance import WEAKNESSES
from bci_app.bundle.spec import Bundle
from bci_app.bundle.store import LoadedBundle, load_bundle, shipped_models
from bci_app.errors import BciError


@dataclass(frozen=True, slots=True)
class ModelFit:
    """A model beside a stream.

    Attributes
    ----------
    bundle : str
        Name of the bundle, or of its folder where it does not load.
    fits : bool
        Whether a session can start.
    expected_balanced_accuracy : float or None
        What was measured with these electrodes on people that the model was not trained on, as a mean over its
        targets; None where nothing was.
    electrodes : tuple of str
        Electrodes of the stream that the model reads.
    reason : str
        Why it does not fit, or what the expected accuracy is worth; empty if there is nothing to say.
    """

    bundle: str
    fits: bool
    expected_balanced_accuracy: float | None
    electrodes: tuple[str, ...]
    reason: str


def fit_models(channels: Sequence[str] | None, rate: float | None, folder: Path | None = None) -> list[ModelFit]:
    """Compare the bundles of a folder with a stream: those that fit first, then those for people, then the best.

    Parameters
    ----------
    channels : sequence of str or None
        The stream's channels in any spelling, in µV; by default those that each model was trained on.
    rate : float or None
        The stream's rate in Hz; by default that of each model.
    folder : Path, optional
        Holds the bundles; by default those that ship.
    """
    ranked = []
    for loaded in _bundles(folder or shipped_models()):
        fit = _fit(loaded, channels, rate)
        for_people = isinstance(loaded, LoadedBundle) and not loaded.spec.not_for_people
        ranked.append(((fit.fits, for_people, fit.expected_balanced_accuracy or 0.0), fit))
    return [fit for _, fit in sorted(ranked, key=lambda pair: pair[0], reverse=True)]


def _bundles(folder: Path) -> Iterator[LoadedBundle | ModelFit]:
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not entry.is_dir():
            continue
        try:
            yield load_bundle(entry)
        except BciError as error:
            yield ModelFit(entry.name, False, None, (), str(error))


def _fit(loaded: LoadedBundle | ModelFit, channels: Sequence[str] | None, rate: float | None) -> ModelFit:
    if isinstance(loaded, ModelFit):
        return loaded
    bundle = loaded.spec
    names = tuple(channels or bundle.preprocessing.channels)
    try:
        pipeline = stream_pipeline(
            bundle, channels=names, rate=rate or bundle.preprocessing.rate, units=("uV",) * len(names)
        )
    except BciError as error:
        return ModelFit(bundle.name, False, None, (), str(error))
    read = zip(pipeline.spec.channels, pipeline.missing, strict=True)
    electrodes = tuple(name for name, missing in read if not missing)
    expected = expected_accuracy(bundle, electrodes)
    return ModelFit(bundle.name, True, expected, electrodes, _remark(bundle, electrodes, expected))


def expected_accuracy(bundle: Bundle, electrodes: Sequence[str]) -> float | None:
    """Return the balanced accuracy that the card states for some electrodes, as a mean over targets.

    Parameters
    ----------
    bundle : Bundle
        The model.
    electrodes : sequence of str
        Electrodes of a stream that it reads.
    """
    expected = [_expected(bundle, electrodes, target.name) for target in bundle.targets]
    known = [value for value in expected if value is not None]
    return sum(known) / len(known) if len(known) == len(expected) else None


def _expected(bundle: Bundle, electrodes: Sequence[str], target: str) -> float | None:
    card = bundle.provenance
    montage = bundle.montage_score(electrodes, target)
    if montage is not None:
        return montage.balanced_accuracy
    whole = next((score.balanced_accuracy for score in card.scores if score.target == target), None)
    missing = len(set(bundle.preprocessing.channels) - set(electrodes))
    if not missing or whole is None:
        return whole
    losses = [
        loss.worst
        for loss in card.bad_channels
        if (loss.target, loss.method, loss.channels) == (target, bundle.bad_channels, missing)
    ]
    return whole - losses[0] if losses else None


def _remark(bundle: Bundle, electrodes: Sequence[str], expected: float | None) -> str:
    if bundle.not_for_people:
        return "for trying out the software: trained on synthetic signals, not for use on people"
    if expected is None:
        return f"no score was measured with these {len(electrodes)} electrodes"
    montage = bundle.montage_score(electrodes)
    weak = [bundle.weakness(score) for score in (bundle.provenance.scores if montage is None else (montage,))]
    return next((WEAKNESSES[each] for each in weak if each), "")
