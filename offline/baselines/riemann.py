"""Covariances in the tangent space of their Riemannian mean (Barachant et al. 2013), by pyriemann."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from offline.baselines.base import Baseline, Floats, Fold
from offline.baselines.linear import fitted_probabilities, logistic


@dataclass(frozen=True)
class TangentSpace(Baseline):
    """Logistic regression on covariances, shrunk by OAS (Chen et al. 2010): rank may lack after cleaning."""

    def predict(self, fold: Fold) -> Floats:
        """Fit the mean covariance and the classifier to the windows whose labels are known."""
        from pyriemann.estimation import Covariances
        from pyriemann.tangentspace import TangentSpace as Projection

        covariances = Covariances("oas").transform(np.asarray(fold.tokens, dtype=np.float64))
        model = make_pipeline(Projection(), StandardScaler(), logistic())
        return fitted_probabilities(model, fold, covariances)
