"""What a line reads in the tokens of preset ``paper``: accuracy of valence of one synthetic person.

``python -m tests.benchmarks.paper_tokens FOLDER`` prints the table in ``docs/performance.md``. FOLDER is made by
``bci-offline synth deap FOLDER --subjects 1 --trials 40``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bci_app.preprocessing.spec import NoBaseline
from offline.baselines.linear import logistic
from offline.datasets import prepare
from offline.datasets.registry import open_dataset
from offline.presets import POWER_BANDS, paper_preprocessing
from offline.protocols import make_splits

FOLDS = 2


def log_power(tokens: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return log band power (n_windows, n_channels, n_bands) of 1-s windows at 128 Hz."""
    power = np.abs(np.fft.rfft(tokens * np.hanning(128))) ** 2
    return np.stack([np.log(power[..., low:high].sum(axis=-1)) for low, high in POWER_BANDS], axis=-1)


def main() -> None:
    """Print one line for each kind of token and features."""
    dataset = open_dataset("deap", Path(sys.argv[1]))
    paper = paper_preprocessing(dataset.info)
    specs = {
        "as in the paper": paper,
        "rest not subtracted": paper.model_copy(update={"baseline": NoBaseline()}),
        "not z-scored across channels": paper.model_copy(update={"across_channels": False}),
    }
    for name, spec in specs.items():
        with TemporaryDirectory() as cache:
            windows = prepare(dataset, spec, Path(cache), targets=["valence"])
            tokens, labels = np.asarray(windows.tokens), windows.labels[:, 0]
        for features, classifier in ((tokens, RidgeClassifier(alpha=3000)), (log_power(tokens), logistic())):
            flat = features.reshape(len(features), -1)
            for protocol in ("paper", "trial"):
                accuracies = []
                for split in make_splits(windows, protocol)[:FOLDS]:
                    known = np.concatenate([split.train, split.validation])
                    model = make_pipeline(StandardScaler(), classifier).fit(flat[known], labels[known])
                    accuracies.append(model.score(flat[split.test], labels[split.test]))
                print(name, type(classifier).__name__, protocol, *(f"{each:.3f}" for each in accuracies), flush=True)


if __name__ == "__main__":
    main()
