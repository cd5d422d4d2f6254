"""The transformer of the search space without any search: its largest architecture, trained from scratch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from offline.baselines.base import Baseline, Floats, Fold
from offline.metrics import fit_temperature, softmax
from offline.supernet.model import Network
from offline.training import Examples, Job, predict


@dataclass(frozen=True)
class FixedTransformer(Baseline):
    """The same model class, tokens and recipe as the supernet's, and one architecture."""

    def predict(self, fold: Fold) -> Floats:
        """Train the largest architecture of the space."""
        preset, split = fold.preset, fold.split
        recipe = preset.recipe.for_windows(len(split.train)).model_copy(update={"sandwich": 0})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(fold.seed)
            model = Network(
                preset.space.largest,
                n_channels=fold.tokens.shape[1],
                n_features=fold.tokens.shape[2],
                class_counts=(fold.n_classes,),
            )
        train_on, held = (
            Examples(np.ascontiguousarray(fold.tokens[part]), fold.labels[part, None])
            for part in (split.train, split.validation)
        )
        largest = preset.space.largest
        Job(model, recipe, train_on, space=preset.space, seed=fold.seed, validation=held, arch=largest).train()

        def logits(tokens: np.ndarray) -> Floats:
            return predict(model, np.ascontiguousarray(tokens), largest)[:, 0, : fold.n_classes].double().numpy()

        temperature = fit_temperature(logits(held.tokens), held.labels[:, 0], fold.trial[split.validation])
        return softmax(logits(fold.tokens[split.test]) / temperature)
