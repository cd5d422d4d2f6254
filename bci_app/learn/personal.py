"""A bundle's predictor with a person's own head in the place of one target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.predictor import PredictedBatch, Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.learn.features import window_features
from bci_app.learn.profile import Profile


class PersonalPredictor(Predictor):
    """Predict one target by a person's head, all others by the bundle.

    Parameters
    ----------
    bundle : LoadedBundle
        The model.
    profile : Profile
        The person's.

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
        self.head = profile.head
        self._position = [target.name for target in bundle.spec.targets].index(profile.spec.target)

    def predict(self, tokens: NDArray[np.float32], channels: Sequence[str] | None = None) -> PredictedBatch:
        """Compute probabilities and embedding of a batch of windows (n_windows, n_channels, n_features)."""
        output = super().predict(tokens, channels)
        features = window_features(tokens, output.embedding, self.spec.preprocessing)[self.profile.spec.features]
        high = self.profile.calibration.probability(self.head.scores(features))
        probabilities = list(output.probabilities)
        probabilities[self._position] = np.stack([1 - high, high], axis=1)
        return output._replace(probabilities=tuple(probabilities))
