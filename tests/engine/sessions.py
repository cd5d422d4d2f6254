"""Sessions over prepared chunks, and what must be the same of them however samples arrive."""

from __future__ import annotations

from bci_app.bundle import LoadedBundle
from bci_app.engine import Engine
from bci_app.events import Prediction
from bci_app.stream import Chunk, StreamInfo
from tests.bundles import CHANNELS
from tests.streams import ArraySource

RATE = 250.0
INFO = StreamInfo("test", (*CHANNELS, "ECG"), RATE, ("uV",) * 7)


def run(bundle: LoadedBundle, pieces: list[Chunk], **options: bool) -> tuple[list[Prediction], Engine]:
    engine = Engine(ArraySource(INFO, pieces), bundle, clock=lambda: 200.0, **options)
    engine.start()
    predictions: list[Prediction] = []
    while not engine.finished:
        predictions += engine.step().predictions
    return predictions, engine


def content(predictions: list[Prediction]) -> list[object]:
    """All that must not depend on arrival: everything but the time that the network took."""
    return [
        (p.sample, p.time, p.valid, p.reasons, p.quality, p.targets, p.artefact, repr(p.artefact_score))
        for p in predictions
    ]
