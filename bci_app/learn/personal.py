"""A bundle's predictor with a person's own head in the place of one target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.predictor import PredictedBatch, Predictor
from bci_app.bundle.spec import Bundle, Target
from bci_app.bundle.store import LoadedBundle
from bci_app.learn.features import window_features
from bci_app.learn.profile import Profile


class PersonalPredictor(Predictor):
    """Predict one target by a person's head, all others by the bundle.

    A target that the bundle does not have is added to its targets.

    Parameters
    ----------
    bundle : LoadedBundle
        The model.
    profile : Profile
        The person's.

    Attributes
    ----------
    spec : Bundle
        The bundle's description with the person's target in it.

    Raises
    ------
    ProfileError
        If the profile was not made for the bundle.
    BundleError
        As `Predictor`.
    """

    def __init__(self, bundle: LoadedBundle, profile: Profile) -> None:
        profile.require_fit(bundle.spec)
        super().__init__(bundle.spec, bundle.model)
        self.profile = profile
        self.profile_facts = {
            "profile": f"{profile.spec.participant} {profile.spec.target}",
            "profile_sha256": profile.spec.arrays_sha256,
        }
        self.head = profile.head
        self.spec = _with_target(bundle.spec, profile)
        self._position = [target.name for target in self.spec.targets].index(profile.spec.target)

    def check_channels(self, channels: Sequence[str]) -> None:
        """Check that the electrodes are those that the profile was learnt with, in any order.

        Raises
        ------
        ProfileError
            If they are others.
        """
        self.profile.require_channels(channels)

    def predict(self, tokens: NDArray[np.float32], channels: Sequence[str] | None = None) -> PredictedBatch:
        """Compute probabilities and embedding of a batch of windows. See `Predictor.predict`."""
        output = super().predict(tokens, channels)
        arranged = self._arranged(tokens, channels or self.spec.preprocessing.channels)
        features = window_features(arranged, output.embedding, self.spec.preprocessing)[self.profile.spec.features]
        high = self.profile.calibration.probability(self.head.scores(features))
        probabilities = [*output.probabilities]
        probabilities[self._position : self._position + 1] = [np.stack([1 - high, high], axis=1)]
        return output._replace(probabilities=tuple(probabilities), features=features)

    def _arranged(self, tokens: NDArray[np.float32], channels: Sequence[str]) -> NDArray[np.float32]:
        """Return tokens in the profile's order of electrodes; one that is left out now stands as at rest."""
        expected = self.profile.spec.channels
        if tuple(channels) == expected:
            return tokens
        arranged = np.zeros((len(tokens), len(expected), tokens.shape[2]), dtype=np.float32)
        for place, name in enumerate(expected):
            if name in channels:
                arranged[:, place] = tokens[:, list(channels).index(name)]
        return arranged


def _with_target(bundle: Bundle, profile: Profile) -> Bundle:
    """Return the description of a bundle with the person's target."""
    spec = profile.spec
    own = Target(
        name=spec.target,
        classes=spec.classes,
        description=f"learnt from {spec.participant}'s own trials on {spec.created}",
        conformal=() if spec.conformal is None else (spec.conformal,),
    )
    names = [target.name for target in bundle.targets]
    if spec.target not in names:
        return bundle.model_copy(update={"targets": (*bundle.targets, own)})
    return bundle.model_copy(
        update={"targets": tuple(own if target.name == spec.target else target for target in bundle.targets)}
    )
